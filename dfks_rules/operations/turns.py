"""Long work in short turns, so that phones are answered in between."""

import asyncio
import time
from weakref import WeakKeyDictionary

TURN = 0.5e-3
"""Seconds after which the event loop has its turn; what is done between two looks comes on top."""
PAUSE = 2e-3
"""Seconds between two turns, whoever has them: a key press takes several rounds of the event loop,
and must not wait for a turn in each of them."""
EVERY = 32
"""Steps between two looks at the clock."""

_free_at: WeakKeyDictionary[asyncio.AbstractEventLoop, float] = WeakKeyDictionary()
"""When the next turn may be, of each loop."""


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
            await _pause()
            self._begun = time.perf_counter()


async def _pause() -> None:
    """Wait for the next turn that nobody else has."""
    loop = asyncio.get_running_loop()
    now = loop.time()
    at = max(now, _free_at.get(loop, now)) + PAUSE
    _free_at[loop] = at
    await asyncio.sleep(at - now)
