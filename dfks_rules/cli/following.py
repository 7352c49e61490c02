"""Waiting for what comes next, until Ctrl-C or until nobody reads any more."""

import select
import sys
from collections.abc import Callable

EVERY = 0.5
"""Seconds between two looks."""


def repeat(look: Callable[[], None], every: float = EVERY) -> None:
    """Look again and again; ends on Ctrl-C, also during a look, and when nobody reads a pipe."""
    watched = select.poll()
    try:
        # No events are asked for: POLLERR, the end of a pipe, is always told.
        watched.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # Not a file, as in tests.
        watched = select.poll()
    try:
        while True:
            look()
            sys.stdout.flush()
            if watched.poll(every * 1000):
                return
    except KeyboardInterrupt:
        return
