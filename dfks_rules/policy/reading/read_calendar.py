"""iCalendar files (`.ics`) → days, for the exceptions of schedules.

Reference: RFC 5545. Days are those on which an event of the calendar is: its whole days, or the
dates on which its hours begin. `RRULE` and `EXDATE` are followed.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from dfks_rules.errors import Finding
from dfks_rules.policy.language.days import Calendar
from dfks_rules.policy.reading.schema_pieces import IDENTIFIER
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.words.wording import quoted

if TYPE_CHECKING:
    from icalendar import Event

MAX_DAYS = 10_000
"""Most days of one calendar."""
_MAX_NAMED = 10 * MAX_DAYS
"""Most days that its events may name, those that several do each time."""
_LAST_YEAR = 2100
"""Events that recur for ever are followed to its end."""
_MAX_EVENT = timedelta(days=366)
"""Longest event: a longer one is a mistake of its year."""
_NAME = re.compile(IDENTIFIER)
_OFTEN = re.compile("FREQ=(SECONDLY|MINUTELY|HOURLY)", re.IGNORECASE)
"""Who recurs so often names each day many times, and perhaps is never done."""


def read_calendar(source: Source) -> tuple[Calendar | None, list[Finding]]:
    """The calendar in one file, called as the file without `.ics`; None if there are findings."""

    def refused(message: str, line: int = 1) -> tuple[None, list[Finding]]:
        return None, [Finding(source.file, line, 1, "policy_calendar", message)]

    name = PurePath(source.file).stem
    if not _NAME.match(name):
        wanted = "a name of at most 63 lower-case letters, digits and `-`, a letter first"
        return refused(f"the calendar is called as its file, and {quoted(name)} is not {wanted}")
    try:
        # Only who has calendars needs the library, and its time to load.
        import icalendar
    except ModuleNotFoundError:
        return refused("calendars need the extra `calendar`: `pip install 'dfks-rules[calendar]'`")
    try:
        days = _some(_days(icalendar.Calendar.from_ical(source.text)))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError) as error:
        return refused(f"not a calendar of RFC 5545: {error}")
    if days is None or not days:
        return refused(f"calendar has {'over 10,000' if days is None else 'no'} days")
    return Calendar(name, days), []


def _some(named: Iterator[date]) -> frozenset[date] | None:
    """The days that events name, each once; None: there are too many."""
    days = set(islice(named, _MAX_NAMED))
    return frozenset(days) if len(days) <= MAX_DAYS and next(named, None) is None else None


def _days(calendar: Any) -> Iterator[date]:
    for event in calendar.walk("VEVENT"):
        if str(event.get("STATUS", "")).upper() != "CANCELLED":
            yield from _days_of(event)


def _days_of(event: "Event") -> Iterator[date]:
    """The days of an event, of all its recurrences."""
    start = event.decoded("DTSTART")
    first = _day(start)
    last = first
    if "DTEND" in event and not isinstance(start, datetime):
        last = _day(event.decoded("DTEND")) - timedelta(days=1)  # the end is not included
    elif "DURATION" in event and not isinstance(start, datetime):
        last = first + event.decoded("DURATION") - timedelta(days=1)
    if last - first > _MAX_EVENT:
        raise ValueError(f"an event from {first} lasts more than a year")
    excluded = frozenset(_excluded(event))
    for begins in _beginnings(event, first):
        if begins not in excluded:
            for number in range(max((last - first).days, 0) + 1):
                yield begins + timedelta(days=number)


def _beginnings(event: Any, first: date) -> Iterator[date]:
    """The days on which an event and its recurrences begin."""
    if "RRULE" not in event:
        yield first
        return
    from dateutil.rrule import rrulestr

    written = str(event["RRULE"].to_ical().decode())
    if sought := _OFTEN.search(written):
        raise ValueError(f"an event from {first} recurs {sought[1].lower()}; at most daily")
    # Its moments are of no interest, and those with a zone do not compare with those without.
    until = re.sub(r"(UNTIL=[0-9]{8})T[0-9]{6}Z?", r"\1", written)
    start = datetime(first.year, first.month, first.day)  # noqa: DTZ001
    for moment in rrulestr(until, dtstart=start):
        if moment.year > _LAST_YEAR:
            return
        yield moment.date()


def _excluded(event: "Event") -> Iterator[date]:
    written = event.get("EXDATE", [])
    for one in written if isinstance(written, list) else [written]:
        yield from (_day(moment.dt) for moment in one.dts)


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
