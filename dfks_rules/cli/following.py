"""Waiting for what comes next, until Ctrl-C or until nobody reads any more."""

import select
import sys
from collections.abc import Iterator

EVERY = 0.5
"""Seconds between two looks."""


def rounds(every: float = EVERY) -> Iterator[None]:
    """Gives one round after another; ends on Ctrl-C, and when the reader of a pipe has gone."""
    watched = select.poll()
    try:
        # No events are asked for: POLLERR, the end of a pipe, is always told.
        watched.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # Not a file, as in tests.
        watched = select.poll()
    try:
        while True:
            yield
            sys.stdout.flush()
            if watched.poll(every * 1000):
                return
    except KeyboardInterrupt:
        return
