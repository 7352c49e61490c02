"""Retry-After: for how long whoever answered wants to hear nothing (RFC 3261 §20.33)."""

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

from dfks_rules.sip.message import Response

_SECONDS = re.compile(rb"([0-9]{1,9})[ \t]*+(?:[(;]|\Z)")
_DATE = re.compile(rb"[^;(]++")


def retry_after(response: Response) -> float | None:
    """How long a response says to wait, s; None where it does not say.

    A date, as RFC 2543 §6.32 allowed, is read by the clock of whoever wrote it, which is in Date.
    """
    value = response.headers.get(b"retry-after")
    if value is None:
        return None
    seconds = _SECONDS.match(value)
    if seconds is not None:
        return float(seconds[1])
    text = _DATE.match(value)
    until = None if text is None else _moment(text[0])
    sent = _moment(response.headers.get(b"date", b""))
    return max(0.0, (until - sent).total_seconds()) if until and sent else None


def _moment(text: bytes) -> datetime | None:
    """A SIP-date (RFC 3261 §20.17); None for anything else."""
    try:
        moment = parsedate_to_datetime(text.decode("ascii"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None
