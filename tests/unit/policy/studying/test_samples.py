"""Telling values of a fact."""

from random import Random
from typing import Any

import pytest

from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.language.matchers import MATCHERS, Atom, Named, Operand
from dfks_rules.policy.language.schedules import parse_schedule
from dfks_rules.policy.reading.read_calendar import read_calendar
from dfks_rules.policy.studying.samples import MAX_SAMPLES, joined, possible, samples
from tests.helpers.drawing import run_seeded
from tests.helpers.random_conditions import operand as random_operand
from tests.helpers.random_words import CALENDAR, NAMED_LIST, SCHEDULES

HOURS: dict[str, Any] = SCHEDULES
OFFICE: dict[str, Any] = {
    "tz": "Europe/Berlin",
    "weekly": ["Mon-Fri 08:00-18:00"],
    "except": ["2026-12-25"],
    "also": ["2026-12-05 09:00-12:00"],
}


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
        ("user", "regex", ["room-[0-9]+", "(?i)hall"]),
        ("groups", "has", ["sales", "export"]),
        ("target.self", "eq", True),
        ("target.class", "eq", "premium"),
        ("target.class", "in", ["premium", "my-own"]),
        ("target.country", "eq", "DE"),
        ("target.kind", "eq", "code"),
        ("now", "during", Named("office", parse_schedule(OFFICE))),
    ],
)
def test_samples_lie_on_both_sides_of_a_test(fact: str, matcher: str, operand: object) -> None:
    """A test that all samples pass, or none, would never show what it does."""
    test = atom(fact, matcher, operand)
    values = samples(fact, [test])
    assert {test.holds(lambda _, value=value: value) for value in values} == {True, False}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "matcher"),
    [(f.name, m) for f in FACTS.values() for m in MATCHERS if f.kind in MATCHERS[m].kinds],
)
def test_every_fact_has_samples_for_every_matcher(name: str, matcher: str) -> None:
    """A new matcher or type must not make `diff` blind, let alone crash it."""

    def check(random: Random) -> None:
        operand = random_operand(random, FACTS[name], matcher)
        if MATCHERS[matcher].operand is Operand.SCHEDULE:
            days, _ = read_calendar(CALENDAR)
            assert days is not None
            # The zone of a user is no part of the hours.
            of_zone = HOURS[operand].items()
            written = {key: said for key, said in of_zone if not isinstance(said, dict)}
            operand = Named(operand, parse_schedule(written, {"days": days}))
        if isinstance(operand, dict):
            operand = NAMED_LIST
        test = atom(name, MATCHERS[matcher].negates or matcher, operand)
        values = samples(test.facts[0], [test])
        assert len(values) > 1
        assert all(value is None or possible(test.facts[0], value) for value in values)

    run_seeded(3, check)


def test_moments_are_just_within_and_just_outside_of_hours() -> None:
    """One minute is what a schedule is mostly wrong by."""
    values = samples("now", [atom("now", "during", Named("office", parse_schedule(OFFICE)))])
    assert values[:4] == [
        "2026-01-05T08:00+01:00",
        "2026-01-05T07:59+01:00",
        "2026-01-05T18:00+01:00",
        "2026-01-05T17:59+01:00",
    ]
    assert {"2026-12-25T08:00+01:00", "2026-12-05T09:00+01:00"} <= set(values)


def test_hours_are_tried_on_a_day_that_has_them() -> None:
    """The first Monday may be a holiday, on which nothing is within them."""
    schedule = parse_schedule({**OFFICE, "except": ["2026-01-05"]})
    test = atom("now", "during", Named("office", schedule))
    assert "2026-01-06T08:00+01:00" in samples("now", [test])


def test_names_that_are_wanted_together_are_given_together() -> None:
    """Two groups are no two requests."""
    tests = [atom("groups", "has", "sales"), atom("groups", "has", ["export", "x"])]
    assert joined(tests) == [("sales", "export")]


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
    values = samples("user", [atom("user", "regex", "(ab|[c-d]{2}|x*y+)\\d")])
    assert {"ab0", "cc0", "y0"} <= set(values)


def test_a_long_repetition_is_no_sample() -> None:
    """A pattern must not make megabytes of text."""
    values = samples("user", [atom("user", "regex", "a{500}b")])
    assert all(len(value) < 100 for value in values if value)


def test_pieces_are_joined_as_they_stand_in_a_text() -> None:
    """Prefix and suffix together are met by neither's own samples."""
    tests = [atom("user", "suffix", "@gw"), atom("user", "prefix", "+49"), atom("user", "has", "9")]
    assert joined(tests) == ["+499@gw"]
    assert joined(tests[:1]) == []
