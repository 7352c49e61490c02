"""Requests that look like what is sought and are none: what they say of others like them."""

import pytest

from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.differing import by_search
from dfks_rules.policy.proof.doubts import MAX_DOUBTS, Doubts
from dfks_rules.policy.proof.search import Point, solve
from dfks_rules.policy.proof.space import Space
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.spaces import SET_DND, needing, space_of


def _begun(*tests: Atom) -> tuple[Space, Doubts, Point]:
    """Requests of a space, doubts about all of them, and the first."""
    needs = needing(SET_DND, "user.vm", "rate.user")
    for one in tests:
        needs.test(one)
    space = space_of(needs)
    point = solve(space.formulas, space.formulas.true)
    assert point is not None
    return space, Doubts("`log`", space, space.formulas.true), point


def _at(space: Space, point: Point, fact: str, value: object) -> Point:
    """The point, but for one fact."""
    variable, values = space.columns[fact]
    return (*point[:variable], values.index(value), *point[variable + 1 :])


def test_one_request_is_no_proof_for_those_that_are_like_it() -> None:
    """A text that is not the same in another place may be for another user."""
    space, doubts, point = _begun()
    doubts.add(_at(space, point, "user.vm", "a"), {"user.vm"})
    with pytest.raises(Undecided, match="`log` was found neither alike nor different"):
        doubts.demand_settled(by_search)


@pytest.mark.parametrize("value", [None, "b"])
def test_a_request_that_is_like_no_other_is_settled(value: str | None) -> None:
    """An absent fact, or the one text that a test names, is what it is."""
    space, doubts, point = _begun(Atom("user.vm", "eq", "b"))
    excluded = doubts.add(_at(space, point, "user.vm", value), {"user.vm"})
    doubts.demand_settled(by_search)
    here = space.equals("user.vm", value)
    assert space.formulas.unlike(excluded, here) is space.formulas.false


def test_what_is_found_settles_what_was_doubted_before() -> None:
    """The same two rules decide both."""
    space, doubts, point = _begun()
    doubts.add(_at(space, point, "user.vm", "a"), {"user.vm"})
    doubts.clear(space.present("user.vm"))
    doubts.demand_settled(by_search)


def test_what_has_no_reason_to_be_doubted_is_a_mistake_of_the_formula() -> None:
    """It is never told as a difference."""
    _, doubts, point = _begun()
    with pytest.raises(Undecided, match="does not confirm what was found of `log`"):
        doubts.add(point, set())


def test_not_all_requests_are_tried() -> None:
    """There may be thousands."""
    space, doubts, point = _begun(Atom("user.vm", "eq", "b"))
    there = _at(space, point, "user.vm", "b")
    for _ in range(MAX_DOUBTS):
        doubts.add(there, {"user.vm"})
    with pytest.raises(Undecided, match="neither alike nor different"):
        doubts.add(there, {"user.vm"})
