"""What the hours of a schedule mean, above all at the edges and when clocks change."""

import json
import pickle
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dfks_rules.policy.language.days import parse_days
from dfks_rules.policy.language.schedules import (
    WANTED,
    Hours,
    Schedule,
    ScheduleError,
    covers,
    parse_also,
    parse_schedule,
    parse_weekly,
    parse_zone,
    schedule_schema,
)

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = {
    "tz": "Europe/Berlin",
    "weekly": ["Mon-Thu 08:00-18:00", "Fri 08:00-16:00"],
    "except": ["2026-12-25", "2026-12-28..2026-12-31"],
    "also": ["2026-12-05 09:00-12:00"],
}


def is_within(at: str, written: dict[str, Any]) -> bool:
    """Whether a moment in Berlin, or with an offset of its own, is within a schedule."""
    moment = datetime.fromisoformat(at)
    return covers(
        parse_schedule(written), moment if moment.tzinfo else moment.replace(tzinfo=BERLIN)
    )


def weekly(*entries: str, **more: object) -> dict[str, Any]:
    """A schedule in Berlin."""
    return {"tz": "Europe/Berlin", "weekly": list(entries), **more}


@pytest.mark.parametrize(
    ("at", "within"),
    [
        ("2026-11-24 07:59:59.999999", False),
        ("2026-11-24 08:00", True),
        ("2026-11-24 17:59:59", True),
        ("2026-11-24 18:00", False),
        ("2026-11-27 15:59", True),
        ("2026-11-27 16:00", False),
        ("2026-11-28 10:00", False),
        ("2026-12-24 10:00", True),
        ("2026-12-25 10:00", False),
        ("2026-12-27 10:00", False),
        ("2026-12-28 10:00", False),
        ("2026-12-31 10:00", False),
        ("2027-01-04 10:00", True),
        ("2026-12-05 09:00", True),
        ("2026-12-05 12:00", False),
        ("2026-11-24 06:59+00:00", False),
        ("2026-11-24 07:00+00:00", True),
        ("2026-07-21 06:00+00:00", True),
    ],
)
def test_office_hours_hold_as_people_read_them(at: str, within: bool) -> None:
    """Start within, end not, days off taken away, one Saturday added, whatever zone asks."""
    assert is_within(at, OFFICE) is within


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Mon", {0}),
        ("mon", {0}),
        ("MON-FRI", {0, 1, 2, 3, 4}),
        ("Sat,Sun", {5, 6}),
        ("Mon-Wed,Fri", {0, 1, 2, 4}),
        ("Fri-Mon", {4, 5, 6, 0}),
        ("Sun-Sat", {0, 1, 2, 3, 4, 5, 6}),
        ("Tue-Tue", {1}),
        ("Daily", {0, 1, 2, 3, 4, 5, 6}),
    ],
)
def test_days_of_the_week_are_read(text: str, days: set[int]) -> None:
    """The forms that people use on a door sign."""
    assert parse_weekly(f"{text} 08:00-09:00").weekdays == days


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("08:00-18:00", (Hours(480, 1080),)),
        ("00:00-24:00", (Hours(0, 1440),)),
        ("22:00-24:00", (Hours(1320, 1440),)),
        ("22:00-00:00", (Hours(1320, 1440),)),
        ("22:00-06:00", (Hours(1320, 1800),)),
        ("08:00-12:00,13:00-17:30", (Hours(480, 720), Hours(780, 1050))),
    ],
)
def test_hours_are_read(text: str, hours: tuple[Hours, ...]) -> None:
    """Midnight may be the end, be crossed, and there may be a lunch break."""
    assert parse_weekly(f"Mon {text}").hours == hours
    assert parse_also(f"2026-12-05 {text}").hours == hours


def test_hours_over_midnight_belong_to_the_day_that_they_begin_on() -> None:
    """Friday's night shift ends on Saturday; Saturday has none of its own."""
    night = weekly("Fri 22:00-06:00")
    assert is_within("2026-11-27 22:00", night)
    assert is_within("2026-11-28 05:59", night)
    assert not is_within("2026-11-28 06:00", night)
    assert not is_within("2026-11-27 05:00", night)
    assert not is_within("2026-11-28 22:00", night)


def test_sunday_night_reaches_into_monday() -> None:
    """The week wraps around."""
    assert is_within("2026-11-30 01:00", weekly("Sun 22:00-06:00"))


@pytest.mark.parametrize(
    ("at", "within"),
    [
        ("2026-12-24 23:59", True),
        ("2026-12-25 00:00", False),
        ("2026-12-25 05:00", False),
        ("2026-12-25 23:00", False),
        ("2026-12-26 05:00", False),
        ("2026-12-26 22:00", True),
    ],
)
def test_an_excepted_day_has_no_hours_and_none_begin_on_it(at: str, within: bool) -> None:
    """On the night before it they end at midnight; the night that it begins does not take place."""
    assert is_within(at, weekly("Daily 22:00-06:00", **{"except": ["2026-12-25"]})) is within


