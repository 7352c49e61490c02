"""Moments such that every outcome that some moment can have is had by one.

Several clocks go at once: the server's, by which policies tell `time`, `weekday` and `date`, and
that of each schedule. A stretch of 24 hours is known by what each clock shows in it: its offsets
from UTC, and the kinds of its days. Of stretches that are alike one is looked at, and cut wherever
a clock comes to an edge: between two cuts nothing changes.
"""

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import chain, pairwise
from typing import NamedTuple

from dfks_rules.policy.facts.facts import facts_of
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.language.languages import Bounded, During, OneOf, Present, language_of
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.schedules import MINUTES_OF_DAY, Schedule, day_of
from dfks_rules.policy.proof.cells import Outcome
from dfks_rules.policy.proof.undecided import opaque

_DAY = 86_400
"""Seconds."""
_MARGIN = 2
"""Days around the years: at their edges, clocks show different years."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_ANYTHING = view_of({"op": "subscribe"})
"""A request that has the facts of a moment, like any other."""


class _Spans(NamedTuple):
    """Offsets of a zone from UTC."""

    starts: list[int]
    """When each begins, in seconds since 1970."""
    offsets: list[int]
    """Seconds east of UTC."""

    def between(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(Start, end, offset) of each part of a time."""
        place = bisect_right(self.starts, start) - 1
        while start < end:
            ends = self.starts[place + 1 : place + 2]
            until = min([end, *ends])
            yield start, until, self.offsets[place]
            start, place = until, place + 1


class _Server(NamedTuple):
    """The clock by which policies tell the time."""

    zone: tzinfo
    """Where it is."""
    minutes: frozenset[int]
    """Minutes of the day at which a test of `time` can change."""
    days: tuple[int, ...]
    """Days (as ordinals, in order) at which a test of `date` can change."""
    weekdays: bool
    """Whether there are tests of `weekday`."""

    def kinds(self, days: range) -> list[Hashable]:
        """What tests say of each day, as far as the day decides."""
        return [(bisect_right(self.days, day), self.weekdays and day % 7) for day in days]

    def edges(self, day: int) -> Iterable[int]:
        """Minutes of a day at which something can change."""
        return self.minutes


class _Hours(NamedTuple):
    """The clock of a schedule."""

    zone: tzinfo
    """Where it is."""
    schedule: Schedule
    """What is open when."""

    def kinds(self, days: range) -> list[Hashable]:
        """What the schedule says of each day and of the one before."""
        every = range(days.start - 1, days.stop)
        return list(pairwise(day_of(self.schedule, date.fromordinal(day)) for day in every))

    def edges(self, day: int) -> Iterable[int]:
        """Minutes of a day at which something can change."""
        for one, shift in ((day - 1, MINUTES_OF_DAY), (day, 0)):
            _, weekly, extra = day_of(self.schedule, date.fromordinal(one))
            yield from (minute - shift for hours in (*weekly, *extra) for minute in hours)


_Clock = _Server | _Hours


def distinct_moments(atoms: Iterable[Atom], *, zone: tzinfo, years: range) -> tuple[datetime, ...]:
    """Moments that stand for every moment of some years, in the server's zone.

    Args:
        atoms: tests of `time`, `weekday`, `date` and `now`.
        zone: the server's, in which policies tell the time.
        years: the horizon; nothing is said of others. Not empty, and within `given.YEARS`.

    Raises:
        Undecided: a test is opaque.
    """
    return _distinct_moments(frozenset(atoms), zone, years)


@lru_cache(1024)
def _distinct_moments(atoms: frozenset[Atom], zone: tzinfo, years: range) -> tuple[datetime, ...]:
    clocks = _clocks(atoms, zone)
    alike = list(zip(*(_kinds(clock, years) for clock in clocks), strict=True))
    stretches: dict[tuple[int, ...], int] = {}
    # Those before the first year come last, so that what is shown to people is of these years.
    for number in (*range(_MARGIN, len(alike)), *range(_MARGIN)):
        stretches.setdefault(alike[number], _first(years) + number * _DAY)
    found: dict[Outcome, datetime] = {}
    for start in stretches.values():
        cuts = {start}.union(*(_cuts(clock, start, years) for clock in clocks))
        for cut in sorted(cuts):
            at = (_EPOCH + timedelta(seconds=cut)).astimezone(zone)
            lookup = facts_of(_ANYTHING._replace(at=at))
            found.setdefault(tuple(atom.holds(lookup) for atom in atoms), at)
    return tuple(found.values())


