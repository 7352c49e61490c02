"""Effect `expire`: when a feature that a set switches on is switched off again."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dfks_rules.policy.language.edges import next_edge
from dfks_rules.policy.language.matchers import Named
from dfks_rules.policy.language.schedules import TIME, ZONE_PATTERN, covers, parse_zone

DURATION_PATTERN = r"^[1-9][0-9]{0,4}[mhd](?!\n)$"
"""Minutes, hours or days."""
UNTIL_PATTERN = rf"^until {TIME}(?!\n)$"
"""A time of day, on the server's clock."""
TIME_PATTERN = rf"^{TIME}(?!\n)$"

LEAST = timedelta(minutes=1)
MOST = timedelta(days=30)
"""Shortest and longest duration that a rule can say."""

WANTED: dict[str, str] = {
    DURATION_PATTERN: "a duration like `15m`, `2h` or `1d`",
    UNTIL_PATTERN: "`until` and a time of day, like `until 18:00`",
}
"""Pattern → what it expects, in words for a finding."""

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_ONE_DAY = timedelta(days=1)


class After(NamedTuple):
    """`expire: 2h`: so long after the set."""

    duration: timedelta

    def ends(self, at: datetime) -> datetime:
        """When what is set at a moment is over."""
        # Within one zone, a sum would be of what its clock shows.
        return (at.astimezone(UTC) + self.duration).astimezone(at.tzinfo)


class Until(NamedTuple):
    """`expire: until 18:00`: when a clock shows that time next."""

    time: time
    zone: ZoneInfo | None
    """Whose clock; None: the server's."""

    def ends(self, at: datetime) -> datetime:
        """When what is set at a moment is over."""
        zone: tzinfo | None = self.zone or at.tzinfo
        day = at.astimezone(zone).date()
        for ahead in (0, 1, 2):
            for fold in (0, 1):
                shown = datetime.combine(day + ahead * _ONE_DAY, self.time.replace(fold=fold), zone)
                # Subtraction within one zone would take two times of day for what they show.
                if shown.timestamp() > at.timestamp():
                    return shown.astimezone(at.tzinfo)
        raise AssertionError("no clock is set by a day")


class During(NamedTuple):
    """`expire: {during: SCHEDULE}`: when the hours of the schedule end in which it is set."""

    schedule: Named

    def ends(self, at: datetime) -> datetime | None:
        """When what is set at a moment is over; None: it is set outside the hours."""
        schedule = self.schedule.value
        if not covers(schedule, at):
            return None
        return next_edge(schedule, at)


Expire = After | Until | During


def parse_duration(text: str) -> After:
    """`15m`, `2h`, `1d`.

    Raises:
        ValueError: it is something else, or out of bounds.
    """
    if not re.search(DURATION_PATTERN, text):
        raise ValueError(f"`{text}` is not {WANTED[DURATION_PATTERN]}")
    duration = timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    if not LEAST <= duration <= MOST:
        raise ValueError(f"`{text}` is not within 1 minute and 30 days")
    return After(duration)


def parse_expire(written: str | Mapping[str, Any]) -> After | Until:
    """Anything of the form that `expire_schema` allows, but for the hours of a schedule.

    Raises:
        ValueError: it is out of bounds, or there is no such time zone.
    """
    if isinstance(written, str):
        if not written.startswith("until "):
            return parse_duration(written)
        written = {"until": written.removeprefix("until ")}
    zone = parse_zone(written["tz"]) if "tz" in written else None
    return Until(time.fromisoformat(written["until"]), zone)


def expire_schema(name: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of `expire`.

    Args:
        name: that of the name of a schedule.
    """

    def text(pattern: str, description: str) -> dict[str, Any]:
        return {"type": "string", "maxLength": 64, "pattern": pattern, "description": description}

    def one_of(description: str, required: str, properties: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "description": description,
            "additionalProperties": False,
            "required": [required],
            "properties": properties,
        }

    until = text(TIME_PATTERN, "A time of day, e.g. `18:00`; today's or tomorrow's.")
    zone = text(ZONE_PATTERN, "Whose clock, e.g. `Europe/Berlin`; if omitted, the server's.")
    during = {**name, "description": "A schedule: when its hours end in which it was set."}
    return {
        "description": "When a feature that the set switches on is switched off by itself.",
        "anyOf": [
            text(DURATION_PATTERN, "So long after the set, 1 minute to 30 days: `15m`, `2h`."),
            text(UNTIL_PATTERN, "When the server's clock shows that time next: `until 18:00`."),
            one_of("When a clock shows that time next.", "until", {"until": until, "tz": zone}),
            one_of("With the hours of a schedule.", "during", {"during": during}),
        ],
    }
