"""Turns of those that have much to do."""

import asyncio

from dfks_rules.transport.turns import PORTION, Turns


async def test_all_share_one_portion_of_a_turn() -> None:
    """Each gets one call before any gets another."""
    turns, calls = Turns(asyncio.get_running_loop()), []

    def work(number: int) -> bool:
        calls.append(number)
        return True

    for number in range(3):
        turns.wait(lambda number=number: work(number))  # type: ignore[misc]
    assert calls == []
    await asyncio.sleep(0)
    assert len(calls) == PORTION
    assert calls[:6] == [0, 1, 2, 0, 1, 2]
    await asyncio.sleep(0)
    assert len(calls) == 2 * PORTION


async def test_work_that_is_done_is_not_called_again() -> None:
    """Nor is the loop woken for nothing."""
    turns, left = Turns(asyncio.get_running_loop()), [2, 1]

    def work() -> bool:
        return bool(left.pop() - 1)

    turns.wait(work)
    for _ in range(3):
        await asyncio.sleep(0)
    assert left == [2]


async def test_work_that_raises_has_its_next_turn() -> None:
    """One message must not cost the others."""
    loop = asyncio.get_running_loop()
    failures: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, what: failures.append(what))
    turns, outcomes = Turns(loop), [False, True, None]

    def work() -> bool:
        outcome = outcomes.pop()
        if outcome is None:
            raise ValueError
        return outcome

    turns.wait(work)
    for _ in range(4):
        await asyncio.sleep(0)
    assert outcomes == []
    assert isinstance(failures[0]["exception"], ValueError)
