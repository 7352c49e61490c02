"""Requests as points: tests mean what they say themselves."""

from ipaddress import ip_network
from random import Random
from typing import Any

import pytest

from dfks_rules.policy.language.document import AllOf, Not
from dfks_rules.policy.language.matchers import Atom, Named
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.space import Cell, Space
from tests.helpers.spaces import ANYWHERE, GET_CFB, SET_CFB, SUBSCRIBE, compiled, needing, space_of
from tests.helpers.twins import UnlikeError, compare_twins


def _space(*atoms: Atom, cell: Cell = ANYWHERE) -> Space:
    needs = Needs(SET_CFB)
    for atom in atoms:
        needs.test(atom)
    return space_of(needs, cell)


def test_an_absent_fact_passes_no_test_and_every_negation() -> None:
    """As the reference says."""
    role = Atom("role", "eq", "owner")
    space = _space(role)
    absent = space.formulas.negation(space.present("role"))
    assert absent is not space.formulas.false
    assert space.formulas.all_of((absent, space.test(role))) is space.formulas.false
    assert space.formulas.all_of((absent, space.condition(Not(role)))) is absent


def test_four_networks_are_the_network_of_them_all() -> None:
    """Without a search: literals of one variable join."""

    def cidr(*texts: str) -> Atom:
        return Atom("source.ip", "cidr", tuple(Named(one, ip_network(one)) for one in texts))

    four = cidr("10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24")
    one = cidr("10.0.0.0/22")
    space = _space(four, one)
    assert space.test(four) is space.test(one)


def test_facts_that_are_compared_can_be_equal_and_can_differ() -> None:
    """Both ways, in each cell."""
    same = Atom("role", "sameAs", "param")
    space = _space(same)
    formulas = space.formulas
    both = formulas.all_of((space.present("role"), space.present("param")))
    assert formulas.all_of((both, space.test(same))) is not formulas.false
    assert formulas.all_of((both, formulas.negation(space.test(same)))) is not formulas.false


@pytest.mark.parametrize("tests", [[], [Atom("user", "sameAs", "watcher.user")]])
def test_a_watcher_may_have_no_user_and_a_presentity_has_one(tests: list[Atom]) -> None:
    """`From: <sip:pbx.example>` is an address, whose features nobody can ask for."""
    at = Atom("watcher", "has", ("@",))
    space = _space(at, *tests)
    assert "" in space.columns["watcher.user"].values
    assert "" not in space.columns["user"].values
    absent = space.formulas.negation(space.test(at))
    there = space.present("watcher.user")
    assert space.formulas.all_of((there, absent)) is not space.formulas.false


def test_a_cell_has_one_domain_or_all_that_are_not_named() -> None:
    """`domain` has no other value in it."""
    suffix = Atom("domain", "suffix", (".example",))
    named = frozenset({"acme.example"})
    (here,) = _space(suffix, cell=Cell("acme.example", named)).columns["domain"].values
    assert here == "acme.example"
    others = _space(suffix, cell=Cell(None, named)).columns["domain"].values
    assert "acme.example" not in others
    assert any(str(one).endswith(".example") for one in others)
    assert not all(str(one).endswith(".example") for one in others)


def test_names_are_told_apart_by_what_rules_ask() -> None:
    """One more stands for all others."""
    has = Atom("groups", "has", ("sales",))
    space = _space(has)
    only_others = space.formulas.all_of(
        (space.present("groups"), space.formulas.negation(space.test(has)))
    )
    assert only_others is not space.formulas.false


def test_names_that_are_compared_can_share_one_that_no_rule_names() -> None:
    """`watcher.groups: {sameAs: groups}` needs no known name."""
    has, same = Atom("groups", "has", ("sales",)), Atom("watcher.groups", "sameAs", "groups")
    space = _space(has, same)
    formulas = space.formulas
    assert formulas.all_of((space.test(same), formulas.negation(space.test(has)))) is not (
        formulas.false
    )


def test_numbers_that_are_compared_can_be_more_less_and_equal() -> None:
    """Each pair is asked."""
    more = Atom("rate.user", "moreThan", "rate.device")
    less = Atom("rate.user", "lessThan", "rate.device")
    same = Atom("rate.user", "sameAs", "rate.device")
    space = _space(more, less, same)
    tests = [space.test(one) for one in (more, less, same)]
    assert space.formulas.false not in tests
    assert space.formulas.all_of(tests[:2]) is space.formulas.false


def test_values_that_stand_for_no_other_one_are_known() -> None:
    """Only of these, one request says what is so of all."""
    space = _space(
        Atom("user", "prefix", ("b",)),
        Atom("user", "eq", "bob"),
        Atom("weekday", "eq", "mon"),
        Atom("origin", "eq", "operator"),
        cell=Cell("a.example"),
    )
    alone = [
        *(("user", "bob"), ("user.vm", None), ("domain", "a.example"), ("origin", "operator")),
    ]
    assert all(space.is_alone(fact, value) for fact, value in alone)
    others = [("user", "b"), ("weekday", "mon"), ("domain", "b.example")]
    assert not any(space.is_alone(fact, value) for fact, value in others)


def test_a_fact_that_such_requests_never_have_is_absent() -> None:
    """Nobody asks for a target by a get."""
    space = space_of(needing(GET_CFB, "request.forwardTo"))
    assert space.present("request.forwardTo") is space.formulas.false
    assert "stored.status" not in space_of(needing(SUBSCRIBE)).columns


def test_facts_at_a_point_are_its_values() -> None:
    """They become the counterexample."""
    space = _space(Atom("groups", "has", ("sales",)), Atom("role", "eq", "owner"))
    at = space.facts_at([0] * len(space.formulas.full))
    assert at["op"] == "set"
    assert at["groups"] is None
    assert at["role"] is None


def test_a_space_that_forgets_absent_facts_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant: the differential test has to fail, or it tests nothing."""
    monkeypatch.setattr(Space, "present", lambda self, _fact: self.formulas.true)
    monkeypatch.setattr(Space, "_tested", _absent_passes(Space._tested))
    rules = "- {id: a, when: {op: set, role: owner}, then: {deny: owners}}"
    with pytest.raises(UnlikeError):
        compare_twins(compiled(rules), Random(1), 40)


def test_a_space_that_ignores_negations_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant: `unless` becomes nothing."""
    real = Space.condition

    def condition(self: Space, one):  # type: ignore[no-untyped-def]
        if isinstance(one, AllOf):
            return real(self, AllOf(tuple(p for p in one.parts if not isinstance(p, Not))))
        return real(self, one)

    monkeypatch.setattr(Space, "condition", condition)
    rules = "- {id: a, when: {op: set}, unless: {role: owner}, then: {deny: others}}"
    with pytest.raises(UnlikeError):
        compare_twins(compiled(rules), Random(1), 40)


def _absent_passes(real: Any) -> Any:
    def tested(self: Space, atom: Atom):  # type: ignore[no-untyped-def]
        found = real(self, atom)
        if atom.fact in self.columns and atom.matcher != "exists":
            absent = self.where(atom.fact, lambda value: value is None)
            return self.formulas.any_of((found, absent))
        return found

    return tested