def _clocks(atoms: Iterable[Atom], zone: tzinfo) -> list[_Clock]:
    minutes: set[int] = set()
    days: set[int] = set()
    schedules: dict[Schedule, None] = {}
    by_weekday = False
    for atom in atoms:
        match atom.fact, language_of(atom):
            case _, During(schedule):
                schedules[schedule] = None
            case _, Present():
                pass
            case "time", OneOf(times) | Bounded(times):
                edges = [int(str(time)[:2]) * 60 + int(str(time)[3:]) for time in times]
                minutes |= {*edges, *(edge + 1 for edge in edges)}
            case "date", OneOf(dates) | Bounded(dates):
                edges = [date.fromisoformat(str(one)).toordinal() for one in dates]
                days |= {*edges, *(edge + 1 for edge in edges)}
            case "weekday", OneOf():
                by_weekday = True
            case _:
                raise opaque(atom)
    server = _Server(zone, frozenset(minutes), tuple(sorted(days)), by_weekday)
    return [server, *(_Hours(schedule.zone or zone, schedule) for schedule in schedules)]


def _first(years: range) -> int:
    """The start of the first stretch."""
    return (date(years[0], 1, 1).toordinal() - _MARGIN - _EPOCH_DAY) * _DAY


def _stretches(years: range) -> range:
    """The starts of all stretches."""
    end = (date(years[-1], 12, 31).toordinal() + 1 + _MARGIN - _EPOCH_DAY) * _DAY
    return range(_first(years), end, _DAY)


@lru_cache(1024)
def _kinds(clock: _Clock, years: range) -> tuple[int, ...]:
    """For each stretch a number, the same for those that are alike for a clock."""
    first, every = _first(years) // _DAY + _EPOCH_DAY - 1, _stretches(years)
    of_days: dict[Hashable, int] = {}
    said = clock.kinds(range(first, first + len(every) + 2))
    kinds = [of_days.setdefault(kind, len(of_days)) for kind in said]
    numbers: dict[Hashable, int] = {}
    return tuple(
        numbers.setdefault((offsets, *[kinds[day - first] for day in days]), len(numbers))
        for offsets, days in _shown(clock.zone, years)
    )


@lru_cache(256)
def _shown(zone: tzinfo, years: range) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """For each stretch, what a clock shows: a number for its offsets, and its days."""
    spans = _spans(zone, years)
    numbers: dict[Hashable, int] = {}
    found = []
    for start in _stretches(years):
        parts = list(spans.between(start, start + _DAY))
        days = [_days_of(begin + offset, end + offset) for begin, end, offset in parts]
        offsets = tuple((begin - start, offset) for begin, _, offset in parts)
        number = numbers.setdefault((offsets, tuple(map(len, days))), len(numbers))
        found.append((number, tuple(chain.from_iterable(days))))
    return tuple(found)


def _cuts(clock: _Clock, start: int, years: range) -> Iterator[int]:
    """When something can change for a clock, in the stretch that begins at a time."""
    for begin, end, offset in _spans(clock.zone, years).between(start, start + _DAY):
        yield begin
        for day in _days_of(begin + offset, end + offset):
            midnight = (day - _EPOCH_DAY) * _DAY - offset
            times = (midnight + minute * 60 for minute in (0, *clock.edges(day)))
            yield from (time for time in times if begin <= time < end)


def _days_of(begin: int, end: int) -> range:
    """The days (as ordinals) between two local times."""
    return range(_EPOCH_DAY + begin // _DAY, _EPOCH_DAY + (end - 1) // _DAY + 1)


@lru_cache(1024)
def _spans(zone: tzinfo, years: range) -> _Spans:
    """The offsets of a zone, looked for once a day: none is left within one."""
    every = _stretches(years)
    starts, offsets = [every.start], [_offset(zone, every.start)]
    for start in every:
        if _offset(zone, start + _DAY) != offsets[-1]:
            begin, end = start, start + _DAY
            while end - begin > 1:
                middle = (begin + end) // 2
                if _offset(zone, middle) == offsets[-1]:
                    begin = middle
                else:
                    end = middle
            starts.append(end)
            offsets.append(_offset(zone, end))
    return _Spans(starts, offsets)


def _offset(zone: tzinfo, at: int) -> int:
    offset = (_EPOCH + timedelta(seconds=at)).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
