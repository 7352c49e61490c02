"""Moments on command lines."""

from datetime import datetime

import click
import pytest

from dfks_rules.cli.moments import Moment


@pytest.mark.parametrize("text", ["2026-01-05T12:00:00+02:00", "2026-01-05T03:00", "2026-01-05"])
def test_a_moment_is_a_time_or_a_day(text: str) -> None:
    """Local, unless it has a zone."""
    assert Moment().convert(text, None, None) == datetime.fromisoformat(text).timestamp()


def test_a_moment_is_some_time_ago() -> None:
    """In seconds, minutes, hours or days."""
    hour, day = (Moment().convert(text, None, None) for text in ("1h", "1d"))
    assert hour - day == pytest.approx(23 * 3600, abs=2)


@pytest.mark.parametrize("text", ["yesterday", "2x", "0h", "0001-01-01"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    """With examples."""
    with pytest.raises(click.BadParameter, match="neither"):
        Moment().convert(text, None, None)
