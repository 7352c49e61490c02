"""Rules of recurrence: which days they name, and how far they are followed."""

import time
from datetime import date, datetime
from itertools import chain

import pytest
from dateutil.rrule import rrulestr

from dfks_rules.policy.reading.recurring import LAST_YEAR, MOST_LOOKED_AT, Looked, recurrences

_FIRST = date(2026, 1, 1)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=-1",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=YEARLY;BYMONTH=1,5,9,11;BYDAY=1MO,-1FR",
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU",
        "FREQ=YEARLY;BYYEARDAY=366",
        "FREQ=YEARLY;BYEASTER=1",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYEASTER=-2",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;WKST=SU",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=DAILY;INTERVAL=400",
        "FREQ=DAILY;COUNT=40",
        "FREQ=DAILY;UNTIL=20260305",
    ],
)
def test_a_rule_names_what_dateutil_says_up_to_the_last_year(rule: str) -> None:
    """Nothing is lost because the walk is bounded."""
    walked = rrulestr(rule, dtstart=datetime(2026, 1, 1))  # noqa: DTZ001 - days have no zone
    wanted = [at.date() for at in walked.between(datetime(2025, 1, 1), datetime(2101, 1, 1))]  # noqa: DTZ001
    assert list(recurrences(rule, _FIRST, Looked())) == wanted
    assert wanted


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=DAILY;INTERVAL=7;BYDAY=FR",
    ],
)
def test_a_rule_that_never_comes_is_not_followed_to_the_year_9999(rule: str) -> None:
    """Else a file of one line keeps a reload busy for a minute."""
    before = time.process_time()
    assert list(recurrences(rule, _FIRST, Looked())) == []
    assert time.process_time() - before < 5


def test_nothing_recurs_after_the_last_year() -> None:
    """An event of a year that is a typing error is not followed either."""
    first = date(LAST_YEAR + 50, 1, 1)
    assert list(recurrences("FREQ=DAILY;BYMONTH=2", first, Looked())) == []


def test_rules_of_one_calendar_look_at_so_much_together() -> None:
    """A thousand rules that seldom come take as long as one that never does."""
    looked = Looked()
    seldom = (recurrences("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29", _FIRST, looked) for _ in range(99))
    with pytest.raises(ValueError, match=f"look at more than {MOST_LOOKED_AT} days"):
        list(chain.from_iterable(seldom))
