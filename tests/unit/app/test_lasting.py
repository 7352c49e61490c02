"""What outlives a process, in a file."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from dfks_rules.app.heartbeat import read_clocks
from dfks_rules.app.lasting import Lasting
from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.presence.claim import Before, Claim
from dfks_rules.service.ports import DialogRow, Verdict
from dfks_rules.store.life import Beat
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.wanted import commit, wanted


class _Notifier:
    """Takes over what there is."""

    def __init__(self) -> None:
        self.before: Before | None = None
        self.claim: Claim | None = None
        self.taken: list[DialogRow] = []

    def restore(self, before: Before, now: float) -> Claim | None:
        self.before = before
        self.claim = Claim(before, now)
        return self.claim

    def take(self, claim: Claim | None, rows: Sequence[DialogRow], now: float) -> None:
        assert claim is self.claim
        self.taken += rows

    def loaded(self, claim: Claim | None) -> None:
        pass


async def test_next_life_goes_on_where_the_one_before_has_ended(tmp_path: Path) -> None:
    """With its subscriptions, on the same scale, and knowing that nothing was lost."""
    loop = asyncio.get_running_loop()
    epochs, notifiers = [], []
    for _ in range(2):
        store = SqliteStore(tmp_path / "dfks.db", loop)
        lasting = Lasting(store, loop)
        keeping = lasting.keeping(lambda _transport, _host, _port: None)
        epochs.append(keeping.epoch)
        notifiers.append(_Notifier())
        lasting.begin(notifiers[-1], lambda: None)
        deadline = keeping.epoch + loop.time() + 60
        number = keeping.dialogs.number()
        row = DialogRow(number, b"t", Aor("alice", "example.com"), deadline, 1, 0, 0, b"", None)
        stored: list[bool] = []
        keeping.dialogs.write((row,), (), stored.append)
        await lasting.settled()
        assert stored == [True]
        lasting.end()
        store.close()
    first, second = notifiers
    assert (first.before, first.taken) == (None, [])
    assert second.before is not None
    assert second.before.is_clean
    assert len(second.taken) == 1
    assert abs(epochs[1] - epochs[0]) < 0.5
    assert lasting.counts == {"restore_failures": 0}


async def test_start_that_fails_does_not_hide_the_crash_before(tmp_path: Path) -> None:
    """What was to be told after the crash is to be told by the next start."""
    loop = asyncio.get_running_loop()
    store = SqliteStore(tmp_path / "dfks.db", loop)
    Lasting(store, loop).begin(_Notifier(), lambda: None)
    store.close()
    failing = SqliteStore(tmp_path / "dfks.db", loop)
    crashed_at = failing.previous
    Lasting(failing, loop).end()  # An address is in use, say.
    failing.close()
    again = SqliteStore(tmp_path / "dfks.db", loop)
    assert again.previous == crashed_at
    again.close()


async def test_crash_right_after_a_crash_hides_nothing_of_the_first(tmp_path: Path) -> None:
    """Rows that say who is still to be told are written a moment after the start; a planned stop
    writes them.
    """
    loop = asyncio.get_running_loop()
    path = tmp_path / "dfks.db"
    crash = Beat(7.0, 1.0, "boot")
    store = SqliteStore(path, loop)
    store.beat(crash)
    store.close()
    for _ in range(2):
        killed = SqliteStore(path, loop)
        assert killed.previous == crash
        Lasting(killed, loop).begin(_Notifier(), lambda: None)
        killed.close()
    stopped = SqliteStore(path, loop)
    lasting = Lasting(stopped, loop)
    lasting.begin(_Notifier(), lambda: None)
    lasting.end()
    stopped.close()
    again = SqliteStore(path, loop)
    assert again.previous is not None
    assert again.previous.is_clean
    again.close()


async def test_change_before_the_first_heartbeat_is_told_after_a_crash(tmp_path: Path) -> None:
    """Whatever the clock said: it was an hour ahead, and is set back."""
    loop = asyncio.get_running_loop()
    store = SqliteStore(tmp_path / "dfks.db", loop)
    clocks = read_clocks(loop.time())
    ahead = Beat(clocks.wall + 3600.0, clocks.boot, clocks.boot_id)
    store.beat(ahead)
    store.close()
    again = SqliteStore(tmp_path / "dfks.db", loop)
    Lasting(again, loop)
    alice = Aor("alice", "example.com")
    on = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))
    await commit(again, wanted(alice, NOTHING_STORED, on))
    [entry] = await again.journal.of(alice, 1)
    assert abs(entry.at - clocks.wall) < 60.0
    again.close()
    after, notifier = SqliteStore(tmp_path / "dfks.db", loop), _Notifier()
    lasting = Lasting(after, loop)
    lasting.begin(notifier, lambda: None)
    assert notifier.before is not None
    assert notifier.before.changed == {alice}
    lasting.end()
    after.close()


async def test_stop_with_a_request_under_way_is_no_planned_one(tmp_path: Path) -> None:
    """It may be stored and told, but nobody repeats the NOTIFY, or writes down that it is owed."""
    loop = asyncio.get_running_loop()
    store = SqliteStore(tmp_path / "dfks.db", loop)
    lasting = Lasting(store, loop)
    lasting.begin(_Notifier(), lambda: None)
    alice = Aor("alice", "example.com")
    on = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))
    result = commit(store, wanted(alice, NOTHING_STORED, on))
    lasting.end()
    store.close()
    assert result.result()[0] is Verdict.STORED
    again = SqliteStore(tmp_path / "dfks.db", loop)
    assert again.previous is not None
    assert not again.previous.is_clean
    again.close()


async def test_life_that_does_not_end_was_a_crash(tmp_path: Path) -> None:
    """Its heartbeats say when."""
    loop = asyncio.get_running_loop()
    store = SqliteStore(tmp_path / "dfks.db", loop)
    Lasting(store, loop).begin(_Notifier(), lambda: None)
    store.close()
    again = SqliteStore(tmp_path / "dfks.db", loop)
    lasting, notifier = Lasting(again, loop), _Notifier()
    lasting.begin(notifier, lambda: None)
    assert notifier.before is not None
    assert not notifier.before.is_clean
    lasting.end()
    again.close()
