"""When what time decides changes: the edges of schedules, and the constants of times and dates."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from dfks_rules.policy.language.matchers import Atom, Named
from dfks_rules.policy.language.schedules import Schedule, covers

HORIZON = timedelta(days=31)
"""How far ahead an edge is looked for: who waits for a later one looks again."""
TIMED = frozenset({"time", "weekday", "date", "now"})
"""Names of the facts that change by themselves."""

_DAY = timedelta(days=1)
_QUARTER = timedelta(minutes=15)
_MOMENT = timedelta(seconds=1)
_MIDNIGHT = frozenset({0})


def next_edge(schedule: Schedule, after: datetime) -> datetime | None:
    """When the hours of a schedule begin or end next; None: not within `HORIZON`.

    Args:
        schedule: the schedule.
        after: timezone-aware, in the zone that applies when the schedule names none.

    Returns:
        A moment in the zone of `after`, later than that.
    """
    zone = schedule.zone or _zone_of(after)
    for moment in _moments(_minutes(schedule), zone, after):
        before = (moment - _MOMENT).astimezone(after.tzinfo)
        if covers(schedule, moment.astimezone(after.tzinfo)) != covers(schedule, before):
            return moment.astimezone(after.tzinfo)
    return None


def next_of_atoms(atoms: Iterable[Atom], after: datetime) -> datetime | None:
    """The next moment at which one of these tests may come out differently; see `next_edge`.

    Tests of other facts never do by themselves.
    """
    minutes: set[int] = set()
    edges: list[datetime] = []
    for atom in atoms:
        if isinstance(atom.operand, Named) and isinstance(atom.operand.value, Schedule):
            edge = next_edge(atom.operand.value, after)
            edges += [] if edge is None else [edge]
        elif atom.fact == "time":
            minutes |= _minutes_of_time(atom)
        elif atom.fact in TIMED:
            minutes |= _MIDNIGHT
    if minutes:
        moments = _moments(frozenset(minutes), _zone_of(after), after)
        edges += [moment.astimezone(after.tzinfo) for moment in [next(moments, None)] if moment]
    # Within one zone, times of day would be compared by what clocks show.
    return min(edges, key=datetime.timestamp, default=None)


def _zone_of(at: datetime) -> tzinfo:
    return at.tzinfo or UTC


def _minutes(schedule: Schedule) -> frozenset[int]:
    """Minutes of a day at which hours may begin or end; excepted days do at midnight."""
    several = [*[one.hours for one in schedule.weekly], *[one.hours for one in schedule.extra]]
    hours = [one for some in several for one in some]
    ends = {minute % (24 * 60) for one in hours for minute in (one.start, one.end)}
    return _MIDNIGHT | ends


def _minutes_of_time(atom: Atom) -> set[int]:
    """Minutes of a day at which a test of `time` may come out differently."""
    operand: Any = atom.operand
    constants = [operand] if isinstance(operand, str) else operand
    minutes = {int(text[:2]) * 60 + int(text[3:]) for text in constants or ()}
    following = {(minute + 1) % (24 * 60) for minute in minutes}
    match atom.matcher:
        case "ge" | "lt":
            return minutes | _MIDNIGHT
        case "gt" | "le":
            return following | _MIDNIGHT
        case _:
            return minutes | following | _MIDNIGHT


def _moments(minutes: frozenset[int], zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """The moments at which a clock shows one of these, and those when it is set, in order."""
    day = after.astimezone(zone).date() - _DAY
    last = (after + HORIZON).astimezone(zone).date()
    while day < last:
        day += _DAY
        found = {at for minute in minutes for at in _at(day, minute, zone)}
        found |= _set_at(day, zone)
        yield from sorted(at for at in found if at > after)


def _at(day: date, minute: int, zone: tzinfo) -> Iterator[datetime]:
    """When it is that time; twice where clocks go back."""
    at = time(*divmod(minute, 60))
    for fold in (0, 1):
        yield datetime.combine(day, at.replace(fold=fold), zone).astimezone(UTC)


def _set_at(day: date, zone: tzinfo) -> set[datetime]:
    """The quarters of an hour of a day on which clocks are set: one of them is when."""
    begin, end = (next(_at(one, 0, zone)) for one in (day, day + _DAY))
    if end - begin == _DAY:
        return set()
    return {begin + number * _QUARTER for number in range((end - begin) // _QUARTER)}
