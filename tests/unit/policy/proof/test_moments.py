"""Moments that stand for every moment of some years."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dfks_rules.policy.facts.facts import facts_of
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.language.matchers import Atom, Named
from dfks_rules.policy.language.schedules import parse_schedule
from dfks_rules.policy.proof.moments import distinct_moments
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.outcomes import atom

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
SANTIAGO = ZoneInfo("America/Santiago")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
YEARS = range(2026, 2027)
_VIEW = view_of({"op": "subscribe"})


def during(**written: Any) -> Atom:
    """A test of a schedule."""
    return atom("now", "during", Named("s", parse_schedule(written)))


def said(atoms: Sequence[Atom], at: datetime) -> tuple[bool, ...]:
    """Which tests a moment passes."""
    lookup = facts_of(_VIEW._replace(at=at))
    return tuple(one.holds(lookup) for one in atoms)


def minutes_of(first: date, days: int, zone: tzinfo) -> Iterator[datetime]:
    """Every minute of some days."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    for minute in range(-720, days * 1440 + 720):
        yield (start + timedelta(minutes=minute)).astimezone(zone)


OFFICE = during(
    tz="Europe/Berlin",
    weekly=["Mon-Fri 08:00-12:00,13:00-18:00", "Sat 22:00-06:00"],
    **{"except": ["2026-03-29", "12-25..12-26"], "also": ["2026-10-25 02:10-02:40"]},
)
NIGHT = during(tz="America/New_York", weekly=["Daily 01:30-02:30", "Sun 23:00-24:00"])
LOCAL = during(weekly=["Tue,Wed 23:59-00:01", "Fri 10:00-11:00"])
_TESTS = [
    OFFICE,
    NIGHT,
    LOCAL,
    atom("time", "lt", "02:30"),
    atom("time", "in", ["12:00", "23:59"]),
    atom("weekday", "in", ["sun", "tue"]),
    atom("date", "ge", "2026-03-29"),
    atom("date", "in", ["2026-10-25", "2026-12-26"]),
]
_DAYS = [
    date(2026, 3, 7),
    date(2026, 3, 28),
    date(2026, 10, 24),
    date(2026, 10, 31),
    date(2026, 12, 24),
]
"""Before clocks change in New York and Berlin, and before Christmas."""


@pytest.mark.parametrize("zone", [UTC, BERLIN, NEW_YORK], ids=str)
def test_every_outcome_of_the_days_that_matter_is_had_by_a_representative(zone: tzinfo) -> None:
    """By trying every minute of the days around changes of clocks, and of excepted days."""
    every = [at for day in _DAYS for at in minutes_of(day, 2, zone)]
    outcomes = [said(_TESTS, at) for at in every]
    for places in [*combinations(range(len(_TESTS)), 3), tuple(range(len(_TESTS)))]:
        some = [_TESTS[place] for place in places]
        had = {said(some, at) for at in distinct_moments(some, zone=zone, years=YEARS)}
        assert {tuple(one[place] for place in places) for one in outcomes} <= had


def test_moments_that_are_alike_are_found_once() -> None:
    """They are tried against everything else that a rule tests."""
    some = [OFFICE, atom("weekday", "eq", "sun")]
    found = distinct_moments(some, zone=BERLIN, years=YEARS)
    assert len({said(some, at) for at in found}) == len(found) == 4
    assert {at.year for at in found} == {2026}


def test_without_tests_any_moment_does() -> None:
    """It is of the first of the years, in the server's zone."""
    (only,) = distinct_moments([atom("now", "exists")], zone=BERLIN, years=YEARS)
    assert only == datetime(2026, 1, 1, 1, tzinfo=BERLIN)
    assert only.tzinfo is BERLIN


@pytest.mark.parametrize(
    "there",
    [
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=0),
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
        datetime(2026, 4, 5, 1, 45, tzinfo=LORD_HOWE, fold=1),  # half an hour back
        datetime(2026, 4, 4, 23, 30, tzinfo=SANTIAGO, fold=1),  # from midnight
    ],
    ids=str,
)
def test_an_hour_that_comes_twice_is_found_twice(there: datetime) -> None:
    """By the clock of another zone its halves are apart."""
    day, utc = there.date().isoformat(), there.astimezone(UTC)
    hour = f"{utc:%H:%M}-{utc + timedelta(minutes=10):%H:%M}"
    some = [
        during(
            tz=str(there.tzinfo), weekly=["Mon 00:00-00:01"], also=[f"{day} {there:%H:%M}-24:00"]
        ),
        during(tz="Etc/UTC", also=[f"{utc.date()} {hour}"]),
    ]
    assert (True, True) in {said(some, at) for at in distinct_moments(some, zone=UTC, years=YEARS)}


def test_hours_that_the_clock_skips_are_not_found() -> None:
    """Nobody is refused at half past two when the clock goes from two to three."""
    skipped = during(tz="Europe/Berlin", also=["2026-03-29 02:00-03:00"])
    found = distinct_moments([skipped], zone=BERLIN, years=YEARS)
    assert [said([skipped], at) for at in found] == [(False,)]


def test_days_outside_the_years_are_not_looked_at() -> None:
    """The horizon is stated with every proof."""
    (later,) = [atom("date", "eq", "2027-06-01")]
    assert len(distinct_moments([later], zone=UTC, years=YEARS)) == 1
    assert len(distinct_moments([later], zone=UTC, years=range(2026, 2028))) == 2


@pytest.mark.parametrize(
    "written",
    [
        *("12-24", "2nd Mon of Sep", "last Fri", "easter+1", "2026-12-24..2026-12-25", "02-29"),
    ],
)
def test_every_form_of_days_is_complete(written: str) -> None:
    """Days are classed by what the schedule says of them, whatever form says it."""
    some = [during(weekly=["Daily 00:00-24:00"], **{"except": [written]})]
    every = {said(some, datetime(2028, 1, 1, tzinfo=UTC) + timedelta(days=n)) for n in range(366)}
    every |= {said(some, datetime(2026, 12, 24, tzinfo=UTC))}
    found = distinct_moments(some, zone=UTC, years=range(2026, 2029))
    assert every == {said(some, at) for at in found} == {(True,), (False,)}


def test_even_weeks_are_told_from_odd_ones() -> None:
    """The parity of a week is a property of its days."""
    some = [
        during(weekly=["Mon 08:00-09:00 in even weeks"]),
        during(weekly=["Mon 08:30-10:00 in odd weeks"]),
    ]
    found = {said(some, at) for at in distinct_moments(some, zone=UTC, years=YEARS)}
    assert found == {(False, False), (True, False), (False, True)}


@pytest.mark.parametrize("fact", ["now", "time"])
def test_an_unknown_test_is_opaque(fact: str) -> None:
    """What is not known is not claimed."""
    with pytest.raises(Undecided, match=f"proofs cannot read the test `sameAs` of `{fact}`"):
        distinct_moments([Atom(fact, "sameAs", "time")], zone=UTC, years=YEARS)
