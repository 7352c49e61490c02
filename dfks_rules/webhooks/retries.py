"""When an event that was not taken is sent again, and when it is given up."""

LIMIT = 86_400.0
"""How long an event waits in all before it is given up, s."""
_DELAYS = (5.0, 30.0, 120.0, 600.0, 3_600.0)
"""Seconds after each failure; the last one after all others, too."""
_SPREAD = 0.2
"""By how much a delay is longer or shorter, so that lanes do not try all at once."""


def delay(tries: int, waited: float, luck: float, retry_after: float | None = None) -> float | None:
    """How long to wait now, s; None: the event is given up.

    Args:
        tries: how often the event failed before this time.
        waited: how long it has waited in all.
        luck: 0 to 1.
        retry_after: what the endpoint asked for, s: nothing is sent before.
    """
    wait = _DELAYS[min(tries, len(_DELAYS) - 1)] * (1 - _SPREAD + 2 * _SPREAD * luck)
    if retry_after is not None:
        wait = max(wait, min(retry_after, LIMIT))
    return None if waited + wait > LIMIT else wait
