"""Schedules: named hours of the week, with some days excepted and some hours added.

Rules:

- Hours are wall-clock hours of the schedule's zone: `02:00-03:00` lasts two hours on the night
  when clocks go back, and no time at all on the night when they skip it.
- The start is included, the end is not; a minute is either wholly within or wholly outside.
- Hours that span midnight belong to the day on which they begin.
- An excepted day has no hours: none begin on it (so their part after midnight is dropped too), and
  hours that began the day before end at midnight.
- Hours added by `also` apply on excepted days as well.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from dfks_rules.phrases.phrase import meant, phrase
from dfks_rules.policy.language.days import (
    DAYS,
    DAYS_PATTERN,
    WANTED_DAYS,
    Calendar,
    SomeDays,
    parse_days,
    weekday_of,
)
from dfks_rules.policy.words.wording import did_you_mean

_WEEKS = {"": None, "even weeks": 0, "odd weeks": 1}
MINUTES_OF_DAY = 24 * 60
_ONE_DAY = timedelta(days=1)
_MAX_ENTRIES = 500
"""Most entries in one list; ten years of holidays are about 150."""

_WORDS = r"[A-Za-z]{1,9}(-[A-Za-z]{1,9})?(,[A-Za-z]{1,9}(-[A-Za-z]{1,9})?)*"
TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
"""A time of day, `HH:MM`."""
_HOURS = rf"{TIME}-({TIME}|24:00)"
_LIST_OF_HOURS = rf"{_HOURS}(,{_HOURS})*"

# In Python, `$` also matches before a final line feed; in an editor it does not: `(?!\n)`.
ZONE_PATTERN = r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*(?!\n)$"
"""A name that may be in the IANA time zone database."""
_FROM_PATTERN = r"^user\.[a-z][A-Za-z0-9-]{0,30}(?!\n)$"
"""A column of the directory that has the zones of users."""
WEEKLY_PATTERN = rf"^{_WORDS} {_LIST_OF_HOURS}( in (even|odd) weeks)?(?!\n)$"
"""Days of the week and hours; `parse_weekly` decides whether the words are days."""
ALSO_PATTERN = rf"^{DAYS} {_LIST_OF_HOURS}(?!\n)$"
"""Days and hours."""

WANTED: dict[str, str] = {
    ZONE_PATTERN: phrase("a time zone like `Europe/Berlin`"),
    _FROM_PATTERN: phrase("an attribute of the user like `user.zone`"),
    WEEKLY_PATTERN: phrase("days and hours like `Mon-Fri 08:00-18:00` or `Sat,Sun 22:00-06:00`"),
    DAYS_PATTERN: WANTED_DAYS,
    ALSO_PATTERN: phrase("a day and hours like `2026-12-05 09:00-12:00`"),
}
"""Pattern → what it expects, in words for a finding."""


class Hours(NamedTuple):
    """Part of a day."""

    start: int
    """First minute, counted from midnight: 0..1439."""
    end: int
    """First minute after the end; over 1440 when it is on the next day."""


class Weekly(NamedTuple):
    """Hours on some days of every week."""

    weekdays: frozenset[int]
    """The days on which they begin; Monday is 0."""
    hours: tuple[Hours, ...]
    """At least one."""
    weeks: int | None = None
    """0: only in weeks with an even number (ISO 8601), 1: an odd one; None: in every week."""

    def begins(self, day: date) -> bool:
        """Whether its hours begin on a day."""
        if day.weekday() not in self.weekdays:
            return False
        return self.weeks is None or day.isocalendar().week % 2 == self.weeks


class Extra(NamedTuple):
    """Hours on some calendar days."""

    days: SomeDays
    """The days on which they begin."""
    hours: tuple[Hours, ...]
    """At least one."""


class Schedule(NamedTuple):
    """One entry of `schedules`."""

    zone: ZoneInfo | None
    """Time zone of the hours; None: the server's own."""
    weekly: tuple[Weekly, ...]
    """Hours of every week."""
    excepted: tuple[SomeDays, ...]
    """Days without weekly hours."""
    extra: tuple[Extra, ...]
    """Hours added to the weekly ones."""


