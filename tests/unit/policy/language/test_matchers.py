"""The table of matchers: each one, and absent facts."""

from collections.abc import Callable
from typing import Any

import pytest

from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.language.matchers import MATCHERS, Atom


def facts(**values: FactValue) -> Callable[[str], FactValue]:
    """A lookup in which everything else is absent."""
    return values.get


def atom(matcher: str, operand: Any) -> Atom:
    """A test of the fact `it`."""
    return Atom("it", matcher, MATCHERS[matcher].prepare(operand))


@pytest.mark.parametrize(
    ("matcher", "operand", "passes", "fails"),
    [
        ("eq", "a", ["a"], ["A", "", "aa", 1]),
        ("eq", 1, [1], [0, "1"]),
        ("in", ["a", "b"], ["a", "b"], ["c", "ab"]),
        ("lt", "12:00", ["11:59", "00:00"], ["12:00", "12:01"]),
        ("le", "12:00", ["11:59", "12:00"], ["12:01"]),
        ("gt", 3, [4, 100], [3, 2]),
        ("ge", 3, [3, 4], [2]),
        ("exists", True, ["", 0, "a"], []),
        ("between", [301, 340], ["301", "340", "320", 301], ["300", "341", "0301", "301x", "", 5]),
        ("between", [0, 0], ["0", 0], ["00", "1", "\u0660", "-0"]),
        ("in", NamedList("l", frozenset({"a"})), ["a"], ["b"]),
        ("prefix", NamedList("l", frozenset({"a"})), ["ab", "a"], ["b", ""]),
        ("has", ["ea", "ol"], ["Yealink", "Poly", "Polea"], ["Cisco", ""]),
        ("prefix", "+49", ["+49", "+4930"], ["49", "0+49", ""]),
        ("prefix", ["+49", "0"], ["+49", "030"], ["1"]),
        ("suffix", ".example", ["a.example", ".example"], ["example", ".example "]),
        ("glob", "room-[0-9]*", ["room-1", "room-12", "room-1\nx"], ["room-", "xroom-1", "Room-1"]),
        ("glob", ["a?", "b"], ["ab", "b"], ["a", "abc", "bb"]),
        ("glob", "(x+x+)+y", ["(x+x+)+y"], ["x" * 512]),
        ("glob", "*" + "a*" * 200, ["a" * 500], ["b" * 512]),
        ("cidr", "10.0.0.0/8", ["10.1.2.3", "::ffff:10.1.2.3"], ["11.0.0.1", "2001:db8::1", "x"]),
        ("cidr", ["192.0.2.7", "2001:db8::/32"], ["192.0.2.7", "2001:db8::9"], ["192.0.2.8", ""]),
    ],
)
def test_matcher_passes_and_fails(
    matcher: str, operand: Any, passes: list[FactValue], fails: list[FactValue]
) -> None:
    """One line for each matcher and form of operand."""
    test = atom(matcher, operand)
    assert [value for value in passes if not test.holds(facts(it=value))] == []
    assert [value for value in fails if test.holds(facts(it=value))] == []


def test_same_as_compares_two_facts() -> None:
    """Two absent facts are not the same: absent equals nothing."""
    test = Atom("it", "sameAs", "other")
    assert test.holds(facts(it="a", other="a"))
    assert not test.holds(facts(it="a", other="b"))
    assert not test.holds(facts(it="a"))
    assert not test.holds(facts(other="a"))


def test_same_as_of_names_asks_for_one_in_common() -> None:
    """Both are in a team together, whatever else each is in."""
    test = Atom("it", "sameAs", "other")
    assert test.holds(facts(it=("a", "b"), other=("b", "c")))
    assert not test.holds(facts(it=("a",), other=("b",)))
    assert not test.holds(facts(it=("a",)))
    assert not test.holds(facts(other=("a",)))
    assert not test.holds(facts())
    assert test.facts == ("it", "other")


OPERANDS = {
    "in": ["a"],
    "notIn": ["a"],
    "cidr": "10.0.0.0/8",
    "sameAs": "other",
    "moreThan": "other",
    "lessThan": "other",
    "exists": True,
    "between": [0, 1],
}


@pytest.mark.parametrize(
    ("matcher", "other", "passes"),
    [
        ("moreThan", 2, True),
        ("moreThan", 3, False),
        ("lessThan", 4, True),
        ("lessThan", 3, False),
        ("moreThan", None, False),
    ],
)
def test_two_numbers_of_one_request_are_compared(
    matcher: str, other: FactValue, passes: bool
) -> None:
    """An absent one is neither less nor more."""
    test = Atom("it", matcher, "other")
    assert test.holds(facts(it=3, other=other)) is passes
    assert test.facts == ("it", "other")


@pytest.mark.parametrize("matcher", MATCHERS)
def test_no_test_passes_when_the_fact_is_absent(matcher: str) -> None:
    """Negations are made of tests that fail, so that they are exact."""
    test = atom(matcher, OPERANDS.get(matcher, "a"))
    assert not test.holds(facts(other="a"))


def test_a_network_that_holds_all_of_ipv6_is_let_be() -> None:
    """Other addresses than mapped ones are in it."""
    assert MATCHERS["cidr"].prepare(["::/0"])


def test_atoms_with_equal_operands_are_equal() -> None:
    """The compiler shares one flag between rules that test the same."""
    for name, operand in (("glob", ["a*", "b"]), ("cidr", ["10.0.0.0/8"]), ("in", ["b", "a"])):
        assert atom(name, operand) == atom(name, list(operand))
        assert hash(atom(name, operand)) == hash(atom(name, list(operand)))
