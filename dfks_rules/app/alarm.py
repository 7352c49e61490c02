"""A time within which work has to be done: whatever it does, it is interrupted."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_AGAIN = 0.5
"""Seconds after which it is said again that they are over, in case nothing heard it."""


class OverError(Exception):
    """The seconds are over."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises `OverError` in the block once the seconds are over; for the main thread."""
    before = signal.signal(signal.SIGALRM, _over)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
        yield
    finally:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
        finally:
            # Also where the alarm came just now.
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def _over(_signal: int, _frame: FrameType | None) -> None:
    raise OverError