class Day(NamedTuple):
    """What a schedule says of one calendar day; days of which it says the same are alike."""

    excepted: bool
    """Whether it is without weekly hours, and ends those that began the day before."""
    weekly: tuple[Hours, ...]
    """The weekly hours that begin on it."""
    extra: tuple[Hours, ...]
    """The other hours that begin on it."""


class ScheduleError(ValueError):
    """A schedule has invalid entries."""

    def __init__(self, problems: list[tuple[tuple[str | int, ...], str]]) -> None:
        super().__init__("; ".join(message for _, message in problems))
        self.problems = problems
        """(path within the schedule, message), in the order of the file."""


def parse_schedule(
    written: Mapping[str, Any], calendars: Mapping[str, Calendar] = MappingProxyType({})
) -> Schedule:
    """Parse a schedule of the form that `schedule_schema` allows.

    Args:
        written: the schedule; whoever takes the zone from a user leaves `tz` out.
        calendars: what `{calendar: NAME}` may refer to.

    Raises:
        ScheduleError: some entries are invalid; it lists them all.
    """
    problems: list[tuple[tuple[str | int, ...], str]] = []
    read: dict[str, list[Any]] = {key: [] for key in _PARSERS}
    for key, parse in _PARSERS.items():
        entries = written.get(key, [])
        several = isinstance(entries, list)
        for position, text in enumerate(entries if several else [entries]):
            try:
                is_calendar = isinstance(text, Mapping)
                read[key].append(_calendar(text, calendars) if is_calendar else parse(text))
            except ValueError as error:
                problems.append(((key, position) if several else (key,), str(error)))
    if not problems and not (read["weekly"] or read["also"]):
        problems.append(((), phrase("schedule has no hours; it needs `weekly` or `also`")))
    if problems:
        raise ScheduleError(problems)
    zone = read["tz"][0] if read["tz"] else None
    return Schedule(zone, tuple(read["weekly"]), tuple(read["except"]), tuple(read["also"]))


def _calendar(written: Mapping[str, str], calendars: Mapping[str, Calendar]) -> Calendar:
    name = written["calendar"]
    if name not in calendars:
        raise ValueError(
            phrase("unknown calendar `{name}`{hint}", name=name, hint=did_you_mean(name, calendars))
        )
    return calendars[name]


def covers(schedule: Schedule, at: datetime) -> bool:
    """Whether a moment is within the schedule.

    Args:
        schedule: the schedule.
        at: timezone-aware, in the zone that applies when the schedule names none.
    """
    local = at.astimezone(schedule.zone) if schedule.zone else at
    minute = local.hour * 60 + local.minute
    today, yesterday = day_of(schedule, local.date()), day_of(schedule, local.date() - _ONE_DAY)
    if _within(today.extra, yesterday.extra, minute):
        return True
    return not today.excepted and _within(today.weekly, yesterday.weekly, minute)


def day_of(schedule: Schedule, day: date) -> Day:
    """What a schedule says of one day, in its own zone.

    Nothing else tells days apart: whether a minute is within a schedule follows from what it says
    of that day and of the day before. So a new form of days is complete once it is known here.
    """
    excepted = _is_excepted(schedule, day)
    weekly = () if excepted else [one.hours for one in schedule.weekly if one.begins(day)]
    extra = [one.hours for one in schedule.extra if one.days.has(day)]
    return Day(excepted, tuple(chain.from_iterable(weekly)), tuple(chain.from_iterable(extra)))


