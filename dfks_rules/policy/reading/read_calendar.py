"""iCalendar files (`.ics`) → days, for the exceptions of schedules.

Reference: RFC 5545. Days are those on which an event of the calendar is: its whole days, or the
dates on which its hours begin. `RRULE`, `RDATE` and `EXDATE` are followed, and what other events
say of single recurrences (`RECURRENCE-ID`).
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from itertools import chain
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.days import Calendar
from dfks_rules.policy.reading.schema_pieces import IDENTIFIER
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.words.wording import quoted
from dfks_rules.yaml.tree import MAX_BYTES

if TYPE_CHECKING:
    from icalendar import Event

    from dfks_rules.policy.reading.recurring import Looked

MAX_DAYS = 10_000
"""Most days of one calendar."""
MAX_NAMED = 1_000_000
"""Most times that days are named, each as often as events name it: it takes a few seconds."""
_MAX_EVENT = timedelta(days=366)
"""Longest event: a longer one is a mistake of its year."""
_NAME = re.compile(IDENTIFIER)
_NO_INTERVAL = re.compile(r"INTERVAL=(-|0+(?![0-9]))")
_WITHIN_A_DAY = frozenset({"HOURLY", "MINUTELY", "SECONDLY"})
_AT_MOST_ONE = ("UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID", "STATUS")
"""What an event says once; RFC 5545 allows a second `RRULE`, which few programs follow."""


def read_calendar(source: Source) -> tuple[Calendar | None, list[Finding]]:
    """The calendar in one file, called as the file without `.ics`; None if there are findings."""

    def refused(message: str, line: int = 1) -> tuple[None, list[Finding]]:
        return None, [Finding(source.file, line, 1, "policy_calendar", message)]

    name = PurePath(source.file).stem
    if not _NAME.match(name):
        wanted = phrase("a name of at most 63 lower-case letters, digits and `-`, a letter first")
        return refused(
            phrase(
                "the calendar is called as its file, and {name} is not {wanted}",
                name=quoted(name),
                wanted=wanted,
            )
        )
    size = len(source.text.encode(errors="replace"))
    if size > MAX_BYTES:
        # Whoever reads files stops there, so how large it is is not known.
        message = phrase(
            "calendar has more than {max_bytes} bytes (256 KiB): leave out past events",
            max_bytes=MAX_BYTES,
        )
        return None, [Finding(source.file, 1, 1, "policy_limit", message)]
    try:
        # Only who has calendars needs the library, and its time to load.
        import icalendar
    except ModuleNotFoundError:
        return refused(
            phrase("calendars need the extra `calendar`: `pip install 'dfks-rules[calendar]'`")
        )
    try:
        days = _all_days(icalendar.Calendar.from_ical(source.text))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError) as error:
        return refused(
            phrase("not a calendar of RFC 5545: {message}", message=" ".join(str(error).split()))
        )
    if not 0 < len(days) <= MAX_DAYS:
        return refused(
            phrase("calendar has no days") if not days else phrase("calendar has over 10,000 days")
        )
    return Calendar(name, days), []


def _all_days(calendar: Any) -> frozenset[date]:
    """The days of all events; if there are too many, a few more than there may be."""
    days: set[date] = set()
    for number, day in enumerate(_days(calendar)):
        if day is not None:
            days.add(day)
        if len(days) > MAX_DAYS:
            break
        if number >= MAX_NAMED:
            raise ValueError(
                phrase("its events name days more than {max_named} times", max_named=MAX_NAMED)
            )
    return frozenset(days)


def _days(calendar: Any) -> Iterator[date | None]:
    """Each day as often as an event names it; None for one that is taken out."""
    from dfks_rules.policy.reading.recurring import Looked

    looked = Looked()
    events = calendar.walk("VEVENT")
    for event in events:
        for name in _AT_MOST_ONE:
            if isinstance(event.get(name), list):
                raise ValueError(phrase("an event has more than one {name}", name=name))
    replaced = _Replaced(events)
    for event in events:
        if str(event.get("STATUS", "")).upper() != "CANCELLED":
            yield from _days_of(event, replaced, looked)


class _Replaced:
    """The recurrences that other events of the same UID stand for."""

    def __init__(self, events: "list[Event]") -> None:
        self._of_uid: dict[str, list[Any]] = {}
        for event in events:
            if "RECURRENCE-ID" in event:
                self._of_uid.setdefault(str(event.get("UID")), []).append(event["RECURRENCE-ID"])
        self._days: dict[tuple[str, int], frozenset[date]] = {}
        """UID, and which zone it is: many events may share both."""

    def days(self, event: "Event", zone: tzinfo | None) -> frozenset[date]:
        """The days of those of an event, in its zone; the events that stand for them have none."""
        uid = str(event.get("UID"))
        if "RECURRENCE-ID" in event or uid not in self._of_uid:
            return frozenset()
        key = uid, id(zone)
        if key not in self._days:
            self._days[key] = frozenset(_replaced(one, zone) for one in self._of_uid[uid])
        return self._days[key]


def _days_of(event: "Event", replaced: _Replaced, looked: "Looked") -> Iterator[date | None]:
    """The days of an event, of all its recurrences.

    Args:
        event: one that is not cancelled.
        replaced: what the events stand for that stand for some of its recurrences.
        looked: see `Looked`.
    """
    if "DTSTART" not in event:
        raise ValueError(phrase("an event has no DTSTART"))
    start = event.decoded("DTSTART")
    first = _day(start)
    last = first
    if "DTEND" in event and not isinstance(start, datetime):
        last = _day(event.decoded("DTEND")) - timedelta(days=1)  # the end is not included
    elif "DURATION" in event and not isinstance(start, datetime):
        last = first + event.decoded("DURATION") - timedelta(days=1)
    if last - first > _MAX_EVENT:
        raise ValueError(phrase("an event from {first} lasts more than a year", first=first))
    zone = start.tzinfo if isinstance(start, datetime) else None
    excluded, others = set(_dates(event, "EXDATE", zone)), replaced.days(event, zone)
    for begins in chain(_beginnings(event, first, looked), _dates(event, "RDATE", zone)):
        # Days that are taken out count, too: who follows a rule needs as long for them.
        for number in range(max((last - first).days, 0) + 1):
            is_out = begins in excluded or begins in others
            yield None if is_out else begins + timedelta(days=number)


def _beginnings(event: Any, first: date, looked: "Looked") -> Iterator[date]:
    """The days on which an event and its recurrences begin.

    Raises:
        ValueError: it recurs more often than days do, or never.
    """
    if "RRULE" not in event:
        yield first
        return
    from dfks_rules.policy.reading.recurring import LAST_YEAR, recurrences

    written = str(event["RRULE"].to_ical().decode())
    if not _WITHIN_A_DAY.isdisjoint(re.split("[=;]", written.upper())):
        raise ValueError(
            phrase(
                "an event from {first} recurs within days; a calendar names whole days", first=first
            )
        )
    if _NO_INTERVAL.search(written):
        raise ValueError(
            phrase("an event from {first} has an RRULE with an INTERVAL below 1", first=first)
        )
    # Its moments are of no interest, and those with a zone do not compare with those without.
    until = re.sub(r"(UNTIL=[0-9]{8})T[0-9]{6}Z?", r"\1", written)
    day = None
    for day in recurrences(until, first, looked):
        yield day
    if day is None:
        raise ValueError(
            phrase(
                "an event from {first} has an RRULE that names no day until {last_year}",
                first=first,
                last_year=LAST_YEAR,
            )
        )


def _dates(event: "Event", name: str, zone: tzinfo | None) -> Iterator[date]:
    """The days in all properties of a name."""
    written = event.get(name, [])
    for one in written if isinstance(written, list) else [written]:
        for moment in one.dts:
            # A period is its begin and its end.
            yield _day(moment.dt[0] if isinstance(moment.dt, tuple) else moment.dt, zone)


def _replaced(recurrence: Any, zone: tzinfo | None) -> date:
    """The day of the recurrence that another event stands for.

    Raises:
        ValueError: it stands for all later ones, too.
    """
    day = _day(recurrence.dt, zone)
    if "RANGE" in recurrence.params:
        raise ValueError(
            phrase(
                "an event changes all its recurrences from {day} on; make it two events", day=day
            )
        )
    return day


def _day(moment: date, zone: tzinfo | None = None) -> date:
    """The day of a moment, in the zone in which its event begins."""
    if not isinstance(moment, date):
        raise ValueError(phrase("{moment} is no date", moment=quoted(str(moment))))
    if isinstance(moment, datetime):
        return (moment.astimezone(zone) if zone and moment.tzinfo else moment).date()
    return moment
