"""Work that a stop of the process ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work, or abandon it at a stop; returns whether it was completed."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    given_up = stop.is_set()
    if given_up:
        working.cancel()
    stopping.cancel()
    failure, _ = await asyncio.gather(working, stopping, return_exceptions=True)
    if failure is not None and not given_up:
        raise failure
    return not given_up
