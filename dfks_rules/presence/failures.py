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

Reference: RFC 6665 §4.2.2, RFC 5057 §5.1
"""

from enum import Enum
from typing import Any

from dfks_rules.sip.endpoint import Ending, Finished
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


def count_of(finished: Finished[Any]) -> str:
    """The name of the count of NOTIFYs that ended like this one."""
    if finished.ending is Ending.TIMED_OUT:
        return "notify_timed_out"
    return "notify_unreachable" if finished.response is None else "notify_refused"
