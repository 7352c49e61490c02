"""Policy sets come and go while phones are answered."""

import asyncio

import pytest

from dfks_rules.app.desk.rulesets import bring_in, take_out
from dfks_rules.policy.deciding.compiled import CompiledPolicies, compile_policies
from dfks_rules.policy.deciding.matching import Shards
from tests.helpers.policy import source


def tenants(count: int) -> CompiledPolicies:
    """Each with rules of its own."""
    sources = [
        source(
            f"- {{id: r, when: {{op: set, user: u{number}}}, then: {{status: 0}}}}",
            f"scope: {{domain: t{number}.example}}",
            f"p{number}",
        )
        for number in range(count)
    ]
    return compile_policies(sources)


async def turns_during(task: asyncio.Task[object]) -> int:
    """How often others had their turn until it was done."""
    turns = 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    return turns


async def test_others_have_their_turn_between_rulesets() -> None:
    """A thousand tenants take a second, and no phone waits for it."""
    compiled, shards = tenants(5), Shards()
    coming = asyncio.create_task(bring_in(compiled, shards))
    assert await turns_during(coming) >= len(compiled.sharding.shards) >= 5
    assert len(shards) == len(compiled.sharding.shards)
    going = asyncio.create_task(take_out(await coming, shards))
    assert await turns_during(going) >= 5
    assert len(shards) == 0


async def test_what_is_given_up_half_way_leaves_nothing_in_the_engine() -> None:
    """The server stops while a reload is under way."""
    shards = Shards()
    task = asyncio.create_task(bring_in(tenants(5), shards))
    await asyncio.sleep(0)
    assert 0 < len(shards) < 5
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(shards) == 0
