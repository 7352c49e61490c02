"""When what time decides changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dfks_rules.policy.language.edges import HORIZON, next_edge, next_of_atoms
from dfks_rules.policy.language.matchers import MATCHERS, Atom, Named
from dfks_rules.policy.language.schedules import covers, parse_schedule

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = {"tz": "Europe/Berlin", "weekly": ["Mon-Fri 08:00-18:00"], "except": ["2026-12-25"]}
NIGHT = {"tz": "Europe/Berlin", "weekly": ["Daily 22:00-06:00"]}
SKIPPED = {"tz": "Europe/Berlin", "weekly": ["Sun 02:15-03:30"]}
TWICE = {"tz": "Europe/Berlin", "weekly": ["Sun 01:00-02:30"]}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("schedule", "after", "edge"),
    [
        (OFFICE, "2026-11-26T07:59:59", "2026-11-26T08:00"),
        (OFFICE, "2026-11-26T08:00", "2026-11-26T18:00"),
        (OFFICE, "2026-11-27T18:00", "2026-11-30T08:00"),
        (OFFICE, "2026-12-24T18:00", "2026-12-28T08:00"),
        (NIGHT, "2026-11-26T23:30", "2026-11-27T06:00"),
        ({**NIGHT, "except": ["2026-11-27"]}, "2026-11-26T23:30", "2026-11-27T00:00"),
        ({**OFFICE, "also": ["2026-11-26 18:00-19:00"]}, "2026-11-26T09:00", "2026-11-26T19:00"),
        ({"weekly": ["Daily 00:00-24:00"]}, "2026-11-26T09:00", None),
    ],
)
def test_the_next_edge_is_where_hours_begin_or_end(
    schedule: dict[str, object], after: str, edge: str | None
) -> None:
    """Two that touch are one; excepted days have none."""
    found = next_edge(parse_schedule(schedule), _at(after))
    assert found == (None if edge is None else _at(edge))


def test_the_next_of_several_edges_is_the_earlier_though_a_clock_shows_more() -> None:
    """Clocks in Berlin go back at 03:00: the first 02:45 comes before the second 02:00."""
    hours = ["Sun 01:00-02:45", "Sun 01:00-02:30"]
    parsed = [parse_schedule({"tz": "Europe/Berlin", "weekly": [one]}) for one in hours]
    atoms = [Atom("time", "during", Named(str(number), one)) for number, one in enumerate(parsed)]
    after = datetime(2026, 10, 25, 0, 40, tzinfo=UTC).astimezone(BERLIN)
    found = next_of_atoms(atoms, after)
    assert found is not None
    assert found.astimezone(UTC) == datetime(2026, 10, 25, 0, 45, tzinfo=UTC)


@pytest.mark.parametrize("schedule", [OFFICE, NIGHT, SKIPPED, TWICE])
@pytest.mark.parametrize("begin", ["2026-03-28T20:07", "2026-10-24T20:07", "2026-12-24T00:00"])
def test_edges_are_all_minutes_at_which_the_answer_changes(
    schedule: dict[str, object], begin: str
) -> None:
    """Also where clocks are set, and hours are skipped or come twice."""
    parsed, at = parse_schedule(schedule), _at(begin).astimezone(UTC)
    end, minute = at + timedelta(days=2), timedelta(minutes=1)
    changes, edges, moment = [], [], at
    while moment < end:
        moment += minute
        if covers(parsed, moment) != covers(parsed, moment - minute):
            changes.append(moment)
    edge = next_edge(parsed, at)
    while edge is not None and edge <= end:
        edges.append(edge)
        edge = next_edge(parsed, edge)
    assert edges == changes


def test_an_edge_is_told_in_the_zone_of_who_asks() -> None:
    """The server's, where the schedule has its own."""
    at = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    edge = next_edge(parse_schedule(OFFICE), at)
    assert edge is not None
    assert edge.isoformat() == "2026-11-26T17:00:00+00:00"


def test_what_begins_later_than_a_month_is_not_looked_for() -> None:
    """Whoever waits for it looks again."""
    schedule = parse_schedule({"also": ["2027-06-01 09:00-12:00"]})
    assert next_edge(schedule, _at("2026-11-26T09:00")) is None
    assert next_edge(schedule, _at("2027-06-01T09:00") - HORIZON + timedelta(hours=1))


def _atom(fact: str, matcher: str, operand: object) -> Atom:
    return Atom(fact, matcher, MATCHERS[matcher].prepare(operand))


@pytest.mark.parametrize(
    ("atom", "edge"),
    [
        (_atom("time", "ge", "18:00"), "2026-11-26T18:00"),
        (_atom("time", "le", "17:59"), "2026-11-26T18:00"),
        (_atom("time", "gt", "17:59"), "2026-11-26T18:00"),
        (_atom("time", "eq", "11:59"), "2026-11-27T00:00"),
        (_atom("time", "lt", "08:00"), "2026-11-27T00:00"),
        (_atom("time", "in", ["13:00", "09:00"]), "2026-11-26T13:00"),
        (_atom("weekday", "eq", "mon"), "2026-11-27T00:00"),
        (_atom("date", "ge", "2026-12-01"), "2026-11-27T00:00"),
        (Atom("now", "during", Named("office", parse_schedule(OFFICE))), "2026-11-26T18:00"),
        (Atom("user", "eq", "alice"), None),
    ],
)
def test_a_test_of_time_changes_no_earlier_than_told(atom: Atom, edge: str | None) -> None:
    """It may not change then, but never before."""
    found = next_of_atoms([atom, Atom("user", "eq", "bob")], _at("2026-11-26T12:00"))
    assert found == (None if edge is None else _at(edge))


def test_the_earliest_of_several_tests_counts() -> None:
    """Each rule has its own hours."""
    atoms = [
        _atom("time", "ge", "18:30"),
        Atom("now", "during", Named("office", parse_schedule(OFFICE))),
    ]
    assert next_of_atoms(atoms, _at("2026-11-26T12:00")) == _at("2026-11-26T18:00")
    assert next_of_atoms(atoms, _at("2026-11-26T18:00")) == _at("2026-11-26T18:30")


def test_of_several_edges_the_first_in_time_is_next_where_clocks_go_back() -> None:
    """02:30 comes first there, then 02:10 of the hour that comes a second time."""
    late = parse_schedule({"tz": "Europe/Berlin", "weekly": ["Sun 02:30-04:00"]})
    other = parse_schedule({"tz": "UTC", "weekly": ["Sun 01:10-04:00"]})
    atoms = [Atom("now", "during", Named(name, one)) for name, one in (("a", late), ("b", other))]
    found = next_of_atoms(atoms, _at("2026-10-25T02:00"))
    assert found is not None
    assert found.astimezone(UTC).isoformat() == "2026-10-25T00:30:00+00:00"
