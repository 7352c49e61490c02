"""Waiting for what comes next, until Ctrl-C or until nobody reads any more."""

import select
import sys
from collections.abc import Callable
from contextlib import suppress

EVERY = 0.5
"""Seconds between two looks."""


def keep_looking(look: Callable[[], object], every: float = EVERY) -> None:
    """Call `look` again and again; end on Ctrl-C, and when the reader of a pipe has gone.

    Args:
        look: prints what is new.
        every: seconds between two looks.
    """
    watched = select.poll()
    # A file cannot be watched, nor can what stands for one in tests.
    with suppress(OSError, ValueError):
        # No events are asked for: POLLERR, the end of a pipe, is always told.
        watched.register(sys.stdout.fileno(), 0)
    with suppress(KeyboardInterrupt):
        look()
        sys.stdout.flush()
        while not watched.poll(every * 1000):
            look()
            sys.stdout.flush()
