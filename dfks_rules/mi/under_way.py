"""Requests that are under way when a door closes."""

import asyncio
from collections.abc import Collection

FINISH_WITHIN = 2.0
"""Seconds that they have to finish."""


async def finish(tasks: Collection["asyncio.Task[None]"]) -> None:
    """Let them finish; those that take too long are dropped."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=FINISH_WITHIN)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
