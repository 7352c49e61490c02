"""What operators see of a cluster, and do with it; see `operations.cluster`."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from dfks_rules.app.cluster.node import Node
from dfks_rules.errors import StoreError
from dfks_rules.operations.cluster import NodeRow, is_living
from dfks_rules.store.postgres import ports

LOOK = 5.0
"""Seconds between two looks at the nodes, for whoever counts them without asking."""


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
            await asyncio.sleep(LOOK)

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