def test_what_is_added_holds_on_an_excepted_day() -> None:
    """Half a working day on Christmas Eve is said with both."""
    eve = weekly(
        "Daily 08:00-18:00",
        **{"except": ["2026-12-24..2026-12-26"], "also": ["2026-12-24 08:00-12:00"]},
    )
    assert is_within("2026-12-24 11:59", eve)
    assert not is_within("2026-12-24 12:00", eve)


def test_what_is_added_may_cross_midnight_and_last_several_days() -> None:
    """A night of maintenance, and a fair."""
    extra = {"also": ["2026-12-31 22:00-04:00", "2026-03-02..2026-03-04 09:00-17:00"]}
    assert is_within("2027-01-01 03:59", extra)
    assert not is_within("2027-01-01 04:00", extra)
    assert [is_within(f"2026-03-0{day} 10:00", extra) for day in (1, 2, 3, 4, 5)] == [
        *(False, True, True, True, False)
    ]


def _minutes(schedule: Schedule, first: datetime, count: int) -> int:
    """How many of so many minutes are within."""
    return sum(covers(schedule, first + timedelta(minutes=n)) for n in range(count))


@pytest.mark.parametrize(
    ("zone", "day", "hours", "minutes"),
    [
        ("Europe/Berlin", "2026-03-28", "02:00-03:00", 60),
        ("Europe/Berlin", "2026-03-29", "02:00-03:00", 0),
        ("Europe/Berlin", "2026-03-29", "01:30-03:30", 60),
        ("Europe/Berlin", "2026-10-25", "02:00-03:00", 120),
        ("Europe/Berlin", "2026-10-25", "02:30-02:31", 2),
        ("Europe/Berlin", "2026-10-25", "00:00-24:00", 25 * 60),
        ("Australia/Lord_Howe", "2026-10-04", "02:00-02:30", 0),
        ("Australia/Lord_Howe", "2026-10-04", "02:00-03:00", 30),
        ("Australia/Lord_Howe", "2026-04-05", "01:30-02:00", 60),
        ("Australia/Lord_Howe", "2026-04-05", "00:00-24:00", 24 * 60 + 30),
    ],
)
def test_hours_are_those_of_the_wall_clock_when_it_changes(
    zone: str, day: str, hours: str, minutes: int
) -> None:
    """02:30 twice counts twice, 02:30 never counts never; half an hour on Lord Howe Island."""
    schedule = parse_schedule({"tz": zone, "also": [f"{day} {hours}"]})
    midday_before = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=UTC) - timedelta(hours=24)
    assert _minutes(schedule, midday_before, 3 * 24 * 60) == minutes


def test_the_second_half_past_two_is_within_like_the_first() -> None:
    """The same wall clock, an hour apart."""
    night = parse_schedule(weekly("Sun 02:30-02:45"))
    assert covers(night, datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert not covers(night, datetime(2026, 10, 25, 1, 0, tzinfo=UTC))
    assert covers(night, datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


def test_without_a_zone_the_clock_of_the_moment_counts() -> None:
    """A single site needs no zone in its policies."""
    office = parse_schedule({"weekly": ["Mon-Fri 08:00-18:00"]})
    assert covers(office, datetime(2026, 11, 24, 8, 0, tzinfo=ZoneInfo("Asia/Tokyo")))
    assert not covers(office, datetime(2026, 11, 24, 7, 0, tzinfo=UTC))


def test_schedule_can_be_hashed_compared_and_pickled() -> None:
    """It is an operand of a matcher, and policies are compiled in another process."""
    schedule = parse_schedule(OFFICE)
    assert {schedule: 1}[parse_schedule(OFFICE)] == 1
    assert pickle.loads(pickle.dumps(schedule)) == schedule  # noqa: S301


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Europe/Belrin", "unknown time zone `Europe/Belrin` (did you mean `Europe/Berlin`?)"),
        ("europe/berlin", "unknown time zone `europe/berlin` (did you mean `Europe/Berlin`?)"),
        ("Berlin", "unknown time zone `Berlin` (did you mean `Europe/Berlin`?)"),
        ("New York", "unknown time zone `New York` (did you mean `America/New_York`?)"),
        ("Europe", "unknown time zone `Europe`"),
        ("/etc/passwd", "unknown time zone `/etc/passwd`"),
        ("../zoneinfo/UTC", "unknown time zone `../zoneinfo/UTC`"),
        ("xx\0", "unknown time zone `xx\0`"),
    ],
)
def test_unknown_zone_is_refused(text: str, message: str) -> None:
    """Nobody knows all 600 by heart."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        parse_zone(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Mno 08:00-18:00",
            "unknown day `Mno` (did you mean `Mon`?); days are `Mon` to `Sun`, or `Daily`",
        ),
        (
            "Monday 08:00-18:00",
            "unknown day `Monday` (did you mean `Mon`?); days are `Mon` to `Sun`, or `Daily`",
        ),
        (
            "Mon-Xyz 08:00-18:00",
            "unknown day `Xyz`; days are `Mon` to `Sun`, or `Daily`",
        ),
        ("Mon 08:00-08:00", "`08:00-08:00` ends when it begins; a whole day is `00:00-24:00`"),
    ],
)
def test_wrong_weekly_entry_says_which_part(text: str, message: str) -> None:
    """The author sees what to mend."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_weekly(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "Mon", "08:00-18:00", "Mon 8:00-18:00", "Mon 08:00", "Mon 08:00-25:00"),
        *("Mon 24:00-06:00", "Mon 08:00-18:60", "Mon  08:00-18:00", "Mon 08:00-18:00\n"),
        *("Mon- 08:00-18:00", "Mon,,Tue 08:00-18:00", "Mon 08:00-18:00,", "Mon ٠٨:00-18:00"),
    ],
)
def test_weekly_entry_of_another_form_is_refused(text: str) -> None:
    """What is not understood is not guessed at."""
    with pytest.raises(ValueError, match=r"is not days and hours like `Mon-Fri 08:00-18:00`"):
        parse_weekly(text)


