"""Days that a schedule names: dates, days of every year, the n-th weekday of a month, feasts.

What is the same for all forms: a text names one day or, where the form has a range, all days from
the first to the last. A day that a year does not have (`02-29`, `5th Mon of Feb`) is in none.
"""

import calendar
import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.words.wording import did_you_mean

_DAYS_OF_WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NUMBERS = {name.lower(): number for number, name in enumerate(_DAYS_OF_WEEK)}
_MONTHS = tuple(calendar.month_abbr[1:])
_MONTH_NUMBERS = {name.lower(): number for number, name in enumerate(_MONTHS, start=1)}
_NTHS = ("", "1st", "2nd", "3rd", "4th", "5th")
_LEAP_YEAR = 2000
"""A year that has every day of a year."""

DATE = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
"""A day, `YYYY-MM-DD`."""
_YEARLY = r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_NTH = r"(1st|2nd|3rd|4th|5th|last) [A-Za-z]{1,9}( of [A-Za-z]{1,9})?"
_EASTER = r"easter([+-][0-9]{1,3})?"
DAYS = rf"({DATE}(\.\.{DATE})?|{_YEARLY}(\.\.{_YEARLY})?|{_NTH}|{_EASTER})"
"""Any form of days; `parse_days` decides whether the words are days and months."""

# In Python, `$` also matches before a final line feed; in an editor it does not: `(?!\n)`.
DAYS_PATTERN = rf"^{DAYS}(?!\n)$"
"""Days, as the schema wants them."""
WANTED_DAYS = phrase(
    "a day like `2026-12-25`, `12-25` (every year), `2nd Mon of Sep` or "
    "`easter+1`, or days like `12-24..12-31`"
)
"""What `DAYS_PATTERN` expects, in words for a finding."""


class Days(NamedTuple):
    """A range of calendar days."""

    first: date
    """The first day."""
    last: date
    """The last day, inclusive."""

    def has(self, day: date) -> bool:
        """Whether a day is among them."""
        return self.first <= day <= self.last


class Yearly(NamedTuple):
    """The same days of every year; a range may lead over the end of the year."""

    first: tuple[int, int]
    """Month and day."""
    last: tuple[int, int]
    """Month and day, inclusive."""

    def has(self, day: date) -> bool:
        """Whether a day is among them."""
        at = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


class NthWeekday(NamedTuple):
    """The n-th of one weekday in a month."""

    nth: int
    """1 to 5; -1 for the last one."""
    weekday: int
    """Monday is 0."""
    month: int | None
    """1 to 12; None for every month."""

    def has(self, day: date) -> bool:
        """Whether a day is one of them."""
        if day.weekday() != self.weekday or self.month not in (None, day.month):
            return False
        if self.nth == -1:
            return day.day + 7 > calendar.monthrange(day.year, day.month)[1]
        return (day.day - 1) // 7 + 1 == self.nth


class AroundEaster(NamedTuple):
    """A day at a fixed distance from Easter Sunday of the western churches."""

    offset: int
    """Days after it; negative before it."""

    def has(self, day: date) -> bool:
        """Whether a day is this one, in some year."""
        easter = day.toordinal() - self.offset
        if not date.min.toordinal() <= easter <= date.max.toordinal():
            return False
        sunday = date.fromordinal(easter)
        return sunday == _easter(sunday.year)


class Calendar(NamedTuple):
    """The days of an iCalendar file."""

    name: str
    """As schedules refer to it."""
    days: frozenset[date]
    """All of them."""

    def has(self, day: date) -> bool:
        """Whether a day is among them."""
        return day in self.days


SomeDays = Days | Yearly | NthWeekday | AroundEaster | Calendar
"""Any form of days; each says of a day whether it `has` it."""


def parse_days(text: str) -> SomeDays:
    """Days: `2026-12-25`, `2026-12-24..2026-12-31`, `12-25`, `12-24..01-02`, `2nd Mon of Sep`,
    `last Fri`, `easter`, `easter-2`.

    Raises:
        ValueError: it is something else, or a day that the calendar does not have.
    """
    if not re.search(DAYS_PATTERN, text):
        raise ValueError(
            phrase("`{text}` is not {wanted_days}", text=text, wanted_days=WANTED_DAYS)
        )
    for form, parse in _FORMS.items():
        if re.fullmatch(form, text):
            return parse(text)
    raise AssertionError(text)  # pragma: no cover - the pattern is made of the forms


def days_text(days: SomeDays) -> str:
    """Days as `parse_days` reads them; a calendar by its name."""
    match days:
        case Days(first, last):
            return _range_text(first.isoformat(), last.isoformat())
        case Yearly(first_of_year, last_of_year):
            return _range_text(*(f"{m:02}-{d:02}" for m, d in (first_of_year, last_of_year)))
        case NthWeekday(nth, weekday, month):
            which = _NTHS[nth] if nth > 0 else "last"
            of = "" if month is None else f" of {_MONTHS[month - 1]}"
            return f"{which} {_DAYS_OF_WEEK[weekday]}{of}"
        case AroundEaster(offset):
            return f"easter{offset:+d}" if offset else "easter"
        case Calendar(name, _):
            return f"calendar {name}"


def _range_text(first: str, last: str) -> str:
    return first if first == last else f"{first}..{last}"


def weekday_of(word: str) -> int:
    """`Mon` → 0.

    Raises:
        ValueError: it is no day of the week.
    """
    if word.lower() not in _NUMBERS:
        hint = did_you_mean(word[:3], _DAYS_OF_WEEK)
        raise ValueError(
            phrase("unknown day `{word}`{hint}; days are `Mon` to `Sun`", word=word, hint=hint)
        )
    return _NUMBERS[word.lower()]


def _range(text: str) -> SomeDays:
    first, _, last = text.partition("..")
    days = Days(_date(first), _date(last or first))
    if days.last < days.first:
        raise ValueError(phrase("`{text}` ends before it begins", text=text))
    return days


def _yearly(text: str) -> SomeDays:
    first, _, last = text.partition("..")
    return Yearly(_month_and_day(first), _month_and_day(last or first))


def _nth(text: str) -> SomeDays:
    nth, day, *month = text.replace(" of ", " ").split(" ")
    number = -1 if nth == "last" else int(nth[0])
    return NthWeekday(number, weekday_of(day), _month(month[0]) if month else None)


def _around_easter(text: str) -> SomeDays:
    return AroundEaster(int(text.removeprefix("easter") or "0"))


_FORMS: dict[str, Callable[[str], SomeDays]] = {
    rf"{DATE}(\.\.{DATE})?": _range,
    rf"{_YEARLY}(\.\.{_YEARLY})?": _yearly,
    _NTH: _nth,
    _EASTER: _around_easter,
}


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(phrase("`{text}` is not a calendar date", text=text)) from error


def _month_and_day(text: str) -> tuple[int, int]:
    try:
        day = date.fromisoformat(f"{_LEAP_YEAR}-{text}")
    except ValueError as error:
        raise ValueError(phrase("`{text}` is a day that no year has", text=text)) from error
    return day.month, day.day


def _month(word: str) -> int:
    if word.lower() not in _MONTH_NUMBERS:
        hint = did_you_mean(word[:3], _MONTHS)
        raise ValueError(
            phrase("unknown month `{word}`{hint}; months are `Jan` to `Dec`", word=word, hint=hint)
        )
    return _MONTH_NUMBERS[word.lower()]


@lru_cache(64)
def _easter(year: int) -> date:
    """Easter Sunday, by the Gregorian computus (Meeus/Jones/Butcher)."""
    century, rest = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    shift = (year % 19 + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
