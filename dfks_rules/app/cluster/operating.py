"""What operators see of a cluster, and do with it; see `operations.cluster`."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from math import inf

import structlog

from dfks_rules.app.cluster.node import Node
from dfks_rules.errors import StoreError
from dfks_rules.operations.cluster import NodeRow, is_living
from dfks_rules.store.postgres import ports

LOOK = 5.0
"""Seconds between two looks at the nodes, for whoever counts them without asking."""

_log = structlog.get_logger("dfks.cluster")


class ClusterDesk:
    """Asks the engine, through one of the nodes.

    Reference: `operations.cluster.ClusterOperations`.
    """

    def __init__(self, node: Node) -> None:
        """`node` is asked."""
        self._node = node
        self._task: asyncio.Task[None] | None = None
        self.seen: Sequence[NodeRow] = ()
        """What `nodes` gave last, a few seconds ago; none before `begin`."""
        self._twins: dict[int, float] = {}
        """Other lives with the name of this node → until when their lease held when last seen, by
        the clock of this loop; `inf`: operators were told."""

    def begin(self) -> None:
        """Look at the nodes from now on."""
        self._task = asyncio.get_running_loop().create_task(self._look())

    def end(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()

    async def _look(self) -> None:
        while True:
            # What was seen last is still the best that is known; the failure is counted elsewhere.
            with suppress(StoreError):
                self.seen = await self.nodes()
                self._warn_of_twins()
            await asyncio.sleep(LOOK)

    def _warn_of_twins(self) -> None:
        """Tell operators once of another node with this one's name: one that renews its lease is no
        life of this node that has ended.
        """
        now, before, self._twins = asyncio.get_running_loop().time(), self._twins, {}
        this = next((one.name for one in self.seen if one.is_this), None)
        for one in self.seen:
            if one.is_this or one.name != this or not is_living(one):
                continue
            until, seen = now + one.lease, before.get(one.epoch, inf)
            # Half of the pause between two looks: more than they may be late by, as a rule.
            if seen + LOOK / 2 < until:
                _log.error("cluster_name_taken", node=this, epoch=one.epoch)
                until = inf
            self._twins[one.epoch] = inf if seen == inf and one.epoch in before else until

    async def nodes(self) -> list[NodeRow]:
        """All that live, and those that have ended lately."""
        found = await self._node.engine.nodes()
        newest = max([self._node.store.durable(), *[one.position for one in found]])
        return [self._row(one, newest) for one in found]

    def _row(self, one: ports.Node, newest: int) -> NodeRow:
        member = self._node.member
        return NodeRow(
            one.epoch,
            one.name,
            one.epoch == member.epoch,
            one.state,
            one.until - self._node.clock(),
            one.cohorts,
            one.subscriptions,
            one.position,
            newest - one.position,
            one.skew,
            one.policies,
            one.release,
        )

    async def drain(self, name: str | None) -> Sequence[NodeRow]:
        """Have a node take no new dialogs."""
        meant = [one for one in await self.nodes() if is_living(one) and _is_meant(one, name)]
        for one in meant:
            await self._node.engine.drain(one.epoch)
            if one.is_this:
                self._node.member.drain()
        return [one._replace(state="draining") for one in meant]


def _is_meant(row: NodeRow, name: str | None) -> bool:
    return row.is_this if name is None else row.name == name
