"""Three nodes, each on a host of its own, and a network to their engine and phones that fails."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.helpers.fleet import Node
from tests.helpers.lines import Place
from tests.helpers.network import Network, Way, network
from tests.helpers.server import DFKS

PHONES = Place("127.0.0.2", "127.0.0.3", lost=0.0)
"""Operators are there, too."""
ENGINE = "127.0.0.4"
NODES = "127.0.1.1", "127.0.1.2", "127.0.1.3"
LOST = 0.02
"""How many of all packets are lost in each direction."""
BOUND = 25.0
"""Seconds after the last fault in which TCP, too, has repeated what was lost: it waits as long
again as it was cut, and twice as long if the repeat is lost.
"""


class NodesNetwork:
    """What can be done to the ways of nodes; none leads from one node to another."""

    def __init__(self, net: Network, dice: random.Random) -> None:
        """All ways are there, and lose a little.

        Args:
            net: passes packets on.
            dice: chooses.
        """
        self.net, self._dice = net, dice
        for node in NODES:
            for way in self._ways(node, [ENGINE, *PHONES[:2]]):
                way.loss = LOST

    def programs(self) -> list[list[str]]:
        """What runs as `dfks` on each node's host."""
        return [[*host.command, DFKS] for host in self.net.hosts[1:]]

    @property
    def faults(self) -> dict[str, tuple[Callable[[Node], Awaitable[None]], int]]:
        """Name → fault of a node, and how often among the others."""
        engine, phones = [ENGINE], [PHONES.datagrams, PHONES.streams]
        return {
            "no_engine": (self._cut(engine), 2),
            "no_phones": (self._cut(phones), 2),
            "no_network": (self._cut([*engine, *phones]), 2),
            "lossy_engine": (self._lossy(engine), 1),
            "lossy_phones": (self._lossy(phones), 1),
            "far_engine": (self._far(engine), 1),
            "far_phones": (self._far(phones), 1),
        }

    def _cut(self, others: Sequence[str]) -> Callable[[Node], Awaitable[None]]:
        """Nothing goes there or comes from there, or, as often, only one of both."""

        async def fault(node: Node) -> None:
            outwards, inwards = self._to(node.sip[0], others), self._from(node.sip[0], others)
            cut = self._dice.choice([outwards + inwards, outwards + inwards, outwards, inwards])
            with _changed(cut, loss=1.0):
                await asyncio.sleep(self._dice.uniform(1, 8))

        return fault

    def _lossy(self, others: Sequence[str]) -> Callable[[Node], Awaitable[None]]:
        """Many packets are lost."""

        async def fault(node: Node) -> None:
            with _changed(self._ways(node.sip[0], others), loss=self._dice.uniform(0.1, 0.5)):
                await asyncio.sleep(self._dice.uniform(2, 8))

        return fault

    def _far(self, others: Sequence[str]) -> Callable[[Node], Awaitable[None]]:
        """Packets are late, and overtake each other."""

        async def fault(node: Node) -> None:
            most = self._dice.uniform(0.02, 0.4)
            with _changed(self._ways(node.sip[0], others), delay=(most / 4, most)):
                await asyncio.sleep(self._dice.uniform(2, 8))

        return fault

    def _ways(self, node: str, others: Sequence[str]) -> list[Way]:
        return self._to(node, others) + self._from(node, others)

    def _to(self, node: str, others: Sequence[str]) -> list[Way]:
        return [self.net.way(node, other) for other in others]

    def _from(self, node: str, others: Sequence[str]) -> list[Way]:
        return [self.net.way(other, node) for other in others]


@contextmanager
def nodes_network(dice: random.Random) -> Iterator[NodesNetwork]:
    """Be where the engine and the phones are, until the block ends.

    Raises:
        NoNetworkError: this machine allows none.
    """
    home = PHONES.datagrams, PHONES.streams, ENGINE
    with network(dice, home, *[(one,) for one in NODES]) as net:
        yield NodesNetwork(net, dice)


@contextmanager
def _changed(
    ways: Sequence[Way], loss: float = LOST, delay: tuple[float, float] = (0.0, 0.0)
) -> Iterator[None]:
    """Have ways be otherwise until the block ends."""
    for way in ways:
        way.loss, way.delay = loss, delay
    try:
        yield
    finally:
        for way in ways:
            way.loss, way.delay = LOST, (0.0, 0.0)
