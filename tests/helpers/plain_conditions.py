"""Whether conditions hold, as files write them: part of the second opinion of `plain_policies`."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Any
from zoneinfo import ZoneInfo

from dfks_rules.model.values import MAX_TEXT
from tests.helpers.random_words import LISTED

Fact = Callable[[str], Any]
"""Name of a fact → its value."""
BERLIN = ZoneInfo("Europe/Berlin")
_ZONES = ("America/New_York", "Europe/Berlin")
VARS: dict[str, Any] = {"desk": "sip:desk@example.com", "vips": ["alice", "bob"]}
"""What the variables of `random_policies` stand for."""


# --- Hours ---


def _office(at: datetime) -> bool:
    return at.weekday() < 5 and 8 <= at.hour < 18


def _night(at: datetime) -> bool:
    return at.hour >= 22 or at.hour < 8


def _first_monday(day: date) -> bool:
    return day.month == 1 and day.weekday() == 0 and day.day <= 7


_EASTER_MONDAYS = [date(2024, 4, 1), date(2025, 4, 21), date(2026, 4, 6), date(2027, 3, 29)]


def _yearly(at: datetime) -> bool:
    day = at.date()
    if (day.month, day.day) == (2, 29) and at.hour == 7:
        return True
    if (day.month, day.day) == (12, 31) or _first_monday(day) or day in _EASTER_MONDAYS:
        return False
    is_even = day.isocalendar().week % 2 == 0
    return _office(at) if is_even else day.weekday() >= 5


def is_within(hours: str, at: datetime, fact: Fact) -> bool:
    """Whether a moment is within hours of this name."""
    match hours:
        case "office":
            there = at.astimezone(BERLIN)
            return _office(there) and there.date() != date(2026, 1, 5)
        case "night":
            return _night(at)
        case "yearly":
            return _yearly(at)
        case "holidays":
            return _office(at) and (at.year < 2026 or (at.month, at.day) != (1, 5))
        case "local":
            zone = fact("user.zone")
            return _office(at.astimezone(ZoneInfo(zone)) if zone in _ZONES else at)
        case _:
            raise AssertionError(hours)


# --- Conditions ---


def holds(
    condition: Mapping[str, Any], fact: Fact, at: datetime, *, denies: bool | None = None
) -> bool:
    """Whether a condition as it is written is true.

    `denies`: whether it is one for which a request is denied, or one against it; None: neither.
    """
    flipped = None if denies is None else not denies
    for key, said in condition.items():
        match key:
            case "all":
                passed = all(holds(one, fact, at, denies=denies) for one in said)
            case "any":
                passed = any(holds(one, fact, at, denies=denies) for one in said)
            case "not":
                passed = not holds(said, fact, at, denies=flipped)
            case _:
                tests = said if isinstance(said, dict) else {"in": entries_of(said)}
                passed = all(
                    passes(_asked(key, name, denies), name, one, fact, at)
                    for name, one in tests.items()
                )
        if not passed:
            return False
    return True


def _asked(name: str, matcher: str, denies: bool | None) -> str:
    """The fact that is asked: what is denied by one number is denied by all of them."""
    against = denies is (matcher in ("ne", "notIn"))
    if name != "target.number" or denies is None or against or matcher in ("exists", "sameAs"):
        return name
    return "target.numbers"


def entries_of(said: Any) -> list[Any]:
    """The constants of an operand, of which one must suit."""
    if isinstance(said, dict):
        return LISTED
    if not isinstance(said, list):
        return [said]
    found: list[Any] = []
    for one in said:
        found += VARS[one["var"]] if isinstance(one, dict) else [one]
    return found


def passes(name: str, matcher: str, said: Any, fact: Fact, at: datetime) -> bool:  # noqa: PLR0911, C901
    """Whether a fact passes one test."""
    value = fact(name)
    if value is None:
        return said is False if matcher == "exists" else matcher in ("ne", "notIn", "outside")
    if name == "target.numbers" and matcher != "exists":
        negated = {"ne": "eq", "notIn": "in"}.get(matcher, matcher)
        found = any(passes("", negated, said, {"": one}.get, at) for one in value)
        return found is (negated == matcher)
    match matcher:
        case "eq":
            return bool(value == said)
        case "ne":
            return bool(value != said)
        case "in":
            return value in entries_of(said)
        case "notIn":
            return value not in entries_of(said)
        case "lt":
            return bool(value < said)
        case "le":
            return bool(value <= said)
        case "gt":
            return bool(value > said)
        case "ge":
            return bool(value >= said)
        case "exists":
            return bool(said)
        case "moreThan":
            return fact(said) is not None and value > fact(said)
        case "lessThan":
            return fact(said) is not None and value < fact(said)
        case "sameAs":
            other = fact(said)
            if isinstance(value, tuple):
                return other is not None and any(one in other for one in value)
            return bool(value == other)
        case "between":
            text = str(value)
            is_number = text.isascii() and text.isdigit() and str(int(text)) == text
            return is_number and len(text) <= 15 and said[0] <= int(text) <= said[1]
        case "has":
            return any(one in value for one in entries_of(said))
        case "prefix":
            return any(value[: len(one)] == one for one in entries_of(said))
        case "suffix":
            return any(value.endswith(one) for one in entries_of(said))
        case "glob":
            return any(fnmatchcase(value, one) for one in entries_of(said))
        case "regex":
            is_short = len(value) <= MAX_TEXT
            return is_short and any(re.fullmatch(one, value, re.ASCII) for one in entries_of(said))
        case "cidr":
            return any(_is_in(value, one) for one in entries_of(said))
        case "during":
            return is_within(said, at, fact)
        case "outside":
            return not is_within(said, at, fact)
        case _:
            raise AssertionError(matcher)


def _is_in(text: str, network: str) -> bool:
    try:
        address = ip_address(text.removeprefix("::ffff:"))
    except ValueError:
        return False
    return address in ip_network(network)
