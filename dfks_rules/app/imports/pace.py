"""How fast imports go: phones need the server, too."""

import asyncio

BEHIND = 1.0
"""Seconds for which time that was lost is made up."""


class Pace:
    """At most so many rows a second."""

    def __init__(self, rate: float) -> None:
        """`rate`: rows a second."""
        self._rate = rate
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time()

    async def rest(self, rows: int) -> None:
        """Wait until rows may follow those that were just done."""
        now = self._loop.time()
        self._due = max(self._due + rows / self._rate, now - BEHIND)
        await asyncio.sleep(max(0.0, self._due - now))
