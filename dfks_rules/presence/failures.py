"""What a NOTIFY that was not accepted means for its subscription.

| response                                           | the subscription                          |
|----------------------------------------------------|-------------------------------------------|
| 404, 405, 410, 416, 480 to 485, 489, 501, 604      | ends, whatever else the response says     |
| 3xx                                                | ends: redirections are not followed       |
| 401, 407                                           | lives; answered where there are           |
|                                                    | credentials for the realm                 |
| 408, or none within 32 s, or it cannot be sent     | by `presence.on_notify_timeout`           |
| any other 4xx, 5xx or 6xx                          | lives                                     |

Where it lives, what the NOTIFY said is told again, and not before `Retry-After` has passed.

Reference: RFC 6665 §4.2.2, RFC 5057 §5.1, RFC 3261 §20.33
"""

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import Enum

from dfks_rules.sip.message import Response

ENDING = frozenset((404, 405, 410, 416, *range(480, 486), 489, 501, 604))
"""Statuses after which a notifier has to remove the subscription (RFC 6665 §4.2.2)."""


class Verdict(Enum):
    """What a NOTIFY that was not accepted means."""

    ENDS = "ends"
    """The subscription is no more."""
    UNHEARD = "unheard"
    """Nobody heard it: a setting says what that means."""
    CHALLENGED = "challenged"
    """Whoever got it wants to know who we are."""
    PASSES = "passes"
    """What is wrong may pass."""


def verdict_of(response: Response | None) -> Verdict:
    """What a response that is not a 2xx means; None for no response."""
    if response is None or response.status == 408:
        return Verdict.UNHEARD
    if response.status in (401, 407):
        return Verdict.CHALLENGED
    is_over = response.status < 400 or response.status in ENDING
    return Verdict.ENDS if is_over else Verdict.PASSES


_SECONDS = re.compile(rb"([0-9]{1,9})[ \t]*+(?:[(;]|\Z)")
_DATE = re.compile(rb"[^;(]++")


def retry_after(response: Response | None) -> float:
    """For how long the phone does not want to hear from us, s; 0 where it does not say.

    A date, as RFC 2543 §6.32 allowed, is read by the clock of whoever wrote it, which is in Date.
    """
    value = b"" if response is None else response.headers.get(b"retry-after", b"")
    if response is None or not value:
        return 0.0
    seconds = _SECONDS.match(value)
    if seconds is not None:
        return float(seconds[1])
    text = _DATE.match(value)
    until = None if text is None else _moment(text[0])
    sent = _moment(response.headers.get(b"date", b""))
    return max(0.0, (until - sent).total_seconds()) if until and sent else 0.0


def _moment(text: bytes) -> datetime | None:
    """A SIP-date (RFC 3261 §20.17); None for anything else."""
    try:
        moment = parsedate_to_datetime(text.decode("ascii"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None
