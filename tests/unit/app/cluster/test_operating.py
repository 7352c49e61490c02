"""What operators see of a cluster, and do with it."""

import asyncio
import time
from typing import NamedTuple

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.cluster.member import Itself, Member
from dfks_rules.app.cluster.node import Node
from dfks_rules.app.cluster.operating import LOOK, ClusterDesk
from dfks_rules.errors import StoreError
from dfks_rules.operations.cluster import is_living
from dfks_rules.presence.standing import Standing
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import FakeEngine, Fault, Loss, Script
from tests.helpers.joined import virtually


class _Joined(NamedTuple):
    node: Node
    desk: ClusterDesk
    faults: Script

    def standing(self) -> Standing:
        """How far it may serve."""
        return self.node.standing(asyncio.get_running_loop().time())


def _database() -> FakeDatabase:
    """Its clock is that of the loop."""
    loop = asyncio.get_running_loop()
    return FakeDatabase(lambda: 1e9 + loop.time())


async def _join(database: FakeDatabase, name: str) -> _Joined:
    faults = Script()
    engine = FakeEngine(database, faults)
    member = await Member.join(engine, Itself(name, "1.0", 60.0, 120.0), time.time)
    node = Node(engine, member, "5eed", 3600.0)
    return _Joined(node, ClusterDesk(node), faults)


@virtually
async def test_all_nodes_tell_the_same_but_for_who_tells() -> None:
    """An operator asks whichever he reaches."""
    database = _database()
    one, other = await _join(database, "node-1"), await _join(database, "node-2")
    first, second = await one.desk.nodes(), await other.desk.nodes()
    assert [(row.name, row.is_this) for row in first] == [("node-1", True), ("node-2", False)]
    assert [(row.name, row.is_this) for row in second] == [("node-1", False), ("node-2", True)]
    assert all(59.0 < row.lease < 60.1 for row in (*first, *second))


@virtually
async def test_a_node_that_is_asked_to_drain_does_at_once() -> None:
    """It takes nothing of others, either; and they know."""
    database = _database()
    one, other = await _join(database, "node-1"), await _join(database, "node-2")
    [row] = await one.desk.drain(None)
    assert (row.name, row.state) == ("node-1", "draining")
    assert one.standing() is Standing.DRAINING
    assert [row.state for row in await other.desk.nodes()] == ["draining", "serving"]


@virtually
async def test_a_node_is_drained_from_another() -> None:
    """It hears of it when it renews its lease."""
    database = _database()
    one, other = await _join(database, "node-1"), await _join(database, "node-2")
    [row] = await one.desk.drain("node-2")
    assert (row.name, one.standing()) == ("node-2", Standing.SERVING)
    renewed = await other.node.engine.renew(other.node.member.epoch, 60.0, other.node._report(0.0))
    assert renewed.is_draining


@virtually
async def test_nobody_drains_who_is_not_there() -> None:
    """Nor a life that has ended, of the same name."""
    database = _database()
    one, other = await _join(database, "node-1"), await _join(database, "node-2")
    await other.node.engine.leave(other.node.member.epoch, is_clean=True)
    assert await one.desk.drain("node-2") == []
    assert await one.desk.drain("node-9") == []


@virtually
async def test_another_node_of_the_same_name_is_told_operators_once() -> None:
    """A life that was killed renews nothing, and is none."""
    database = _database()
    one, twin, killed = [await _join(database, "node-1") for _ in range(3)]
    await _join(database, "node-2")
    with capture_logs() as logs:
        one.desk.begin()
        for _ in range(5):
            await asyncio.sleep(0.9 * LOOK)
            for node in (one.node, twin.node):
                await node.engine.renew(node.member.epoch, 60.0, node._report(0.0))
        one.desk.end()
    told = [said for said in logs if said["event"] == "cluster_name_taken"]
    assert [(said["node"], said["epoch"]) for said in told] == [("node-1", twin.node.member.epoch)]
    assert killed.node.member.epoch in [row.epoch for row in one.desk.seen if is_living(row)]


@virtually
async def test_an_engine_that_is_away_is_told() -> None:
    """Nothing is made up."""
    one = await _join(_database(), "node-1")
    one.faults.add("nodes", Fault(loss=Loss.UNSENT))
    with pytest.raises(StoreError) as raised:
        await one.desk.nodes()
    assert raised.value.code == "store_unavailable"
