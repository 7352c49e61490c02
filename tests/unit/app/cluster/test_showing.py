"""What Prometheus is told of a cluster."""

import asyncio
import time

from prometheus_client.parser import text_string_to_metric_families

from dfks_rules.app.cluster.member import Itself, Member
from dfks_rules.app.cluster.node import Node
from dfks_rules.app.cluster.operating import ClusterDesk
from dfks_rules.app.cluster.showing import add_cluster
from dfks_rules.app.exposition.exposition import Exposition
from dfks_rules.app.exposition.table import SECTIONS
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import FakeEngine
from tests.helpers.playbook import Playbook, default_policies


async def _node() -> Node:
    """One of two; the other has just left, with nothing."""
    database = FakeDatabase(time.time)
    engine = FakeEngine(database)
    member = await Member.join(engine, Itself("node-1", "1.0", 60.0, 120.0), time.time)
    other = await engine.join("node-2", "1.0", 60.0)
    await engine.leave(other.epoch, is_clean=True)
    await engine.claim(member.epoch)
    return Node(engine, member, "5eed", 3600.0)


async def _read(node: Node, desk: ClusterDesk) -> dict[tuple[str, ...], float]:
    """Name of a metric and values of its labels → value."""
    exposition = Exposition()
    add_cluster(exposition, node, desk, Playbook(default_policies()).notifier)
    body = (await exposition.scrape()).body.decode()
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(body)
        for one in family.samples
    }


async def test_every_metric_of_a_cluster_is_read() -> None:
    """A name without numbers would be an alert that never fires."""
    node = await _node()
    read = {name for name, *_ in await _read(node, ClusterDesk(node))}
    assert read == {one.name for one in SECTIONS["Several nodes"]}


async def test_what_a_node_knows_of_itself() -> None:
    """How far it serves, and for how long."""
    node = await _node()
    values = await _read(node, ClusterDesk(node))
    assert values["dfks_cluster_standing", "serving"] == 1
    assert values["dfks_cluster_standing", "blind"] == 0
    assert 50 < values["dfks_cluster_lease_seconds",] < 60
    node.member.lease.drain()
    assert (await _read(node, ClusterDesk(node)))["dfks_cluster_standing", "draining"] == 1
    node.member.lease.buried()
    values = await _read(node, ClusterDesk(node))
    assert values["dfks_cluster_standing", "cut off"] == 1
    assert values["dfks_cluster_lease_seconds",] == 0


async def test_nodes_are_counted_once_somebody_has_looked() -> None:
    """Not a life that has ended, and that has nothing any more."""
    node = await _node()
    desk = ClusterDesk(node)
    assert (await _read(node, desk))["dfks_cluster_nodes", "serving"] == 0
    desk.begin()
    while not desk.seen:  # noqa: ASYNC110 - it looks by itself
        await asyncio.sleep(0.01)
    desk.end()
    values = await _read(node, desk)
    assert values["dfks_cluster_nodes", "serving"] == 1
    assert values["dfks_cluster_nodes", "dead"] == 0
