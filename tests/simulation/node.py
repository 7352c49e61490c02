"""A process that is one of several nodes, as `app.life` and `app.server` wire it, without sockets.

It joins, serves, and joins again where the others have taken it for dead. From outside it can be
killed, paused and stopped at any time.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from dfks_rules.app.cluster.member import Itself, Member
from dfks_rules.app.cluster.node import Node, Served
from dfks_rules.errors import StoreError
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.package import Limits
from dfks_rules.presence.setup import Setup
from dfks_rules.presence.standing import is_silent
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Feed
from dfks_rules.service.ports import Policies
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow, Listener
from tests.helpers.policy import NOON
from tests.simulation.node_loop import NodeLoop
from tests.simulation.server import simulated_driver, tags
from tests.simulation.shared import SimulatedDatabase, SimulatedEngine, Way
from tests.simulation.world import World

Address = tuple[str, int]
Send = Callable[["SimulatedNode", int, Address, bytes], None]
"""Takes what a life of a node sends to an address."""
FINISH_WITHIN = 5.0
"""Seconds that a planned stop waits for what is under way."""
JOINS_EVERY = 1.0
"""Seconds between two starts of a process that cannot join."""
KEPT = 3_600.0
"""Seconds for which changes are kept."""
SOCKET = 200
"""Datagrams that wait while nobody reads; more are lost."""


class Parts(NamedTuple):
    """What mutants replace."""

    database: Callable[[World], SimulatedDatabase] = SimulatedDatabase
    engine: Callable[[SimulatedDatabase, NodeLoop, Way], SimulatedEngine] = SimulatedEngine
    tamper: Callable[[Node], None] = lambda _node: None
    """Called with each life of a node, before it serves."""


class Common(NamedTuple):
    """What all nodes share."""

    world: World
    database: SimulatedDatabase
    policies: Policies
    known: Sequence[Address]
    """Addresses that are known to want NOTIFYs."""
    lease: float
    grace: float
    parts: Parts


class _Life:
    """From joining to the end, of the process or of this life only."""

    def __init__(self, common: Common, node: Node, send: Callable[[Address, bytes], None]) -> None:
        self.node = node
        self._send_on = send
        self._is_over = False
        self.buried = asyncio.Event()
        loop = asyncio.get_running_loop()
        listener = Listener("udp", f"192.0.2.{node.member.joined.epoch % 250 + 1}", 5060)
        self.listener = listener
        tag_of = tags(node.store.secret)
        endpoint: Endpoint[Subscription] = Endpoint(self._send, tag_of)
        feed = Feed()
        features = Features(node.store, common.policies, feed)
        keeping = node.keeping(lambda _transport, _host, _port: None, lambda _transport: listener)
        setup = Setup(
            Limits(min_expires=1),
            common.world.token,
            tag_of,
            keeping=keeping,
            standing=node.standing,
        )
        self.notifier = Notifier(endpoint, features, feed, setup)
        self.driver = simulated_driver(loop, endpoint, self.notifier)
        for address in common.known:
            self.notifier.guard.contacts.add(Flow(listener, address))
        self.served = Served(
            self.notifier,
            features,
            lambda: NOON,
            self.driver.was_sent,
            lambda: "policies",
            self.buried.set,
        )

    def _send(self, flow: Flow, data: bytes) -> None:
        if not self._is_over:
            self._send_on(flow.remote, data)
            self.driver.was_sent()

    async def end(self) -> None:
        """As `app.server.Server.release` does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_WITHIN):
                await self.node.settled()
        self.driver.rest()
        await self.node.end()
        self._is_over = True


