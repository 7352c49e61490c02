"""Three nodes and their PostgreSQL whose life is made hard, one or two things at a time."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path

from tests.helpers.fleet import Fleet, Node
from tests.helpers.history import Event
from tests.helpers.lines import Place
from tests.helpers.nodes_network import BOUND, ENGINE, NODES, PHONES, NodesNetwork
from tests.helpers.ordeal import Fault, Ordeal, policies
from tests.helpers.ports import free_port
from tests.helpers.postgres import Cluster
from tests.helpers.tcp_relay import TcpRelay
from tests.helpers.truth import truth_of_database

PAUSE = 2.0, 7.0
"""Seconds between two faults, from and to."""
USES = ("commit", "life", "phones", "rest", "hints")
"""What a node has connections for, as the engine lists them."""


class Nemesis:
    """Does things to nodes, to their engine, and to the ways between."""

    def __init__(
        self,
        fleet: Fleet,
        engine: Cluster,
        ways: dict[str, TcpRelay],
        dice: random.Random,
        network: NodesNetwork | None = None,
    ) -> None:
        """Nothing is done yet.

        Args:
            fleet: the nodes, which run.
            engine: their PostgreSQL.
            ways: the way of each node to it, by name.
            dice: chooses.
            network: that of the nodes, where they have one.
        """
        self._fleet, self._engine, self._ways, self.dice = fleet, engine, ways, dice
        self._network = network
        self._engine_is_left_alone = asyncio.Lock()
        self._taken: set[str] = set()
        """Nodes to which something is done: not two things at once."""

    async def torment(
        self, seconds: float, only: set[str] | None
    ) -> list[tuple[float, float, str]]:
        """Do one thing after the other, sometimes two at once; in the end everything runs."""
        done: list[tuple[float, float, str]] = []
        ends = time.monotonic() + seconds
        lives = [self._go_on(ends, only, done, slower) for slower in (1, 3)]
        await asyncio.gather(*lives)
        return sorted(done)

    async def _go_on(
        self, ends: float, only: set[str] | None, done: list[tuple[float, float, str]], slower: int
    ) -> None:
        names = [name for name in self.faults if only is None or name in only]
        weights = [self.faults[name][1] for name in names]
        while (rest := slower * self.dice.uniform(*PAUSE)) < ends - time.monotonic():
            await asyncio.sleep(rest)
            name = self.dice.choices(names, weights)[0]
            begin = time.time()
            if await self.faults[name][0]():
                done.append((begin, time.time(), name))
        await asyncio.sleep(max(0.0, ends - time.monotonic()))

    @property
    def faults(self) -> dict[str, tuple[Callable[[], Awaitable[bool]], int]]:
        """Name → fault, which says whether it was done, and how often among the others."""
        network = self._network.faults if self._network else {}
        return {
            "kill": (self._of_a_node(self._kill), 6),
            "pause": (self._of_a_node(self._pause), 4),
            "restart": (self._of_a_node(self._restart), 2),
            "cut_off": (self._of_a_node(self._cut_off), 2),
            "delay": (self._of_a_node(self._delay), 2),
            "reset": (self._of_a_node(self._reset), 2),
            "freeze_backend": (self._of_a_node(self._freeze_backend), 3),
            "engine_crash": (self._engine_crash, 2),
            **{name: (self._of_a_node(what), often) for name, (what, often) in network.items()},
        }

    def _of_a_node(self, what: Callable[[Node], Awaitable[None]]) -> Callable[[], Awaitable[bool]]:
        async def fault() -> bool:
            free = [one for one in self._fleet.nodes if one.name not in self._taken]
            node = self.dice.choice(free)
            self._taken.add(node.name)
            try:
                await what(node)
            finally:
                self._taken.discard(node.name)
            return True

        return fault

    async def _kill(self, node: Node) -> None:
        """SIGKILL; it comes again after a while."""
        await asyncio.to_thread(node.kill)
        await asyncio.sleep(self.dice.uniform(0, 4))
        await self._start(node)

    async def _restart(self, node: Node) -> None:
        """SIGTERM; it comes again."""
        await asyncio.to_thread(node.stop)
        await self._start(node)

    async def _start(self, node: Node) -> None:
        """Start it, while the engine runs: it would not start without."""
        async with self._engine_is_left_alone:
            await asyncio.to_thread(node.start)

    async def _pause(self, node: Node) -> None:
        """SIGSTOP, as a virtual machine that is moved."""
        node.pause()
        await asyncio.sleep(self.dice.uniform(1, 10))
        node.resume()

    async def _cut_off(self, node: Node) -> None:
        """Nothing comes from the engine, nor goes there; connections stay."""
        way = self._ways[node.name]
        way.freeze()
        await asyncio.sleep(self.dice.uniform(1, 8))
        if self.dice.random() < 0.5:
            way.reset()
        way.thaw()

    async def _delay(self, node: Node) -> None:
        """The engine is far away."""
        way = self._ways[node.name]
        way.delay = self.dice.uniform(0.02, 0.8)
        await asyncio.sleep(self.dice.uniform(2, 8))
        way.delay = 0.0

    async def _reset(self, node: Node) -> None:
        """All its connections break, some times."""
        for _ in range(self.dice.randint(1, 4)):
            self._ways[node.name].reset()
            await asyncio.sleep(self.dice.uniform(0, 1))

    async def _freeze_backend(self, node: Node) -> None:
        """What serves one of its connections stops, with whatever locks it holds."""
        # A commit that is stopped in the middle is what there is most to learn of.
        use = self.dice.choice([*USES, "commit", "commit"])
        frozen: list[int] = []
        with suppress(Exception):  # The engine is away, or there is no such connection now.
            frozen = [await asyncio.to_thread(self._engine.freeze, f"dfks {node.name} {use}")]
        await asyncio.sleep(self.dice.uniform(1, 8))
        for pid in frozen:
            self._engine.thaw(pid)

    async def _engine_crash(self) -> bool:
        """The engine dies, is away for some seconds, and recovers."""
        if self._engine_is_left_alone.locked():
            return False
        async with self._engine_is_left_alone:
            await asyncio.to_thread(self._engine.stop, "immediate")
            await asyncio.sleep(self.dice.uniform(0, 6))
            await asyncio.to_thread(self._engine.start)
        return True


class NodesOrdeal(Ordeal):
    """Three nodes, each with a way of its own to the engine."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        engine: Cluster,
        only: str | None = None,
        network: NodesNetwork | None = None,
    ) -> None:
        """Make them; nothing but the engine runs.

        Args:
            folder: for settings, logs and the history.
            seed: of what phones do, and of the faults.
            engine: their PostgreSQL.
            only: names of the faults, with commas; None for all.
            network: of `nodes_network`; None: all are on one host, and phones lose datagrams.
        """
        self.engine = engine
        """The one that is used; where it fails over, another one then."""
        self._database = engine.create()
        self._only = set(only.split(",")) if only else None
        target = "127.0.0.1", engine.port
        self.network = network
        hosts = NODES if network else ()
        url = engine.url(self._database)
        self.fleet = Fleet(folder, url, 3, hosts, policies=policies(folder))
        if network:
            self.bound = BOUND
            for node, program in zip(self.fleet.nodes, network.programs(), strict=True):
                node.becomes(program)
        self.ways: dict[str, TcpRelay] = {}
        """Of each node, by name."""
        for node in self.fleet.nodes:
            way = TcpRelay(target, free_port(), ENGINE if network else "127.0.0.1")
            self.ways[node.name] = way
            node.goes_by(f"postgresql://postgres@{way.host}:{way.port}/{self._database}")
        servers = [node.sip for node in self.fleet.nodes]
        super().__init__(folder, seed, servers, PHONES if network else Place())

    async def begin(self) -> None:
        """Open the ways, and start the nodes."""
        if self.network:
            self.network.net.open()
        for way in self.ways.values():
            await way.start()
        await asyncio.to_thread(self.fleet.be_whole)

    async def torment(self, seconds: float) -> list[Fault]:
        """By `Nemesis`."""
        dice = random.Random(self.dice.random())
        nemesis = Nemesis(self.fleet, self.engine, self.ways, dice, self.network)
        return await nemesis.torment(seconds, self._only)

    async def stop(self) -> None:
        """SIGTERM to all."""
        for node in self.fleet.nodes:
            await asyncio.to_thread(node.stop)

    async def end(self) -> None:
        """Close everything but the engine."""
        await asyncio.to_thread(self.fleet.close)
        for way in self.ways.values():
            await way.close()

    def url(self) -> str:
        """That of any node."""
        return random.choice(self._running()).mi_url

    def _running(self) -> list[Node]:
        return [node for node in self.fleet.nodes if node.is_running] or self.fleet.nodes

    def report(self) -> str:
        """With what the network did."""
        if self.network is None:
            return super().report()
        net = self.network.net
        return f"{super().report()}packets passed {net.passed}, lost {net.lost}\n"

    def truth(self) -> Iterable[Event]:
        """What is in the database."""
        return truth_of_database(self.engine, self._database)

    def said(self) -> str:
        """What all nodes have said."""
        return "".join(node.log.read_text("utf-8") for node in self.fleet.nodes)
