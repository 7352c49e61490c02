"""Long work in short turns, so that phones are answered in between."""

import asyncio
import time

TURN = 0.5e-3
"""Seconds after which the event loop has its turn; what is done between two looks comes on top."""
EVERY = 32
"""Steps between two looks at the clock."""


class Turns:
    """Counts steps of some work; await `step` in each round of a loop."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()
        self._steps = 0

    async def step(self) -> None:
        """One step was done; let others work if the turn is over."""
        self._steps += 1
        if self._steps % EVERY == 0:
            await self.rest()

    async def rest(self) -> None:
        """Let others work if the turn is over."""
        if time.perf_counter() - self._begun >= TURN:
            await asyncio.sleep(0)
            self._begun = time.perf_counter()
