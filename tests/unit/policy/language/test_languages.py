"""What passes each test."""

from datetime import UTC, datetime

import pytest

from dfks_rules.policy.language.languages import (
    Bounded,
    During,
    Holding,
    Matching,
    Numbered,
    OneOf,
    Place,
    Present,
    Within,
    language_of,
)
from dfks_rules.policy.language.matchers import MATCHERS, Atom, Named
from dfks_rules.policy.language.patterns import MAX_SUBJECT
from dfks_rules.policy.language.schedules import covers, parse_schedule
from tests.helpers.outcomes import atom

_OPAQUE = {"sameAs", "moreThan", "lessThan"}
"""Tests of two facts: their values are chosen together. This list may only shrink."""


def test_every_matcher_has_a_row_or_is_known_to_have_none() -> None:
    """A new one without a row makes policies that use it undecided; add one."""
    tests = [name for name, row in MATCHERS.items() if row.negates is None]
    operands = {"in": ["a"], "cidr": "10.0.0.0/8", "during": Named("d", None), "between": [1, 2]}
    without = [n for n in tests if language_of(atom("user", n, operands.get(n, "a"))) is None]
    assert set(without) == _OPAQUE


def test_what_passes_is_said_in_a_form_to_compute_with() -> None:
    """The form of a test depends on its matcher alone."""
    assert language_of(atom("user", "eq", "a")) == OneOf(frozenset({"a"}))
    assert language_of(atom("user", "in", ["a", "b"])) == OneOf(frozenset({"a", "b"}))
    assert language_of(atom("rate.user", "gt", 3)) == Bounded((3,))
    assert language_of(atom("user", "between", [3, 7])) == Numbered(3, 7)
    assert language_of(atom("user", "has", "a")) == Holding(("a",), Place.ANYWHERE)
    assert language_of(atom("user", "prefix", ["a", "b"])) == Holding(("a", "b"), Place.START)
    assert language_of(atom("user", "suffix", "a")) == Holding(("a",), Place.END)
    assert isinstance(language_of(atom("user", "exists")), Present)
    assert language_of(Atom("user", "sameAs", "device")) is None


def test_a_pattern_comes_with_its_parts() -> None:
    """A text longer than a regular expression reads matches none; a glob reads any."""
    regex = language_of(atom("user", "regex", ["a+", "(?i)b"]))
    assert isinstance(regex, Matching)
    assert [written for written, _ in regex.patterns] == ["a+", "(?i)b"]
    assert regex.longest == MAX_SUBJECT
    glob = language_of(atom("user", "glob", "a*"))
    assert isinstance(glob, Matching)
    assert glob.longest is None


def test_networks_and_schedules_are_themselves() -> None:
    """Their edges are computed by whoever looks for values."""
    within = language_of(atom("source.ip", "cidr", ["10.0.0.0/8", "::/0"]))
    assert isinstance(within, Within)
    assert list(map(str, within.networks)) == ["10.0.0.0/8", "::/0"]
    schedule = parse_schedule({"weekly": ["Mon 08:00-18:00"]})
    during = language_of(atom("time", "during", Named("open", schedule)))
    assert during == During(schedule)
    assert covers(schedule, datetime(2026, 1, 5, 8, tzinfo=UTC))


@pytest.mark.parametrize("matcher", sorted(_OPAQUE))
def test_what_is_opaque_exists(matcher: str) -> None:
    """A row that nobody needs is deleted."""
    assert matcher in MATCHERS


def test_a_test_of_two_facts_is_opaque(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its matcher: a schedule may take its zone from the user."""
    during = atom("time", "during", Named("open", parse_schedule({"weekly": ["Mon 08:00-18:00"]})))
    assert language_of(during) is not None
    monkeypatch.setattr(Atom, "facts", ("now", "user.zone"))
    assert language_of(during) is None
