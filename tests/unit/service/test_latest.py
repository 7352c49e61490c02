"""What decisions are made on."""

import pytest

from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.attempt import Attempt, Fetching, Kind
from dfks_rules.service.cascade import Draft
from dfks_rules.service.latest import HeldError, Latest
from dfks_rules.service.ports import NotKnownError
from tests.helpers.policy import ALICE, BOB, DND, NOON, ON, PHONE
from tests.helpers.stores import SlowStore
from tests.helpers.wanted import outcomes_between

AFTER = NOTHING_STORED.replace(DND, ON)


def under_way(latest: Latest, presentity: Aor = ALICE, after: Snapshot = AFTER) -> Attempt:
    """A set that is on its way to the store."""
    one = Attempt(Kind.SET, presentity, (), PHONE, NOON, 0.0, lambda *_: None, None)
    draft = one.drafts[presentity] = Draft(NOTHING_STORED)
    for outcome in outcomes_between(presentity, NOTHING_STORED, after, PHONE):
        draft.take(outcome)
    latest.register(one)
    return one


def reader(*read: Aor, latest: Latest) -> Attempt:
    """A set of Bob's that was decided by what others have stored."""
    latest.begin()
    for presentity in read:
        latest.stored_of(presentity)
    one = Attempt(Kind.SET, BOB, (), PHONE, NOON, 0.0, lambda *_: None, None)
    one.drafts[BOB] = Draft(NOTHING_STORED)
    latest.queue(one)
    return one


def test_what_is_under_way_holds_before_what_is_stored() -> None:
    """Two quick presses come out as if they had waited for each other."""
    latest = Latest(SlowStore())
    one = under_way(latest)
    assert latest.snapshot_of(ALICE) == latest.decided_of(ALICE) == AFTER
    assert latest.settled_of(ALICE) == latest.snapshot_of(BOB) == NOTHING_STORED
    latest.unregister(one)
    assert latest.snapshot_of(ALICE) == NOTHING_STORED


def test_what_waits_to_be_decided_keeps_others_waiting_except_for_admission() -> None:
    """Leave to subscribe is decided by what is stored then: nobody knows better."""
    latest = Latest(SlowStore())
    one = under_way(latest)
    one.fetching = Fetching([one])
    with pytest.raises(HeldError) as raised:
        latest.snapshot_of(ALICE)
    assert raised.value.fetching is one.fetching
    assert latest.decided_of(ALICE) == NOTHING_STORED


def test_what_is_not_known_is_not_nothing() -> None:
    """It has to be fetched."""
    store = SlowStore()
    store.unknown.add(ALICE)
    latest = Latest(store)
    for read in (
        latest.snapshot_of,
        latest.stored_of,
        latest.settled_of,
        latest.decided_of,
    ):
        with pytest.raises(NotKnownError) as raised:
            read(ALICE)
        assert raised.value.presentities == (ALICE,)


def test_what_a_decision_reads_of_others_is_noted_until_the_next_begins() -> None:
    """The store confirms it."""
    latest = Latest(SlowStore())
    latest.stored_of(BOB)
    assert not latest.has_read_unsettled()
    under_way(latest)
    latest.stored_of(ALICE)
    assert latest.reads == [(BOB, NOTHING_STORED), (ALICE, AFTER)]
    assert latest.has_read_unsettled()
    latest.begin()
    assert latest.reads == []


def test_who_reads_what_is_not_stored_comes_after_it_and_must_wait() -> None:
    """Who reads what is stored need not, though something is under way."""
    latest = Latest(SlowStore())
    one = under_way(latest)
    after = reader(ALICE, latest=latest)
    assert (after.priors, after.is_firm) == ([one], False)
    latest.unregister(one)
    under_way(latest, after=NOTHING_STORED)
    beside = reader(ALICE, latest=latest)
    assert (beside.priors, beside.is_firm) == ([], True)


def test_whoever_waits_for_what_it_has_read_goes_before_those_who_change_it_next() -> None:
    """Else one who changes all the time could keep it waiting for ever."""
    latest = Latest(SlowStore())
    one = under_way(latest)
    waiting = reader(ALICE, latest=latest)
    waiting.fetching = Fetching([waiting])
    latest.claim(waiting)
    assert latest.newest == {ALICE: waiting, BOB: waiting}
    assert waiting.priors == [one]
    latest.unregister(waiting)
    assert latest.newest == {}
