"""When a feature is switched off by itself."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from dfks_rules.policy.language.expiry import (
    During,
    expire_schema,
    misread,
    parse_duration,
    parse_expire,
)
from dfks_rules.policy.language.matchers import Named
from dfks_rules.policy.language.schedules import parse_schedule

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = During(Named("office", parse_schedule({"weekly": ["Mon-Fri 08:00-18:00"]})))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("written", "at", "ends"),
    [
        ("15m", "2026-11-26T12:00:30", "2026-11-26T12:15:30"),
        ("2h", "2026-11-26T12:00", "2026-11-26T14:00"),
        ("1d", "2026-11-26T12:00", "2026-11-27T12:00"),
        ("2h", "2026-03-29T01:00", "2026-03-29T04:00"),
        ("until 18:00", "2026-11-26T12:00", "2026-11-26T18:00"),
        ("until 18:00", "2026-11-26T18:00", "2026-11-27T18:00"),
        ({"until": "00:00"}, "2026-11-26T12:00", "2026-11-27T00:00"),
        ({"until": "18:00", "tz": "America/New_York"}, "2026-11-26T12:00", "2026-11-27T00:00"),
        ("until 06:00", "2026-10-24T22:00", "2026-10-25T06:00"),
    ],
)
def test_a_rule_says_how_long_or_until_when(written: Any, at: str, ends: str) -> None:
    """A time of day is the next one; hours are hours, also where clocks are set."""
    jsonschema.validate(written, expire_schema({"type": "string"}))
    assert parse_expire(written).ends(_at(at)).timestamp() == _at(ends).timestamp()


def test_a_time_that_comes_twice_is_the_next_one() -> None:
    """When clocks go back."""
    first = _at("2026-10-25T02:15").astimezone(UTC)
    until = parse_expire({"until": "02:30", "tz": "Europe/Berlin"})
    ends = [until.ends(first), until.ends(first.replace(minute=40))]
    assert [one.isoformat() for one in ends] == [
        "2026-10-25T00:30:00+00:00",
        "2026-10-25T01:30:00+00:00",
    ]


@pytest.mark.parametrize(
    ("at", "ends"),
    [("2026-11-26T12:00", "2026-11-26T18:00"), ("2026-11-26T18:00", None)],
)
def test_hours_of_a_schedule_end_what_was_set_within_them(at: str, ends: str | None) -> None:
    """Outside, nothing ends."""
    assert OFFICE.ends(_at(at)) == (None if ends is None else _at(ends))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("31d", "is not between 1 minute and 30 days"),
        ("90000m", "is not between"),
        ("2w", "is not a duration like"),
        ("0h", "is not a duration like"),
    ],
)
def test_a_duration_has_bounds(text: str, message: str) -> None:
    """A month at most: who wants longer does not want it to end."""
    with pytest.raises(ValueError, match=message):
        parse_duration(text)


@pytest.mark.parametrize(
    "written", ["soon", "until 25:00", "2 h", {"until": "18:00", "at": 1}, {"tz": "UTC"}, 2]
)
def test_anything_else_does_not_conform_to_the_schema(written: Any) -> None:
    """An editor says so."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, expire_schema({"type": "string"}))


def test_a_zone_that_there_is_not_is_refused() -> None:
    """With the one that was probably meant."""
    with pytest.raises(ValueError, match="unknown time zone `Europe/Berln`"):
        parse_expire({"until": "18:00", "tz": "Europe/Berln"})


_FORMS = "neither a duration like `15m`, `2h` or `1d`, nor a time like `until 18:00`, nor"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("18:00", "is a time of day, not a duration (did you mean `until 18:00`?)"),
        ("6pm", "is not understood (did you mean `until 18:00`?)"),
        ("until 12 a.m.", "is not understood (did you mean `until 00:00`?)"),
        ("until 6", "is not understood (did you mean `until 06:00`?)"),
        ("until 18.30", "is not understood (did you mean `until 18:30`?)"),
        (
            "until 18:00 Europe/Berlin",
            'names a time zone; write `{until: "18:00", tz: Europe/Berlin}`',
        ),
        ("until six", "is not `until` and a time of day, like `until 18:00`"),
        ("until 25:00", "is not `until` and a time of day, like `until 18:00`"),
        ("2 hours", "is not understood (did you mean `2h`?)"),
        ("1h30m", "is not understood (did you mean `90m`?)"),
        ("48 Hours", "is not understood (did you mean `2d`?)"),
        ("30s", "is not between 1 minute and 30 days"),
        ("0m", "is not between 1 minute and 30 days"),
        ("100000 h", "is not between 1 minute and 30 days"),
        ("office", "is a schedule; write `{during: office}`"),
        ("ofice", "is not understood; write `{during: office}`"),
        ("during office", "is not understood; write `{during: office}`"),
        ("never", f"is {_FORMS} `{{during: SCHEDULE}}`"),
        ("120", f"is {_FORMS} `{{during: SCHEDULE}}`"),
    ],
)
def test_a_wrong_form_is_answered_with_what_was_meant(written: str, message: str) -> None:
    """There are four right ones, and authors know one of them."""
    assert misread(written, ["office", "night"]) == f"`{written}` {message}"


@pytest.mark.parametrize("written", ["until six", "until 25:00", "18:00", "office"])
def test_what_cannot_be_read_is_told_as_in_files(written: str) -> None:
    """Where `dfks policy new` asks for it, too."""
    with pytest.raises(ValueError, match=f"^`{written}` is "):
        parse_expire(written)
