"""Which days a text names."""

import re
from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.policy.language.days import Calendar, Days, days_text, parse_days, weekday_of


def days_of(text: str, year: int) -> list[str]:
    """The days of one year that a text names, as `MM-DD`."""
    days = parse_days(text)
    every = (date(year, 1, 1) + timedelta(number) for number in range(366))
    return [f"{day:%m-%d}" for day in every if day.year == year and days.has(day)]


@pytest.mark.parametrize(
    ("text", "year", "named"),
    [
        ("2026-12-25", 2026, ["12-25"]),
        ("2026-12-25", 2027, []),
        ("2026-12-24..2026-12-26", 2026, ["12-24", "12-25", "12-26"]),
        ("12-25", 2031, ["12-25"]),
        ("12-30..01-02", 2026, ["01-01", "01-02", "12-30", "12-31"]),
        ("02-29", 2026, []),
        ("02-29", 2028, ["02-29"]),
        ("2nd Mon of Sep", 2026, ["09-14"]),
        ("1st thu of nov", 2029, ["11-01"]),
        ("5th Mon of Feb", 2026, []),
        ("5th Sat of Aug", 2026, ["08-29"]),
        ("last Fri of Nov", 2026, ["11-27"]),
        ("last Mon of Dec", 2029, ["12-31"]),
        ("easter", 2026, ["04-05"]),
        ("easter-2", 2026, ["04-03"]),
        ("easter+1", 2027, ["03-29"]),
        ("easter+39", 2026, ["05-14"]),
        ("easter-100", 2026, ["12-18"]),
        ("easter+300", 2026, ["02-14"]),
    ],
)
def test_text_names_days(text: str, year: int, named: list[str]) -> None:
    """As a calendar on the wall has them."""
    assert days_of(text, year) == named


def test_weekday_without_a_month_is_one_of_every_month() -> None:
    """The first Monday, twelve times."""
    mondays = days_of("1st Mon", 2026)
    assert [day[:2] for day in mondays] == [f"{month:02d}" for month in range(1, 13)]
    assert all(day[3:] <= "07" for day in mondays)


@pytest.mark.parametrize(
    ("year", "sunday"),
    [(1961, "04-02"), (2000, "04-23"), (2019, "04-21"), (2038, "04-25"), (2285, "03-22")],
)
def test_easter_is_on_the_sunday_of_the_churches(year: int, sunday: str) -> None:
    """Among them the earliest and the latest there can be, and 2019, when the moon disagreed."""
    assert days_of("easter", year) == [sunday]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-02-30", "`2026-02-30` is not a calendar date"),
        ("2026-12-31..2026-12-24", "`2026-12-31..2026-12-24` ends before it begins"),
        ("20261225", "`20261225` is not a day like `2026-12-25`"),
        ("2026-12-24-2026-12-31", "`2026-12-24-2026-12-31` is not a day like `2026-12-25`"),
        ("02-30", "`02-30` is a day that no year has"),
        ("2nd Mom of Sep", "unknown day `Mom` (did you mean `Mon`?)"),
        ("2nd Mon of Sept", "unknown month `Sept` (did you mean `Sep`?)"),
        ("6th Mon of Sep", "`6th Mon of Sep` is not a day"),
        ("easter+1000", "`easter+1000` is not a day"),
        ("12-25\n", "`12-25\n` is not a day"),
    ],
)
def test_wrong_days_are_refused(text: str, message: str) -> None:
    """A day off that does not exist would leave the office open."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        parse_days(text)


def test_last_day_of_several_is_among_them() -> None:
    """`..` is inclusive, as people read it."""
    days = Days(date(2026, 12, 24), date(2026, 12, 31))
    assert parse_days("2026-12-24..2026-12-31") == days


def test_calendar_has_the_days_of_its_file() -> None:
    """And no others."""
    days = Calendar("bavaria", frozenset({date(2026, 8, 15)}))
    assert days.has(date(2026, 8, 15))
    assert not days.has(date(2026, 8, 16))


def test_weekday_is_read_in_any_case() -> None:
    """Monday is 0."""
    assert [weekday_of(word) for word in ("Mon", "sun")] == [0, 6]


@given(st.text(max_size=30))
def test_any_text_is_parsed_or_refused_in_words(text: str) -> None:
    """No text of an author's raises anything but a ValueError."""
    with suppress(ValueError):
        assert parse_days(text)


@given(
    st.sampled_from(["12-24..01-06", "02-29", "3rd Tue", "last Sun of Oct", "easter-46", "easter"]),
    st.dates(),
)
def test_any_day_is_among_them_or_not(text: str, day: date) -> None:
    """Also at both ends of the calendar."""
    assert parse_days(text).has(day) in (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-25",
        "2026-12-24..2026-12-31",
        "12-25",
        "12-24..01-02",
        "2nd Mon of Sep",
        "last Fri",
        "easter",
        "easter-2",
        "easter+1",
    ],
)
def test_days_are_written_as_they_are_read(text: str) -> None:
    """Whoever sees a schedule drawn finds them in the file."""
    assert days_text(parse_days(text)) == text


def test_the_days_of_a_calendar_are_written_by_its_name() -> None:
    """There may be hundreds."""
    assert days_text(Calendar("holidays", frozenset())) == "calendar holidays"
