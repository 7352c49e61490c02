"""The engine of three nodes fails over under 120 phones: its synchronous standby is promoted."""

import asyncio
import random
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.postgres.schema import migrate
from tests.helpers.nodes_nemesis import NodesOrdeal
from tests.helpers.ordeal import Fault
from tests.helpers.postgres import Cluster, needs_postgres

pytestmark = [pytest.mark.e2e, pytest.mark.long, needs_postgres, pytest.mark.timeout(600)]

AWAY = 5.0
"""Seconds until somebody decides that the primary does not come back."""


class _Failovers(NodesOrdeal):
    """Two of them: the second one after the first has got a standby of its own."""

    async def torment(self, seconds: float) -> list[Fault]:
        """The primary dies, and its standby takes its place behind the same address."""
        done = []
        for _ in range(2):
            standby = await asyncio.to_thread(_standby_of, self.engine)
            await asyncio.sleep(seconds / 4)
            begin = time.time()
            await asyncio.to_thread(self.engine.stop, "kill")
            await asyncio.sleep(random.uniform(0, AWAY))
            await asyncio.to_thread(standby.promote)
            for way in self.ways.values():
                way.reset()
                way.target = "127.0.0.1", standby.port
            self.engine.remove()
            self.engine = standby
            done.append((begin, time.time(), "failover"))
            await asyncio.sleep(seconds / 4)
        return done


def _standby_of(primary: Cluster) -> Cluster:
    standby = Cluster(primary)
    standby.start()
    primary.follow_synchronously()
    return standby


async def test_no_answered_set_is_lost_when_a_standby_is_promoted(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Nor a subscription; keys are refused meanwhile, refreshes are not."""
    engine = Cluster()
    engine.start()
    seed = int(pytestconfig.option.hypothesis_seed)
    run = await asyncio.to_thread(_Failovers, tmp_path, seed, engine)
    try:
        await run.suffer(30.0)
    finally:
        run.engine.remove()
    sys.stdout.write(run.report())
    violations = run.violations()
    assert not violations, "\n".join(map(str, violations[:20]))
    assert not run.losses()
    assert "Traceback" not in run.said()


async def test_the_url_of_a_store_may_name_both_servers() -> None:
    """Whichever takes writes is used, in place of an address that moves."""
    primary = Cluster()
    primary.start()
    standby = await asyncio.to_thread(_standby_of, primary)
    hosts = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
    engine = PostgresEngine(
        f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write", "node-1"
    )
    try:
        await migrate(primary.url())
        first = await engine.join("node-1", "0.1.0", 2.0)
        await asyncio.to_thread(primary.stop, "kill")
        await asyncio.to_thread(standby.promote)
        with suppress(StoreError):  # It may not have noticed yet that its connection has died.
            await engine.join("node-1", "0.1.0", 2.0)
        again = await engine.join("node-1", "0.1.0", 2.0)
        assert again.epoch > first.epoch
    finally:
        await engine.close()
        standby.remove()
        primary.remove()
