"""What literals say of one another; tests/property checks that nothing too much is said."""

import pytest

from dfks_rules.policy.language.alternatives import Literals, alternatives
from dfks_rules.policy.language.implication import (
    by_fact,
    contradicted,
    contradicts,
    excludes,
    implies,
    is_opaque,
    values_of,
)
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.reading.read import Reader
from dfks_rules.policy.reading.source import parse
from tests.helpers.policy import source


def literals(when: str) -> Literals:
    """Those of a condition that is an AND."""
    tree, findings = parse(source(f"- id: r\n  when: {when}\n  then: {{log: x}}\n"))
    assert tree is not None
    assert findings == []
    reader = Reader(tree)
    (way,) = alternatives(reader.rule(reader.header(), reader.scope(), 0).condition)
    assert reader.findings == []
    return way.literals


@pytest.mark.parametrize(
    ("premise", "conclusion"),
    [
        ("{user: bob}", "{user: [alice, bob]}"),
        ("{user: [alice, bob]}", "{user: {notIn: [carol, dave]}}"),
        ("{user: bob}", "{user: {exists: true}}"),
        ("{user: {has: x}}", "{user: {exists: true}}"),
        ("{user: {prefix: room-1}}", "{user: {prefix: [desk-, room-]}}"),
        ("{user: {prefix: [room-1, room-2]}}", "{user: {has: room}}"),
        ("{user: {suffix: .lab}}", "{user: {suffix: lab}}"),
        ("{user: room-12}", "{user: {glob: 'room-[0-9]*'}}"),
        ("{user: {prefix: room-}}", "{user: {ne: desk-1}}"),
        ("{user: {prefix: room-}}", "{not: {user: {prefix: desk-}}}"),
        ("{user: {glob: 'room-*'}}", "{not: {user: {prefix: [desk-, hall]}}}"),
        ("{user: {glob: ['room-1?', 'room-2*']}}", "{not: {user: {glob: 'room-3[0-9]'}}}"),
        ("{param: {exists: false}}", "{param: {ne: x}}"),
        ("{request.status: {exists: true, ne: 0}}", "{request.status: 1}"),
        ("{weekday: {notIn: [mon, tue, wed, thu, fri], exists: true}}", "{weekday: [sat, sun]}"),
        ("{request.ringCount: {gt: 3}}", "{request.ringCount: {ge: 4}}"),
        ("{request.ringCount: {ge: 4, le: 4}}", "{request.ringCount: {lt: 5, gt: 3}}"),
        ("{time: {ge: '12:00', lt: '13:00'}}", "{time: {ge: '08:00', lt: '18:00'}}"),
        ("{date: {le: 2026-12-24}}", "{date: {lt: 2026-12-25}}"),
        ("{source.ip: {cidr: 10.1.0.0/16}}", "{source.ip: {cidr: [10.0.0.0/8, 192.0.2.0/24]}}"),
        ("{source.ip: 10.0.0.7}", "{source.ip: {cidr: 10.0.0.0/8}}"),
        ("{watcher: {sameAs: presentity}}", "{watcher: {sameAs: presentity}}"),
        ("{user: bob, weekday: mon}", "{weekday: mon}"),
        ("{user: bob}", "{}"),
    ],
)
def test_one_condition_implies_another(premise: str, conclusion: str) -> None:
    """Each is a way in which a rule is shadowed."""
    assert implies(literals(premise), literals(conclusion) if conclusion != "{}" else frozenset())


@pytest.mark.parametrize(
    ("premise", "conclusion"),
    [
        ("{user: [alice, bob]}", "{user: bob}"),
        ("{user: {ne: alice}}", "{user: bob}"),
        ("{user: {ne: alice}}", "{user: {exists: true}}"),
        ("{request.status: {ne: 0}}", "{request.status: 1}"),
        ("{user: {has: room}}", "{user: {prefix: room}}"),
        ("{user: {glob: 'room-*'}}", "{not: {user: {prefix: room-1}}}"),
        ("{user: {glob: '*-1'}}", "{not: {user: {prefix: room}}}"),
        ("{source.ip: {cidr: 10.0.0.0/8}}", "{source.ip: {cidr: '2001:db8::/32'}}"),
        ("{watcher: {sameAs: presentity}}", "{presentity: {sameAs: watcher}}"),
        ("{user: bob}", "{watcher.user: bob}"),
    ],
)
def test_what_does_not_follow_is_not_said_to(premise: str, conclusion: str) -> None:
    """An absent fact is the usual reason; what is only not known is no implication either."""
    assert not implies(literals(premise), literals(conclusion))


def test_contradictions_name_their_fact() -> None:
    """The author has to look there."""
    assert contradicted(literals("{user: bob, time: {gt: '18:00', lt: '08:00'}}")) == "time"
    assert contradicted(literals("{user: bob, time: {gt: '08:00', lt: '18:00'}}")) is None


def test_a_test_of_two_facts_is_never_evaluated_with_one() -> None:
    """`sameAs` can hold for any value."""
    assert not contradicts(literals("{watcher: {sameAs: presentity, eq: 'sip:bob@acme.example'}}"))


def test_conditions_that_exclude_each_other_share_a_fact() -> None:
    """Facts that only one of them tests do not matter."""
    bob, alice = by_fact(literals("{user: bob, param: x}")), by_fact(literals("{user: alice}"))
    assert excludes(bob, alice)
    assert not excludes(bob, by_fact(literals("{weekday: mon}")))


def test_values_are_those_that_every_list_has() -> None:
    """None when there is no list."""
    assert values_of(literals("{user: {in: [a, b], prefix: x}}")) == frozenset("ab")
    assert values_of(literals("{all: [{user: [a, b]}, {user: [b, c]}]}")) == frozenset("b")
    assert values_of(literals("{user: {prefix: x}}")) is None


def test_only_matchers_that_nothing_else_implies_are_opaque() -> None:
    """The index keeps them by themselves."""
    names = ["eq", "in", "exists", "lt", "has", "prefix", "suffix", "cidr"]
    assert not any(is_opaque(Atom("user", name, "x")) for name in names)
    assert all(is_opaque(Atom("user", name, "x")) for name in ("glob", "sameAs"))


def test_of_a_fact_with_many_values_only_equal_tests_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Someone may be in two groups: two equalities are no contradiction there."""
    monkeypatch.setattr("dfks_rules.policy.language.implication.SINGLE_VALUED", frozenset())
    both = literals("{all: [{user: group-1}, {user: {in: [group-2, group-3]}}]}")
    assert not contradicts(both)
    assert values_of(both) is None
    assert implies(both, literals("{user: group-1}"))
    assert implies(both, literals("{user: {exists: true}}"))
    assert not implies(both, literals("{user: {in: [group-1, group-4]}}"))
    assert is_opaque(Atom("user", "eq", "group-1"))
