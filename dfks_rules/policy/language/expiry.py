"""Effect `expire`: when a feature that a set switches on is switched off again."""

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dfks_rules.phrases.phrase import meant, phrase
from dfks_rules.policy.language.edges import next_edge
from dfks_rules.policy.language.matchers import Named
from dfks_rules.policy.language.schedules import TIME, ZONE_PATTERN, covers, parse_zone
from dfks_rules.policy.words.wording import quoted

DURATION_PATTERN = r"^[1-9][0-9]{0,4}[mhd](?!\n)$"
"""Minutes, hours or days."""
UNTIL_PATTERN = rf"^until {TIME}(?!\n)$"
"""A time of day, on the server's clock."""
TIME_PATTERN = rf"^{TIME}(?!\n)$"

LEAST = timedelta(minutes=1)
MOST = timedelta(days=30)
"""Shortest and longest duration that a rule can say."""

WANTED: dict[str, str] = {
    DURATION_PATTERN: phrase("a duration like `15m`, `2h` or `1d`"),
    UNTIL_PATTERN: phrase("`until` and a time of day, like `until 18:00`"),
}
"""Pattern → what it expects, in words for a finding."""

_TIME_MEANT = re.compile(
    r"(?P<until>until )? *(?P<hour>[0-9]{1,2})(?:[:.h](?P<minute>[0-9]{2}))?"
    r" ?(?:(?P<half>[ap])\.?m\.?)?(?: (?P<zone>[A-Z]\S*))?",
    re.ASCII | re.IGNORECASE,
)
_ONE_UNIT = re.compile(
    r"([0-9]{1,6}) ?(d(?:ays?)?|h(?:ours?|rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)",
    re.ASCII | re.IGNORECASE,
)
_DURATION_MEANT = re.compile(rf"{_ONE_UNIT.pattern}(?: ?{_ONE_UNIT.pattern})*", _ONE_UNIT.flags)
_OUT_OF_BOUNDS = phrase("is not between 1 minute and 30 days")
_NOT_UNDERSTOOD = phrase("is not understood")
_SECONDS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}
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


Lasting = After | Until | During
"""What says when something ends, with nothing else known."""


class DuringOfUser(NamedTuple):
    """`During`, in the zone of each user: known once it is known whose features they are."""

    fact: str
    """Has the zone."""
    zones: tuple[tuple[str, During], ...]
    """Zone → the hours there."""
    usual: During
    """The hours for whoever has another zone, or none."""

    def of(self, zone: object) -> During:
        """The hours of who has a zone."""
        return dict(self.zones).get(str(zone), self.usual)


Expire = Lasting | DuringOfUser


def parse_duration(text: str) -> After:
    """`15m`, `2h`, `1d`.

    Raises:
        ValueError: it is something else, or out of bounds.
    """
    if not re.search(DURATION_PATTERN, text):
        raise ValueError(
            phrase("`{text}` is not {wanted}", text=text, wanted=WANTED[DURATION_PATTERN])
        )
    duration = timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    if not LEAST <= duration <= MOST:
        raise ValueError(phrase("`{text}` {problem}", text=text, problem=_OUT_OF_BOUNDS))
    return After(duration)


def misread(text: str, schedules: Iterable[str] = ()) -> str:
    """Why a text is no form of `expire`, with what its author probably meant.

    Args:
        text: what was written after `expire:`.
        schedules: names of those that the file has.
    """
    problem = _as_time(text) or _as_duration(text) or _as_schedule(text, schedules)
    if problem:
        return phrase("{text} {problem}", text=quoted(text), problem=problem)
    if text.startswith("until"):
        return phrase("{text} is not {wanted}", text=quoted(text), wanted=WANTED[UNTIL_PATTERN])
    return phrase(
        "{text} is neither {wanted}, nor a time like `until 18:00`, nor `{{during: SCHEDULE}}`",
        text=quoted(text),
        wanted=WANTED[DURATION_PATTERN],
    )


def _as_time(text: str) -> str | None:
    """What to say of something like `18:00`, `until 6 pm`, `until 18.00 Europe/Berlin`."""
    found = _TIME_MEANT.fullmatch(text)
    if not found or not (found["until"] or found["minute"] or found["half"]):
        return None
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].lower() == "p" else 0)
    if hour > 23 or minute > 59:
        return None
    time_of_day = f"{hour:02}:{minute:02}"
    if found["zone"]:
        return phrase(
            'names a time zone; write `{{until: "{time_of_day}", tz: {zone}}}`',
            time_of_day=time_of_day,
            zone=found["zone"],
        )
    what = phrase("is a time of day, not a duration") if text == time_of_day else _NOT_UNDERSTOOD
    return phrase("{what}{hint}", what=what, hint=meant(f"until {time_of_day}"))


def _as_duration(text: str) -> str | None:
    """What to say of something like `2 hours`, `1h30m`, `3600s`."""
    if not _DURATION_MEANT.fullmatch(text):
        return None
    parts = _ONE_UNIT.findall(text)
    seconds = sum(int(number) * _SECONDS[unit[0].lower()] for number, unit in parts)
    if not LEAST.total_seconds() <= seconds <= MOST.total_seconds():
        return _OUT_OF_BOUNDS
    unit = next(unit for unit in "dhm" if unit == "m" or seconds % _SECONDS[unit] == 0)
    shorter = f"{seconds // _SECONDS[unit]}{unit}"
    return phrase("{what}{hint}", what=_NOT_UNDERSTOOD, hint=meant(shorter))


def _as_schedule(text: str, schedules: Iterable[str]) -> str | None:
    """What to say of the name of a schedule."""
    near = difflib.get_close_matches(text.removeprefix("during "), schedules, 1)
    what = phrase("is a schedule") if near == [text] else _NOT_UNDERSTOOD
    return phrase("{what}; write `{{during: {near}}}`", what=what, near=near[0]) if near else None


def parse_expire(written: str | Mapping[str, Any]) -> After | Until:
    """Anything of the form that `expire_schema` allows, but for the hours of a schedule.

    Raises:
        ValueError: a text has another form or is out of bounds, or there is no such time zone.
    """
    if isinstance(written, str):
        if re.search(DURATION_PATTERN, written):
            return parse_duration(written)
        if not re.search(UNTIL_PATTERN, written):
            raise ValueError(misread(written))
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
