"""Long work lets others work."""

import asyncio
import time
from itertools import pairwise

from dfks_rules.operations.turns import EVERY, PAUSE, TURN, Turns


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


async def test_two_who_work_long_never_have_one_turn_after_the_other() -> None:
    """A key press takes several rounds of the loop: with a turn in each, it would wait for all."""
    loop = asyncio.get_running_loop()
    began: list[float] = []

    async def work() -> None:
        turns = Turns()
        for _ in range(3):
            until = time.perf_counter() + TURN
            while time.perf_counter() < until:
                pass
            await turns.rest()
            began.append(loop.time())

    await asyncio.gather(work(), work())
    pauses = [later - earlier for earlier, later in pairwise(began)]
    assert len(pauses) == 5
    assert sum(pauses) >= len(pauses) * PAUSE * 0.8