def parse_zone(text: str) -> ZoneInfo:
    """A time zone of the IANA database.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:  # OSError: `Europe` is a directory
        zones = available_timezones()
        city = "/" + text.replace(" ", "_").lower()
        near = sorted(zone for zone in zones if zone.lower().endswith(city))
        hint = meant(near[0]) if near else did_you_mean(text, zones)
        raise ValueError(
            phrase("unknown time zone `{text}`{hint}", text=text, hint=hint)
        ) from error


def parse_weekly(text: str) -> Weekly:
    """Days of the week and hours: `Mon-Thu,Sat 08:00-12:00,13:00-18:00 in even weeks`.

    Raises:
        ValueError: it is something else.
    """
    _demand(WEEKLY_PATTERN, text)
    hours_of_days, _, weeks = text.partition(" in ")
    days, _, hours = hours_of_days.partition(" ")
    weekdays = frozenset[int]().union(*map(_weekdays, days.split(",")))
    return Weekly(weekdays, _hours(hours), _WEEKS[weeks])


def parse_also(text: str) -> Extra:
    """Days and hours: `2026-12-05 09:00-12:00`, `12-24 09:00-12:00`.

    Raises:
        ValueError: it is something else, or a day that the calendar does not have.
    """
    _demand(ALSO_PATTERN, text)
    days, _, hours = text.rpartition(" ")
    return Extra(parse_days(days), _hours(hours))


def schedule_schema() -> dict[str, Any]:
    """The JSON Schema of one schedule."""

    def entries(pattern: str, description: str) -> dict[str, Any]:
        item = {"type": "string", "maxLength": 512, "pattern": pattern}
        return {
            "type": "array",
            "description": description,
            "minItems": 1,
            "maxItems": _MAX_ENTRIES,
            "items": item,
        }

    return {
        "type": "object",
        "description": "Hours, on the clock of one time zone.",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "tz": {
                "description": "IANA time zone, e.g. `Europe/Berlin`, or `{from: user.zone}`: that "
                "of the user in the directory; if omitted, the server's.",
                "anyOf": [
                    {"type": "string", "maxLength": 64, "pattern": ZONE_PATTERN},
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["from"],
                        "properties": {
                            "from": {
                                "type": "string",
                                "pattern": _FROM_PATTERN,
                                "description": "The column of the directory that has it.",
                            }
                        },
                    },
                ],
            },
            "weekly": entries(
                WEEKLY_PATTERN,
                "Hours of every week, e.g. `Mon-Fri 08:00-18:00`, `Daily 22:00-06:00`, "
                "`Sat 09:00-12:00 in even weeks`.",
            ),
            "except": _or_calendars(
                entries(
                    DAYS_PATTERN,
                    "Days without any, e.g. `2026-12-25`, `12-24..12-31` (every year), `easter+1`, "
                    "`2nd Mon of Sep`, `{calendar: holidays}`.",
                )
            ),
            "also": entries(
                ALSO_PATTERN,
                "Hours on top, on excepted days too, e.g. `2026-12-05 09:00-12:00`.",
            ),
        },
    }


def _or_calendars(entries: dict[str, Any]) -> dict[str, Any]:
    """The schema of entries, of which each may be a calendar."""
    calendar = {
        "type": "object",
        "additionalProperties": False,
        "required": ["calendar"],
        "properties": {
            "calendar": {
                "type": "string",
                "maxLength": 64,
                "description": "The days of an iCalendar file: `holidays` for `holidays.ics`.",
            }
        },
    }
    return {**entries, "items": {"anyOf": [entries["items"], calendar]}}


_PARSERS: dict[str, Callable[[str], Any]] = {
    "tz": parse_zone,
    "weekly": parse_weekly,
    "except": parse_days,
    "also": parse_also,
}


def _within(today: Iterable[Hours], yesterday: Iterable[Hours], minute: int) -> bool:
    """Whether hours that begin today or began yesterday include this minute of today."""
    return any(start <= minute < end for start, end in today) or any(
        minute + MINUTES_OF_DAY < end for _, end in yesterday
    )


def _is_excepted(schedule: Schedule, day: date) -> bool:
    return any(days.has(day) for days in schedule.excepted)


def _demand(pattern: str, text: str) -> None:
    if not re.search(pattern, text):
        raise ValueError(phrase("`{text}` is not {wanted}", text=text, wanted=WANTED[pattern]))


def _weekdays(text: str) -> set[int]:
    """`Fri-Mon` → 4, 5, 6, 0."""
    if text.lower() == "daily":
        return set(range(7))
    first, _, last = text.partition("-")
    try:
        start, end = weekday_of(first), weekday_of(last or first)
    except ValueError as error:
        raise ValueError(phrase("{error}, or `Daily`", error=error)) from error
    return {(start + n) % 7 for n in range((end - start) % 7 + 1)}


def _hours(text: str) -> tuple[Hours, ...]:
    return tuple(map(_one_range, text.split(",")))


def _one_range(text: str) -> Hours:
    start, end = (int(time[:2]) * 60 + int(time[3:]) for time in text.split("-"))
    if start == end:
        raise ValueError(
            phrase("`{text}` ends when it begins; a whole day is `00:00-24:00`", text=text)
        )
    return Hours(start, end if start < end else end + MINUTES_OF_DAY)