@pytest.mark.parametrize(
    ("at", "within"),
    [("2026-01-05 09:00", True), ("2026-01-12 09:00", False), ("2026-12-28 09:00", False)],
)
def test_hours_in_even_weeks_are_by_the_number_of_the_week(at: str, within: bool) -> None:
    """ISO 8601: 5 January 2026 is in week 2, 28 December in week 53."""
    assert is_within(at, weekly("Mon 08:00-10:00 in even weeks")) is within
    assert is_within(at, weekly("Mon 08:00-10:00 in odd weeks")) is not within


def test_night_of_an_even_week_ends_on_the_first_day_of_an_odd_one() -> None:
    """Hours over midnight belong to the day on which they begin."""
    nights = weekly("Sun 22:00-06:00 in even weeks")
    assert is_within("2026-01-12 05:59", nights)
    assert not is_within("2026-01-05 05:59", nights)


@pytest.mark.parametrize(
    ("at", "within"),
    [
        ("2026-12-25 10:00", False),
        ("2031-12-25 10:00", False),
        ("2026-04-06 10:00", False),
        ("2026-05-14 10:00", False),
        ("2026-12-24 08:59", False),
        ("2026-12-24 09:00", True),
        ("2027-12-24 12:00", False),
        ("2026-12-23 17:00", True),
    ],
)
def test_holidays_of_every_year_are_written_once(at: str, within: bool) -> None:
    """Nobody has to remember the file at the turn of the year."""
    holidays = ["12-24..12-26", "01-01", "easter+1", "easter+39"]
    office = weekly("Daily 08:00-18:00", also=["12-24 09:00-12:00"], **{"except": holidays})
    assert is_within(at, office) is within


def test_every_wrong_entry_is_reported_with_its_path() -> None:
    """A finding has to point at the line."""
    written = {
        "tz": "Berlin",
        "weekly": ["Mon 08:00-18:00", "Foo 08:00-18:00"],
        "except": ["2026-02-30"],
        "also": ["2026-02-30 08:00-09:00"],
    }
    with pytest.raises(ScheduleError) as caught:
        parse_schedule(written)
    paths = [path for path, _ in caught.value.problems]
    assert paths == [("tz",), ("weekly", 1), ("except", 0), ("also", 0)]


def test_schedule_without_hours_is_refused() -> None:
    """It would never hold, and `outside` it always."""
    with pytest.raises(ScheduleError, match="schedule has no hours; it needs `weekly` or `also`"):
        parse_schedule({"tz": "Europe/Berlin", "except": ["2026-12-25"]})


def test_schema_allows_what_is_parsed_and_has_words_for_each_pattern() -> None:
    """An editor and the server agree; every pattern can be explained."""
    schema = schedule_schema()
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(OFFICE)
    patterns = set(re.findall(r'"pattern": ("(?:[^"\\\\]|\\\\.)*")', json.dumps(schema)))
    assert {json.loads(pattern) for pattern in patterns} == set(WANTED)


@given(st.sampled_from([parse_weekly, parse_days, parse_also, parse_zone]), st.text(max_size=30))
def test_any_text_is_parsed_or_refused_in_words(parse: Any, text: str) -> None:
    """No text of an author's raises anything but a ValueError."""
    with suppress(ValueError):
        assert parse(text)


_TIMES = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")


@given(
    start=_TIMES,
    end=_TIMES,
    at=st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    zone=st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "UTC"]),
)
def test_hours_of_every_day_compare_the_wall_clock(
    start: str, end: str, at: datetime, zone: str
) -> None:
    """What an engineer would check with `date`: start <= now < end, or the other way round."""
    if start == end:
        return
    schedule = parse_schedule({"tz": zone, "weekly": [f"Daily {start}-{end}"]})
    now = at.astimezone(ZoneInfo(zone)).strftime("%H:%M")
    within = start <= now < end if start < end else (now >= start or now < end)
    assert covers(schedule, at) is within
