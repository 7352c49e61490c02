"""Moments in JSON."""

from datetime import datetime, timedelta, timezone

from dfks_rules.operations.times import time_told


def test_moments_are_told_to_the_millisecond_with_their_offset() -> None:
    """Also whole seconds: a list of them is sorted as text."""
    assert time_told(1_767_610_800) == "2026-01-05T11:00:00.000+00:00"
    assert time_told(1_767_610_800.1239) == "2026-01-05T11:00:00.123+00:00"
    there = datetime(2026, 1, 5, 12, tzinfo=timezone(timedelta(hours=1)))
    assert time_told(there) == "2026-01-05T12:00:00.000+01:00"
