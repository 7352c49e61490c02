"""Policy sets into the engine and out of it, with room for phones between any two rulesets."""

import asyncio

from dfks_rules.policy.deciding.compiled import CompiledPolicies
from dfks_rules.policy.deciding.matching import Shard, Shards
from dfks_rules.policy.deciding.policy_set import PolicySet


async def bring_in(compiled: CompiledPolicies, shards: Shards) -> PolicySet:
    """A policy set that can decide.

    Raises:
        EngineError: the engine does not take it; nothing of it remains there.
    """
    taken: list[Shard] = []
    try:
        for plan in compiled.sharding.shards:
            taken.append(shards.take(plan))
            await asyncio.sleep(0)
    except BaseException:
        for shard in taken:
            shards.release(shard)
        raise
    return PolicySet(compiled, shards, taken)


async def take_out(policies: PolicySet, shards: Shards) -> None:
    """Close a policy set."""
    held = [shards.take(shard.plan) for shard in policies.shards]
    policies.close()
    for shard in held:
        shards.release(shard)
        await asyncio.sleep(0)
