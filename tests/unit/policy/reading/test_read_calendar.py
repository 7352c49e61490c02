"""iCalendar files: which days they name."""

from datetime import date, tzinfo

import pytest

from dfks_rules.policy.reading import read_calendar as read_calendar_module
from dfks_rules.policy.reading.read_calendar import read_calendar
from dfks_rules.policy.reading.source import Source
from dfks_rules.yaml.tree import MAX_BYTES


def calendar(*events: str) -> str:
    """A file with these events, each as lines joined by `;;`."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"]
    for number, event in enumerate(events):
        own = [] if "UID:" in event else [f"UID:{number}"]
        lines += ["BEGIN:VEVENT", *own, "DTSTAMP:20260101T000000Z"]
        lines += [*event.split(";;"), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def days(*events: str) -> list[str]:
    """The days of a calendar."""
    read, findings = read_calendar(Source("holidays.ics", calendar(*events)))
    assert findings == []
    assert read is not None
    assert read.name == "holidays"
    return [day.isoformat() for day in sorted(read.days)]


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ("DTSTART;VALUE=DATE:20261225", ["2026-12-25"]),
        ("DTSTART;VALUE=DATE:20261225;;DTEND;VALUE=DATE:20261226", ["2026-12-25"]),
        (
            "DTSTART;VALUE=DATE:20261231;;DTEND;VALUE=DATE:20270102",
            ["2026-12-31", "2027-01-01"],
        ),
        ("DTSTART;VALUE=DATE:20261225;;DURATION:P2D", ["2026-12-25", "2026-12-26"]),
        ("DTSTART;TZID=Europe/Berlin:20261225T230000;;DTEND:20261226T010000Z", ["2026-12-25"]),
        (
            "DTSTART;VALUE=DATE:20260601;;RRULE:FREQ=YEARLY;COUNT=3",
            ["2026-06-01", "2027-06-01", "2028-06-01"],
        ),
        (
            "DTSTART;VALUE=DATE:20260601;;RRULE:FREQ=MONTHLY;UNTIL=20260801T120000Z;;"
            "EXDATE;VALUE=DATE:20260701",
            ["2026-06-01", "2026-08-01"],
        ),
        (
            "DTSTART;VALUE=DATE:20260601;;RDATE;VALUE=DATE:20260705,20260809",
            ["2026-06-01", "2026-07-05", "2026-08-09"],
        ),
        (
            "DTSTART:20260601T080000Z;;RDATE;VALUE=PERIOD:20260705T080000Z/PT1H",
            ["2026-06-01", "2026-07-05"],
        ),
    ],
)
def test_event_names_its_days(event: str, named: list[str]) -> None:
    """Whole days, the end not included; recurrences without those that were taken out."""
    assert days(event) == named


def test_event_without_an_end_recurs_to_the_end_of_the_century() -> None:
    """Policies outlive calendars."""
    read, _ = read_calendar(
        Source("h.ics", calendar("DTSTART;VALUE=DATE:20261225;;RRULE:FREQ=YEARLY"))
    )
    assert read is not None
    assert date(2099, 12, 25) in read.days
    assert len(read.days) == 75


def test_days_that_many_events_name_count_once() -> None:
    """A day named last is not lost because those before it name the same days again and again."""
    year = "DTSTART;VALUE=DATE:20260101;;DTEND;VALUE=DATE:20270101"
    assert days(*[year] * 30, "DTSTART;VALUE=DATE:20300101")[-1] == "2030-01-01"


def test_cancelled_event_does_not_count() -> None:
    """A day off that was called off is a working day."""
    assert days("DTSTART;VALUE=DATE:20260101", "DTSTART;VALUE=DATE:20260102;;STATUS:CANCELLED") == [
        "2026-01-01"
    ]


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ("RECURRENCE-ID;VALUE=DATE:20260108;;DTSTART;VALUE=DATE:20260109", ["01-09", "01-15"]),
        (
            "RECURRENCE-ID;VALUE=DATE:20260108;;DTSTART;VALUE=DATE:20260108;;STATUS:CANCELLED",
            ["01-15"],
        ),
    ],
    ids=["moved", "cancelled"],
)
def test_recurrence_that_another_event_stands_for_does_not_count(
    other: str, named: list[str]
) -> None:
    """Calendar programs write so when one of many days is moved or called off."""
    weekly = "UID:a;;DTSTART;VALUE=DATE:20260101;;RRULE:FREQ=WEEKLY;COUNT=3"
    expected = [f"2026-{day}" for day in ["01-01", *named]]
    assert days(weekly, f"UID:a;;{other}") == expected
    assert days(f"UID:a;;{other}", weekly) == expected
    assert days(weekly, f"UID:b;;{other}")[:3] == ["2026-01-01", "2026-01-08", *expected[1:2]]


@pytest.mark.parametrize(
    "what", ["EXDATE:20260108T233000Z", "RECURRENCE-ID:20260108T233000Z;;STATUS:CANCELLED"]
)
def test_recurrence_is_named_in_another_zone_than_its_event(what: str) -> None:
    """Half past eleven in Greenwich is the next day in Berlin, where the event is."""
    start = "UID:a;;DTSTART;TZID=Europe/Berlin:20260102T003000"
    weekly = f"{start};;RRULE:FREQ=WEEKLY;COUNT=2"
    events = [f"{weekly};;{what}"] if what.startswith("EX") else [weekly, f"{start};;{what}"]
    assert days(*events) == ["2026-01-02"]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("h.ics", "", "not a calendar of RFC 5545"),
        ("h.ics", "BEGIN:VCALENDAR\r\nEND:VEVENT\r\n", "calendar has no days"),
        (
            "h.ics",
            calendar("SUMMARY:no day"),
            "not a calendar of RFC 5545: an event has no DTSTART",
        ),
        (
            "h.ics",
            calendar("DTSTART;VALUE=DATE:20260230"),
            "not a calendar of RFC 5545: `20260230` is no date",
        ),
        ("h.ics", calendar("DTSTART:tomorrow"), "not a calendar of RFC 5545"),
        ("h.ics", calendar(), "calendar has no days"),
        (
            "h.ics",
            calendar("DTSTART;VALUE=DATE:20200101;;RRULE:FREQ=DAILY"),
            "calendar has over 10,000 days",
        ),
        (
            "h.ics",
            calendar("DTSTART;VALUE=DATE:20260101;;DTEND;VALUE=DATE:20280101"),
            "not a calendar of RFC 5545: an event from 2026-01-01 lasts more than a year",
        ),
        (
            "h.ics",
            calendar("DTSTART:20260101T000000Z;;RRULE:FREQ=SECONDLY"),
            "not a calendar of RFC 5545: an event from 2026-01-01 recurs within days",
        ),
        (
            "h.ics",
            calendar("DTSTART;VALUE=DATE:20260101;;RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
            "not a calendar of RFC 5545: an event from 2026-01-01 has an RRULE that names no day",
        ),
        (
            "h.ics",
            calendar("DTSTART;VALUE=DATE:20260101;;RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"),
            "not a calendar of RFC 5545: an event from 2026-01-01 has an RRULE that names no day "
            "until 2100",
        ),
        (
            "h.ics",
            calendar(
                *["DTSTART;VALUE=DATE:20260101;;RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29"] * 99
            ),
            "not a calendar of RFC 5545: its rules of recurrence look at more than 250000 days",
        ),
        (
            "h.ics",
            calendar("DTSTART;VALUE=DATE:20260101;;RRULE:FREQ=DAILY;INTERVAL=0"),
            "not a calendar of RFC 5545: an event from 2026-01-01 has an RRULE with an INTERVAL",
        ),
        (
            "h.ics",
            calendar("DTSTART;VALUE=DATE:20260101;;RRULE:FREQ=DAILY;INTERVAL=-1"),
            "not a calendar of RFC 5545: an event from 2026-01-01 has an RRULE with an INTERVAL",
        ),
        (
            "h.ics",
            calendar(
                "UID:a;;DTSTART;VALUE=DATE:20260101;;RRULE:FREQ=WEEKLY",
                "UID:a;;DTSTART;VALUE=DATE:20260109;;"
                "RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20260108",
            ),
            "not a calendar of RFC 5545: an event changes all its recurrences from 2026-01-08 on",
        ),
        *(
            (
                "h.ics",
                calendar(f"DTSTART;VALUE=DATE:20260101;;{line};;{line}"),
                f"not a calendar of RFC 5545: an event has more than one {line.partition(':')[0]}",
            )
            for line in (
                *("DTSTART:20260101T000000Z", "DTEND:20260102T000000Z", "DURATION:P1D"),
                *("RRULE:FREQ=DAILY", "RECURRENCE-ID:20260101T000000Z", "STATUS:CANCELLED"),
            )
        ),
        ("Holidays.ics", calendar(), "the calendar is called as its file, and `Holidays` is not"),
    ],
)
def test_what_is_wrong_is_told_in_words(file: str, text: str, message: str) -> None:
    """One finding, however broken the file is."""
    read, findings = read_calendar(Source(file, text))
    assert read is None
    assert [finding.code for finding in findings] == ["policy_calendar"]
    assert findings[0].message.startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        calendar(*["DTSTART;VALUE=DATE:20260101"] * 4_000),
        calendar("DTSTART;VALUE=DATE:20260101;;SUMMARY:a" + "\r\n b" * 100_000),
    ],
    ids=["events", "folds"],
)
def test_a_large_calendar_is_too_large_whatever_the_cut_has_left_of_it(text: str) -> None:
    """Files are read to their limit: the end of the calendar is missing, but that is not wrong."""
    read, findings = read_calendar(Source("h.ics", text[: MAX_BYTES + 1]))
    assert read is None
    assert [(one.code, one.message) for one in findings] == [
        (
            "policy_limit",
            "calendar has more than 262144 bytes (256 KiB): leave out past events",
        )
    ]


def test_a_recurrence_that_is_replaced_is_read_once_however_many_events_share_its_uid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file of 256 KiB can have 300 events of a UID, and 1,500 that stand for recurrences."""
    read: list[object] = []
    day = read_calendar_module._replaced

    def counted(one: object, zone: tzinfo | None) -> date:
        read.append(one)
        return day(one, zone)

    monkeypatch.setattr(read_calendar_module, "_replaced", counted)
    first = "UID:a;;DTSTART;TZID=Europe/Berlin:20260101T100000;;RRULE:FREQ=DAILY;COUNT=9"
    second = "UID:a;;DTSTART;TZID=Asia/Tokyo:20260201T100000"
    moved = "UID:a;;DTSTART;VALUE=DATE:20260301;;RECURRENCE-ID:202601%02dT000000Z"
    events = [*[first] * 5, *[second] * 5, *(moved % day for day in range(2, 10))]
    assert days(*events) == ["2026-01-01", "2026-02-01", "2026-03-01"]
    assert len(read) == 2 * 8  # in two zones
