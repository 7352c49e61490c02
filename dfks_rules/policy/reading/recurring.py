"""Rules of recurrence (`RRULE`) → days, as far as anybody needs them.

Only `read_calendar` imports this, once it has a rule: `dateutil` comes with the extra `calendar`.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, rrulestr

from dfks_rules.phrases.phrase import phrase

LAST_YEAR = 2100
"""What recurs for ever is followed to its end."""
MOST_LOOKED_AT = 250_000
"""Most days, or what takes as long, that the rules of one calendar look at: some seconds."""
_LONG = {YEARLY: 10, MONTHLY: 2, WEEKLY: 5, DAILY: 31}
"""Frequency → how many days of a daily rule take as long as one turn of a rule."""


class Looked:
    """How much the rules of one calendar have looked at so far."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._spent = 0

    def spend(self, amount: int) -> None:
        """They look at so much more.

        Raises:
            ValueError: it is more than `MOST_LOOKED_AT` in all.
        """
        self._spent += amount
        if self._spent > MOST_LOOKED_AT:
            message = phrase(
                "its rules of recurrence look at more than {most_looked_at} days",
                most_looked_at=MOST_LOOKED_AT,
            )
            raise ValueError(message)


def recurrences(written: str, first: date, looked: Looked) -> Iterator[date]:
    """The days that a rule names, up to the end of `LAST_YEAR`.

    Args:
        written: the rule, without `RRULE:`; its `UNTIL` is a date, and it recurs at most daily.
        first: day of the first event.
        looked: what the rules before it have looked at; it is counted on.

    Raises:
        ValueError: it is no rule, or `looked` does.
    """
    rule = rrulestr(written, dtstart=datetime(first.year, first.month, first.day))  # noqa: DTZ001
    try:
        for moment in rrule._iter(_Followed(rule, first, looked)):
            if moment.year > LAST_YEAR:
                return
            yield moment.date()
    except _BeyondError:
        return


class _BeyondError(Exception):
    """A rule has come to the end of the last year."""


class _Followed:
    """A rule that is followed to `LAST_YEAR` only.

    `rrule` goes on to the year 9999 where no day passes its tests, without a word to who iterates
    over it. But it reads `_byeaster` whenever it comes to another month, or year if it is yearly.
    """

    def __init__(self, rule: Any, first: date, looked: Looked) -> None:
        self._rule = rule
        self._looked = looked
        several = rule._interval if rule._freq in (YEARLY, MONTHLY) else 1
        self._step = several * (12 if rule._freq == YEARLY else 1)
        """Fewest months from one reading to the next."""
        self._left = (LAST_YEAR - first.year + 1) * 12 + 3 * self._step  # and before the first
        if rule._byeaster:
            self._left *= 2  # it is then read twice

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rule, name)

    @property
    def _byeaster(self) -> Any:
        self._left -= self._step
        if self._left < 0:
            raise _BeyondError
        self._looked.spend(_LONG[self._rule._freq])
        return self._rule._byeaster
