"""Which rules matched in the decisions that are kept."""

from datetime import datetime, timedelta

import pytest

from dfks_rules.app.records.denials import PORTION
from dfks_rules.app.records.ring import Ring
from dfks_rules.app.records.uses import uses_in
from dfks_rules.model.decisions import Decision, NotifyScope, Outcome
from dfks_rules.model.features import NOTHING_STORED, OFF
from dfks_rules.model.gets import Gets, Got
from dfks_rules.operations import turns
from dfks_rules.operations.decisions import Use, Uses
from dfks_rules.operations.times import time_told
from dfks_rules.policy.facts.view import NOWHERE
from tests.helpers.policy import ALICE, DND, NOON, PHONE, set_

LATER = NOON + timedelta(minutes=1)


def decision(*matched: str, revision: str = "1", lifted: bool = False) -> Decision:
    """Of which the first rule that matched decides, or lifts."""
    by = {} if lifted else {"status": matched[0]}
    lifts = (("p/deny", matched[0]),) if lifted else ()
    return Decision(
        OFF, True, NotifyScope.ALL, None, matched, by, (), revision, (), (), lifts, None
    )


def outcome(of: Decision, at: datetime = NOON) -> Outcome:
    """A set that is decided so."""
    return Outcome(set_(DND), of, OFF, OFF, None, NOTHING_STORED, at, NOWHERE)


async def test_rules_are_counted_with_what_was_used_of_them() -> None:
    """One that matches and never decides is as good as one that does not match."""
    ring = Ring(9)
    ring.add(1, (outcome(decision("p/a", "p/b")), outcome(decision("p/b"))))
    ring.add(3, (outcome(decision("x/exception", lifted=True), LATER),))
    told = await uses_in(ring, "1", None)
    assert told == Uses(
        time_told(NOON),
        3,
        {
            "p/a": Use(1, 1, time_told(NOON)),
            "p/b": Use(2, 1, time_told(NOON)),
            "x/exception": Use(1, 1, time_told(LATER)),
        },
    )


async def test_gets_that_were_decided_at_once_count_each() -> None:
    """Though they share what was decided."""
    ring = Ring(9)
    gets = Gets(((DND, decision("p/a")),))
    for number, at in ((1, NOON), (2, LATER)):
        ring.add(number, Got(gets, ALICE, PHONE, NOTHING_STORED, at, NOWHERE))
    told = await uses_in(ring, "1", None)
    assert told.rules == {"p/a": Use(2, 2, time_told(LATER))}


async def test_what_other_policies_decided_or_is_about_others_does_not_count() -> None:
    """A rule of the same name may have said something else."""
    ring = Ring(9)
    ring.add(1, (outcome(decision("p/a", revision="0")),))
    old = Gets(((DND, decision("p/a", revision="0")),))
    ring.add(2, Got(old, ALICE, PHONE, NOTHING_STORED, NOON, NOWHERE))
    assert await uses_in(ring, "1", None) == Uses(None, 0, {})
    ring.add(3, (outcome(decision("p/a")),))
    assert (await uses_in(ring, "1", frozenset({ALICE.domain}))).decisions == 1
    assert await uses_in(ring, "1", frozenset({"other.example"})) == Uses(None, 0, {})


async def test_all_that_is_kept_is_counted_once_the_ring_has_turned() -> None:
    """In portions, so that phones are answered in between."""
    ring = Ring(3 * PORTION + 1)
    for number in range(1, 9 * PORTION):
        ring.add(number, (outcome(decision("p/a")),))
    assert (await uses_in(ring, "1", None)).rules["p/a"].matched == 3 * PORTION + 1


async def test_gets_of_which_each_was_decided_by_itself_are_counted_in_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where rules read the time: ten thousand of them at once held the loop for 27 ms."""
    pauses = 0

    async def pause() -> None:
        nonlocal pauses
        pauses += 1

    monkeypatch.setattr(turns, "TURN", 0.0)
    monkeypatch.setattr(turns, "_pause", pause)
    ring = Ring(PORTION)
    for number in range(PORTION):
        gets = Gets(((DND, decision("p/a")),))
        ring.add(number + 1, Got(gets, ALICE, PHONE, NOTHING_STORED, NOON, NOWHERE))
    assert (await uses_in(ring, "1", None)).rules["p/a"].matched == PORTION
    assert pauses == 1 + PORTION // turns.EVERY
