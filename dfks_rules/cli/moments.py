"""Moments on command lines: `2h`, `30d`, `2026-01-05`, `2026-01-05T03:00`."""

import re
from datetime import datetime, timedelta
from typing import Any

import click

_AGO = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Moment(click.ParamType[float]):
    """A moment, as seconds since 1970."""

    name = "when"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """The moment that a text names; without a zone, in local time."""
        now = datetime.now().astimezone()  # noqa: TID251 - what `2h` means depends on it
        try:
            if ago := _AGO.fullmatch(value):
                return (now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).timestamp()
            return datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):  # The latter: before the year 1.
            self.fail(f"`{value}` is neither `2h` or `30d` nor `2026-01-05` or `2026-01-05T03:00`")
