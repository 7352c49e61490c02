"""Work that a stop ends."""

import asyncio

import pytest

from dfks_rules.app.handover.unless import unless
from dfks_rules.errors import DfksError


async def _fail() -> None:
    raise DfksError("policy_invalid", "no")


async def test_start_that_fails_is_told() -> None:
    """It is no stop."""
    with pytest.raises(DfksError):
        await unless(asyncio.Event(), _fail())


async def test_start_is_given_up_at_a_stop_and_its_failure_with_it() -> None:
    """Whatever the signal that came to all processes did to it."""
    stop, started = asyncio.Event(), asyncio.Event()
    assert await unless(stop, asyncio.sleep(0))

    async def start() -> None:
        started.set()
        try:
            await asyncio.sleep(600)
        finally:
            raise DfksError("policy_invalid", "killed")

    doing = asyncio.create_task(unless(stop, start()))
    await started.wait()
    stop.set()
    assert not await doing