class SimulatedNode:
    """One machine, on which a process is, or is not."""

    def __init__(self, common: Common, number: int, send: Send) -> None:
        """It is down.

        Args:
            common: what all nodes share.
            number: which one it is.
            send: takes what it sends.
        """
        self._common = common
        self._world = common.world
        self.number = number
        self._send = send
        self._loop: NodeLoop | None = None
        self._loops: list[NodeLoop] = []
        self._engine: SimulatedEngine | None = None
        self._life: _Life | None = None
        self._stop: asyncio.Event | None = None
        self._is_lost = False
        self._socket: deque[tuple[bytes, Address]] = deque(maxlen=SOCKET)
        """What came while nobody read."""
        self.way = Way()
        """How bad its way to the engine is."""
        self.is_paused = False

    @property
    def is_up(self) -> bool:
        """Whether there is a process."""
        return self._loop is not None

    @property
    def epoch(self) -> int:
        """The life that serves; 0 while none does."""
        return 0 if self._life is None else self._life.node.member.epoch

    @property
    def believes(self) -> bool:
        """Whether it would tell phones of changes, if it ran now."""
        if self._life is None or self._loop is None:
            return False
        return not is_silent(self._life.node.standing(self._loop.time()))

    @property
    def bugs(self) -> list[BaseException]:
        """What was raised where nobody expects it."""
        return [bug for loop in self._loops for bug in loop.bugs]

    def close(self) -> None:
        """The simulation is over."""
        for loop in self._loops:
            loop.close()

    # --- What happens to it ---

    def start(self) -> None:
        """Begin a process, unless there is one."""
        if self._loop is None:
            offset = 10_000.0 * self._world.random.random()
            self._loop = NodeLoop(self._world, offset)  # type: ignore[abstract]
            self._loops.append(self._loop)
            self._socket.clear()
            self._loop.call_soon(self._begin, self._loop)

    def _begin(self, loop: NodeLoop) -> None:
        self._stop = asyncio.Event()
        loop.create_task(self._run(loop, self._stop))

    def kill(self) -> None:
        """Kill -9."""
        if self._loop is not None:
            self._loop.die()
            if self._engine is not None:
                self._engine.cut()
        self._loop = self._life = self._engine = self._stop = None
        self.is_paused = False

    def stop(self) -> None:
        """SIGTERM."""
        if self._stop is not None and self._loop is not None:
            self._loop.call_soon(self._stop.set)

    def pause(self) -> None:
        """SIGSTOP."""
        if self._loop is not None:
            self.is_paused = True
            self._loop.pause()

    def go_on(self) -> None:
        """SIGCONT."""
        if self._loop is not None and self.is_paused:
            self.is_paused = False
            self._loop.go_on()

    def split(self, *, is_lost: bool) -> None:
        """Whether all that goes to the engine and comes from it gets lost from now on."""
        self._is_lost = is_lost
        if self._engine is not None:
            self._engine.is_lost = is_lost

    def fall_ill(self, way: Way) -> None:
        """Its way to the engine gets worse, or better."""
        self.way = way
        if self._engine is not None:
            self._engine.way = way

    def receive(self, data: bytes, source: Address) -> None:
        """Take a datagram; nobody does while it is down."""
        if self._loop is None:
            self._world.count("datagrams_to_nobody")
        else:
            self._loop.call_soon(self._read, data, source)

    def _read(self, data: bytes, source: Address) -> None:
        life = self._life
        if life is None:
            self._socket.append((data, source))
        else:
            life.driver.receive(data, Flow(life.listener, source))

    # --- The process ---

    async def _run(self, loop: NodeLoop, stop: asyncio.Event) -> None:
        while not stop.is_set():
            node = await self._join(loop)
            if node is None:
                await asyncio.sleep(JOINS_EVERY)
                continue
            await self._serve(node, stop)
        # The process ends.
        self.kill()

    async def _join(self, loop: NodeLoop) -> Node | None:
        common = self._common
        self._engine = engine = common.parts.engine(common.database, loop, self.way)
        engine.is_lost = self._is_lost
        itself = Itself(f"node-{self.number}", "1", common.lease, common.grace)
        wall = self._world.wall
        try:
            member = await Member.join(engine, itself, wall)
        except StoreError:
            await engine.close()
            return None
        node = Node(engine, member, f"{member.epoch:06x}", KEPT, wall)
        common.parts.tamper(node)
        return node

    async def _serve(self, node: Node, stop: asyncio.Event) -> None:
        epoch = node.member.epoch
        life = _Life(self._common, node, partial(self._send, self, epoch))
        self._world.note("start", self.number, epoch)
        self._world.count("lives")
        node.begin(life.served)
        self._life = life
        waiting, self._socket = self._socket, deque(maxlen=SOCKET)
        for data, source in waiting:
            life.driver.receive(data, Flow(life.listener, source))
        await _either(stop, life.buried)
        # Nothing is read any more.
        self._life = None
        self._world.note("end", self.number, epoch)
        await life.end()


async def _either(*events: asyncio.Event) -> None:
    tasks = [asyncio.get_running_loop().create_task(one.wait()) for one in events]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
