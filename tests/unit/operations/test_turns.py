"""Long work lets others work."""

import asyncio
import time

from dfks_rules.operations.turns import EVERY, TURN, Turns


async def test_others_work_once_a_turn_is_over() -> None:
    """The clock is looked at now and then."""
    turns = Turns()
    ran: list[int] = []
    asyncio.get_running_loop().call_soon(ran.append, 1)
    for _ in range(EVERY - 1):
        await turns.step()
    until = time.perf_counter() + TURN
    while time.perf_counter() < until:
        pass
    assert not ran
    await turns.step()
    assert ran
