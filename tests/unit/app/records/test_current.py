"""What is stored for presentities whose changes are told."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.records.current import TRIES, Current
from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Fetched, NotKnownError
from dfks_rules.store.postgres.records import SpoiltError
from tests.helpers.stored import ALICE, BOB


def _at(revision: int) -> Snapshot:
    return NOTHING_STORED._replace(revision=revision)


class _Known:
    def __init__(self, known: dict[Aor, Snapshot], stored: dict[Aor, Snapshot] | None) -> None:
        self.known, self._stored = known, stored
        self.asked: list[Sequence[Aor]] = []

    def stored_of(self, presentity: Aor) -> Snapshot:
        if presentity not in self.known:
            raise NotKnownError((presentity,))
        return self.known[presentity]

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        self.asked.append(presentities)
        if self._stored is None:
            done(StoreError("store_unavailable", "the engine is out of reach"), 0.0)
            return
        self.known |= self._stored
        done(None, 0.0)


async def test_what_is_known_is_given_at_once() -> None:
    """A server with a store of its own never reads twice."""
    known = _Known({ALICE: _at(3)}, None)
    assert await Current(known)({ALICE: 3}) == {ALICE: _at(3)}
    assert known.asked == []


async def test_what_is_older_than_its_change_is_read_anew() -> None:
    """Another node has changed it, and this one has not heard of it yet; or knows nothing of it."""
    known = _Known({ALICE: _at(2)}, {ALICE: _at(4), BOB: _at(1)})
    now = await Current(known)({ALICE: 3, BOB: 1})
    assert now == {ALICE: _at(4), BOB: _at(1)}
    assert known.asked == [[ALICE, BOB]]


class _Pressed(_Known):
    """Others set, so that a presentity is not known for longer than the read of it takes."""

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        super().fetch(presentities, done)
        self.known.clear()


async def test_what_others_set_in_the_turn_after_it_was_read_is_told() -> None:
    """A listener's stream broke off: a presentity was known, and no longer when he was told."""
    known = _Pressed({}, {ALICE: _at(3), BOB: _at(1)})
    assert await Current(known)({ALICE: 3, BOB: 1}) == {ALICE: _at(3), BOB: _at(1)}


async def test_what_others_set_while_more_is_read_is_read_again() -> None:
    """Not for ever: whoever waits for it is told that it is not known."""
    known = _Known({}, {})
    with pytest.raises(NotKnownError):
        await Current(known)({ALICE: 3})
    assert known.asked == [[ALICE]] * TRIES


async def test_what_is_spoilt_keeps_nobody_from_the_others() -> None:
    """Operators are told whose it is."""

    class Spoilt(_Known):
        def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
            if ALICE in presentities:
                done(SpoiltError("presentity", ALICE, ValueError("no JSON")), 0.0)
            else:
                super().fetch(presentities, done)

    with capture_logs() as logs:
        now = await Current(Spoilt({}, {BOB: _at(1)}))({ALICE: 3, BOB: 1})
    assert now == {BOB: _at(1)}
    assert [one["event"] for one in logs] == ["store_rows_spoilt"]
    assert ALICE.uri in logs[0]["reason"]


async def test_what_cannot_be_read_is_not_told() -> None:
    """Rather later than wrong."""
    with pytest.raises(StoreError) as raised:
        await Current(_Known({ALICE: _at(2)}, None))({ALICE: 3})
    assert raised.value.code == "store_unavailable"
