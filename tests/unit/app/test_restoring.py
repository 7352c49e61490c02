"""How the subscriptions of earlier lives are loaded."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from dfks_rules.app import restoring
from dfks_rules.app.restoring import Loading
from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.presence.claim import Before, Claim
from dfks_rules.presence.rows import with_time
from dfks_rules.service.ports import DialogRow
from dfks_rules.store.life import Beat
from tests.helpers.transports import until

_ALICE = Aor("alice", "example.com")
_BEAT = Beat(10_000.0, 50.0, "boot", told=41)


def _row(number: int, written_at: float) -> DialogRow:
    flags = with_time(0, written_at)
    return DialogRow(number, b"%d" % number, _ALICE, 20_000.0, 1, 0, flags, b"", None)


class _Past:
    """Rows, and how the life before has ended."""

    def __init__(self, rows: Sequence[DialogRow], previous: Beat | None = _BEAT) -> None:
        self.rows = sorted(rows, key=lambda one: -one.row)
        self.previous = previous
        self.failures = 0
        """How often reading fails before it works."""
        self.asked_since: list[int] = []

    def read(self, before: int, at_most: int) -> list[DialogRow]:
        if self.failures:
            self.failures -= 1
            raise StoreError("store_unavailable", "cannot read")
        return [one for one in self.rows if one.row < before][:at_most]

    def changed_since(self, seq: int) -> frozenset[Aor]:
        self.asked_since.append(seq)
        return frozenset((_ALICE,))


class _Notifier:
    """Takes them."""

    def __init__(self) -> None:
        self.before: Before | None = None
        self.claim: Claim | None = None
        self.taken: list[int] = []
        self.is_loaded = self.is_done = False
        self.wakes = 0
        self.chokes_on: int | None = None
        """Number of a row that it cannot take."""

    def restore(self, before: Before, now: float) -> Claim | None:
        assert now == 7.0
        self.before = before
        self.claim = Claim(before, now)
        return self.claim

    def take(self, claim: Claim | None, rows: Sequence[DialogRow], now: float) -> None:
        assert claim is self.claim
        for one in rows:
            if one.row == self.chokes_on:
                raise TypeError("it is not a row")
            self.taken.append(one.row)

    def loaded(self, claim: Claim | None) -> None:
        assert claim is self.claim
        self.is_loaded = True

    def wake(self) -> None:
        self.wakes += 1

    def done(self) -> None:
        assert self.is_loaded or self.before is None
        self.is_done = True


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "PORTION", 10)
    monkeypatch.setattr(restoring, "AGAIN", 0.01)


def _begun(past: _Past) -> tuple[Loading, _Notifier]:
    notifier = _Notifier()
    loading = Loading(past, notifier, notifier.wake, notifier.done)
    loading.begin(7.0)
    return loading, notifier


async def test_what_was_made_shortly_before_the_end_is_there_at_once() -> None:
    """The rest follows, newest first, and the notifier is woken for each portion."""
    old = [_row(number, 9_000.0) for number in range(100)]
    new = [_row(100 + number, 9_961.0) for number in range(15)]
    _, notifier = _begun(_Past(old + new))
    assert notifier.taken == list(range(114, 94, -1))
    assert not notifier.is_loaded
    await until(lambda: notifier.is_loaded)
    assert notifier.taken == list(range(114, -1, -1))
    assert (notifier.wakes, notifier.is_done) == (12, True)


async def test_old_row_that_was_written_late_does_not_end_the_search() -> None:
    """A refresh writes a row anew; its number stays that of an old one."""
    rows = [_row(number, 9_999.0) for number in range(10)]
    _, notifier = _begun(_Past(rows))
    assert len(notifier.taken) == 10
    assert notifier.is_loaded


async def test_a_spoilt_row_does_not_end_the_search() -> None:
    """It does not say when it was written."""
    spoilt = [_row(number, 0.0)._replace(tag=b"", flags=0) for number in range(5, 16)]
    new = [_row(number, 9_999.0) for number in (*range(5), *range(16, 25))]
    _, notifier = _begun(_Past([*spoilt, *new]))
    assert len(notifier.taken) == 25


async def test_a_row_is_loaded_whatever_its_number() -> None:
    """Somebody else has written it; it would never be removed."""
    _, notifier = _begun(_Past([_row(number, 9_999.0) for number in (1, 1 << 62, (1 << 63) - 2)]))
    assert notifier.taken == [(1 << 63) - 2, 1 << 62, 1]


async def test_crash_is_told_with_what_has_changed() -> None:
    """Since the newest change of which the last heartbeat says that no phone waits for it."""
    past = _Past([])
    _, notifier = _begun(past)
    assert notifier.before == Before(10_000.0, is_clean=False, changed=frozenset((_ALICE,)))
    assert past.asked_since == [41]
    assert notifier.is_loaded


async def test_planned_stop_is_told_without() -> None:
    """Nobody is told anything."""
    past = _Past([], _BEAT._replace(is_clean=True))
    _, notifier = _begun(past)
    assert notifier.before == Before(10_000.0, is_clean=True)
    assert past.asked_since == []


async def test_first_life_has_nothing_to_load() -> None:
    """Dialogs that are not found are unknown."""
    _, notifier = _begun(_Past([], previous=None))
    assert (notifier.before, notifier.is_loaded, notifier.is_done) == (None, False, True)


async def test_rows_that_cannot_be_read_are_asked_for_again() -> None:
    """As long as it takes: meanwhile no phone is told that its dialog does not exist."""
    past = _Past([_row(number, 0.0) for number in range(30)])
    loading, notifier = _begun(past)
    past.failures = 3
    await until(lambda: notifier.is_loaded)
    assert notifier.taken == list(range(29, -1, -1))
    assert loading.counts == {"restore_failures": 3}


async def test_row_that_nobody_can_take_does_not_end_the_loading() -> None:
    """Otherwise no phone would ever learn that its dialog does not exist."""
    loading, notifier = _begun(_Past([_row(number, 0.0) for number in range(30)]))
    notifier.chokes_on = 15
    await until(lambda: notifier.is_loaded)
    assert notifier.taken == [*range(29, 15, -1), *range(9, -1, -1)]
    assert (loading.counts, notifier.is_done) == ({"restore_failures": 1}, True)


async def test_start_fails_where_nothing_can_be_read() -> None:
    """An operator must learn of it."""
    past = _Past([])
    past.failures = 1
    with pytest.raises(StoreError):
        _begun(past)


async def test_stop_ends_the_loading() -> None:
    """What was not read stays where it is."""
    past = _Past([_row(number, 0.0) for number in range(30)])
    loading, notifier = _begun(past)
    tasks: Callable[[], bool] = lambda: len(asyncio.all_tasks()) == 1  # noqa: E731
    loading.end()
    await until(tasks)
    assert len(notifier.taken) == 10
    assert (notifier.is_loaded, notifier.is_done) == (False, False)
