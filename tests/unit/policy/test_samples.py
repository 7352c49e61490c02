"""Telling values of a fact."""

import re

import pytest

from dfks_rules.policy.facts import FACTS
from dfks_rules.policy.matchers import MATCHERS, Atom
from dfks_rules.policy.samples import MAX_SAMPLES, joined, possible, samples


def atom(fact: str, matcher: str, operand: object) -> Atom:
    """A test as the reader makes it."""
    return Atom(fact, matcher, MATCHERS[matcher].prepare(operand))


@pytest.mark.parametrize(
    ("fact", "matcher", "operand"),
    [
        ("user", "eq", "alice"),
        ("user", "in", ["alice", "bob"]),
        ("user", "prefix", ["+49", "0"]),
        ("user", "suffix", "99"),
        ("user", "has", "x"),
        ("user", "glob", ["room-[0-9]*", "?a[!b]"]),
        ("watcher", "suffix", "@acme.example"),
        ("watcher.domain", "prefix", "acme."),
        ("source.ip", "cidr", ["10.0.0.0/8", "2001:db8::/32"]),
        ("time", "lt", "08:00"),
        ("time", "ge", "00:00"),
        ("date", "gt", "2026-12-31"),
        ("request.ringCount", "le", 3),
        ("weekday", "in", ["sat", "sun"]),
        ("request.status", "eq", 1),
    ],
)
def test_samples_lie_on_both_sides_of_a_test(fact: str, matcher: str, operand: object) -> None:
    """A test that all samples pass, or none, would never show what it does."""
    test = atom(fact, matcher, operand)
    values = samples(fact, [test])
    assert {test.holds(lambda _, value=value: value) for value in values} == {True, False}  # type: ignore[misc]


@pytest.mark.parametrize("name", FACTS)
def test_every_sample_is_a_possible_value(name: str) -> None:
    """A witness is to be pasted into a case, which refuses other values."""
    assert all(possible(name, value) for value in samples(name, []) if value is not None)


def test_absent_is_a_sample() -> None:
    """Half of the surprises of a rule are about facts that are not there."""
    assert None in samples("userAgent", [])


def test_a_long_list_is_cut() -> None:
    """500 users in a list make no 500 kinds of request."""
    test = atom("user", "in", [f"u{number}" for number in range(500)])
    assert len(samples("user", [test])) <= MAX_SAMPLES + 2


def test_the_first_and_last_day_have_no_day_beside_them() -> None:
    """Beyond them there is no date, and there must be no crash."""
    assert "0001-01-02" in samples("date", [atom("date", "gt", "0001-01-01")])
    assert "9999-12-30" in samples("date", [atom("date", "lt", "9999-12-31")])


def test_an_address_beyond_the_last_is_no_sample() -> None:
    """0.0.0.0/0 has nothing outside."""
    values = samples("source.ip", [atom("source.ip", "cidr", "0.0.0.0/0")])
    assert values == ["0.0.0.0", "255.255.255.255", "192.0.2.99", None]


def test_a_pattern_is_sampled_in_each_branch() -> None:
    """So that each of several globs gets a request of its own."""
    values = samples("user", [Atom("user", "regex", re.compile("(ab|[c-d]{2}|x*y+)\\d"))])
    assert {"ab0", "cc0", "y0"} <= set(values)


def test_a_long_repetition_is_no_sample() -> None:
    """A pattern must not make megabytes of text."""
    values = samples("user", [Atom("user", "regex", re.compile("a{1000}b"))])
    assert all(len(value) < 100 for value in values if value)


def test_pieces_are_joined_as_they_stand_in_a_text() -> None:
    """Prefix and suffix together are met by neither's own samples."""
    tests = [atom("user", "suffix", "@gw"), atom("user", "prefix", "+49"), atom("user", "has", "9")]
    assert joined(tests) == ["+499@gw"]
    assert joined(tests[:1]) == []
