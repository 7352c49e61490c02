"""How fast imports go."""

import asyncio

from dfks_rules.app.imports.pace import Pace


async def test_so_many_rows_take_so_long_and_no_less() -> None:
    """The clock of the loop, which waits at least as long as it is told."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    pace = Pace(1_000)
    for _ in range(5):
        await pace.rest(8)
    assert loop.time() - begun >= 0.04 - 0.002


async def test_time_that_was_lost_is_made_up_for_a_second() -> None:
    """A disk that hangs for an hour must not be followed by an hour at full speed."""
    loop = asyncio.get_running_loop()
    pace = Pace(100)
    pace._due -= 3_600
    begun = loop.time()
    await pace.rest(90)
    assert loop.time() - begun < 0.9
    await pace.rest(130)
    assert loop.time() - begun >= 0.28
