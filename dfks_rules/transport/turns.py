"""Whose turn it is: connections that bring much at once share one portion of each turn of the loop.

A portion for each of them would be no bound: 1,000 connections would keep datagrams, timers and MI
waiting for 64,000 messages.
"""

import asyncio
from collections import deque
from collections.abc import Callable

PORTION = 64
"""Most messages of all that wait that are worked on before others get their turn."""

Work = Callable[[], bool]
"""Works on one message; whether there are more."""


class Turns:
    """Those that have more to do, in a circle."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Work] = deque()
        self._is_due = False

    def wait(self, work: Work) -> None:
        """Have `work` called by turns with others, until there is no more."""
        self._waiting.append(work)
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting and not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        waiting = self._waiting
        self._is_due = False
        try:
            for _ in range(PORTION):
                if not waiting:
                    break
                self._call(waiting.popleft())
        finally:
            self._go_on()

    def _call(self, work: Work) -> None:
        has_more = True  # Also where it raises: one message must not cost the others.
        try:
            has_more = work()
        finally:
            if has_more:
                self._waiting.append(work)
