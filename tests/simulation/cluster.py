"""One history of several nodes: what is drawn from a seed, and how it is played."""

import logging
import sys
from collections.abc import Mapping
from math import inf
from typing import Any, NamedTuple

import structlog

from tests.helpers.checker import Rule, Violation, check
from tests.helpers.history import Ended, Over, Quiet, Served
from tests.simulation import wire
from tests.simulation.acting import Acting
from tests.simulation.network import CALM, Network, Weather
from tests.simulation.node import Common, Parts, SimulatedNode
from tests.simulation.phone import Phone
from tests.simulation.scenario import DOMAIN, LAST, MOST_PAIRS, policies
from tests.simulation.server import LAST_NOTIFY
from tests.simulation.shared import GOOD, Way
from tests.simulation.world import WALL, World

NODES = 3
GIVES_UP = 2
"""How often a phone sends a request to a node that is silent, before it asks the next one."""
WANDERS = 0.1
"""Share of requests that go to whichever node."""
LONG = 700.0
"""Seconds within which all are told where phones may have to refresh before."""
AFTER = 30.0
"""Seconds that a history goes on after its bound."""


class Plan(NamedTuple):
    """What a history is like; means are seconds between two of a kind, whatever node it strikes."""

    phones: int
    pairs: int
    singles: int
    weather: Weather
    way: Way
    lease: float
    grace: float
    kills: float
    pauses: float
    stops: float
    outages: float
    """Of the engine."""
    splits: float
    """Of a node from the engine."""
    cuts: float
    """Of a phone from the network, or of a node from all phones."""
    aimed: float
    """Share of commits after which its node is killed or paused at once."""
    sets: float
    """Between two sets of one phone."""
    toggles: float
    """Share of sets that others ask for, too."""
    roams: float
    """Until a phone goes through the nodes within about a second."""
    expires: int
    length: float
    bound: float

    @property
    def is_quick(self) -> bool:
        """Whether phones are told soon after it is quiet."""
        return self.bound < LONG


def draw(world: World) -> Plan:
    """A plan; most are small, since that is enough for most mistakes."""
    random = world.random
    phones = random.choice((2, 4, 4, 8, 8, 12, 20))
    users = max(1, phones // random.choice((1, 2, 3)))
    pairs = min(MOST_PAIRS, users // random.choice((2, 3)))
    loss = random.choice((0.0, 0.0, 0.02, 0.05, 0.25))
    cuts = random.choice((inf, inf, 40.0))
    weather = Weather(
        delay=random.choice((0.002, 0.02, 0.3)),
        loss=loss,
        repeats=random.choice((0.0, 0.0, 0.05)),
        late=random.choice((0.0, 0.0, 0.05)),
    )
    way = Way(
        delay=random.choice((0.002, 0.01, 0.1)),
        stalls=random.choice((0.0, 0.0, 0.05)),
        freezes=random.choice((0.0, 0.0, 0.01)),
        unsent=random.choice((0.0, 0.0, 0.05)),
        questions=random.choice((0.0, 0.0, 0.01)),
        answers=random.choice((0.0, 0.0, 0.01)),
    )
    is_hard = loss > 0.1 or cuts < inf
    return Plan(
        phones=phones,
        pairs=pairs,
        singles=max(0 if pairs else 1, users - 2 * pairs),
        weather=weather,
        way=way,
        lease=2.0,
        grace=random.choice((0.0, 10.0, 120.0)),
        kills=random.choice((8.0, 20.0, 60.0)),
        pauses=random.choice((inf, 8.0, 30.0)),
        stops=random.choice((inf, 30.0)),
        outages=random.choice((inf, inf, 20.0)),
        splits=random.choice((inf, inf, 20.0)),
        cuts=cuts,
        aimed=random.choice((0.0, 0.01, 0.05)),
        sets=random.choice((4.0, 10.0, 20.0)),
        toggles=random.choice((0.2, 0.2, 0.8)),
        expires=random.choice((120, 600) if cuts < inf else (600, 3600, 3600)),
        length=random.choice((30.0, 60.0)),
        bound=LONG if is_hard else 60.0,
        roams=random.choice((inf, 5.0, 20.0)),
    )


class Cluster(Acting):
    """A history that is being played."""

    def __init__(
        self,
        seed: int,
        parts: Parts | None = None,
        plan: Mapping[str, Any] | None = None,
        nodes: int = NODES,
    ) -> None:
        """Everything is there, and nothing has begun.

        Args:
            seed: says what happens.
            parts: what mutants do wrongly.
            plan: parts of the plan that are not drawn.
            nodes: how many there are.
        """
        world = World(seed)
        self.plan = drawn = draw(world)._replace(**plan or {})
        super().__init__(world, world.now + drawn.length - LAST)
        self._toggles = drawn.toggles
        parts = parts or Parts()
        self._network = Network(world, drawn.weather)
        self.database = database = parts.database(world)
        database.secret = world.token()
        users = [f"{who}{n}" for n in range(drawn.pairs) for who in ("boss", "secretary")]
        pairs = zip(users[::2], users[1::2], strict=True)
        self._mirrors = [(_uri(one), _uri(other)) for one, other in pairs]
        users += [f"single{n}" for n in range(drawn.singles)]
        self.phones = [
            Phone(world, n, f"{users[n % len(users)]}@{DOMAIN}", self._from_phone, drawn.expires)
            for n in range(drawn.phones)
        ]
        self._by_address = {phone.source: phone for phone in self.phones}
        known = [phone.source for phone in self.phones]
        common = Common(world, database, policies(), known, drawn.lease, drawn.grace, parts)
        self.nodes = [SimulatedNode(common, n, self._from_node) for n in range(nodes)]
        self._home = {phone: world.random.choice(self.nodes) for phone in self.phones}
        self._answers_to: SimulatedNode | None = None
        """Whose NOTIFY is being answered."""
        self._tries: dict[bytes, tuple[SimulatedNode, int]] = {}
        """Where a request went, and how often."""
        self._found: list[Violation] = []
        database.buried = self._buried
        database.written = self._aim

    def play(self) -> None:
        """From the beginning until all is over."""
        logged: list[structlog.typing.EventDict] = []
        before = structlog.get_config()
        structlog.configure(
            processors=[_Keeps(logged, self.world)],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        )
        try:
            self._play()
        finally:
            structlog.configure(**before)
            for node in self.nodes:
                node.close()
        for one in logged:
            if "exc_info" in one:
                raise RuntimeError(one["event"]) from one["exc_info"]
        for node in self.nodes:
            for bug in node.bugs:
                raise bug

    def _play(self) -> None:
        world, plan = self.world, self.plan
        for node in self.nodes:
            node.fall_ill(plan.way)
            node.start()
        for phone in self.phones:
            world.later(0.5 + 2.0 * world.random.random(), phone.begin)
            self._every(plan.sets, self._act, phone)
            self._every(plan.roams, self._roam, phone)
        self._every(plan.kills, self._kill)
        self._every(plan.pauses, self._pause)
        self._every(plan.stops, self._stop)
        self._every(plan.outages, self._break_down)
        self._every(plan.splits, self._split)
        self._every(plan.cuts, self._cut)
        world.run(world.now + plan.length)
        self._calm_down()
        world.run(world.now + plan.bound + AFTER)
        world.history.append(Over(world.now))

    def violations(self) -> list[Violation]:
        """What should not have happened."""
        database = self.database
        history = [*self.world.history, *database.journal, *database.held()]
        if self.plan.way.is_sure:
            history += database.owned()
        found = check(history, mirrors=self._mirrors, bound=self.plan.bound)
        for epoch, entry in database.stored_by:
            life = database.lives[epoch]
            if not life.is_alive and entry.at > life.ended:
                text = f"{entry} of life {epoch}, which ended {life.ended - WALL:.4f}"
                found.append(Violation(Rule.OWNER, text))
        return self._found + found

    def _calm_down(self) -> None:
        """No more faults and sets; whoever is down comes back."""
        self._is_quiet = True
        self._network.weather = CALM
        self._network.heal()
        self.database.is_down = False
        for node in self.nodes:
            node.go_on()
            node.split(is_lost=False)
            node.fall_ill(GOOD)
            node.start()
        self.world.history.append(Quiet(self.world.now))

    # --- Faults ---

    def _buried(self, epoch: int) -> None:
        """A life is about to be ended by another: it must not believe that it serves."""
        for node in self.nodes:
            if node.epoch == epoch and node.believes:
                text = f"{self.world.now:.4f}: life {epoch} is buried, and believes to serve"
                self._found.append(Violation(Rule.OWNER, text))

    def _aim(self, epoch: int) -> None:
        """A life has stored something: perhaps this is the moment."""
        world = self.world
        if self._is_quiet or world.random.random() >= self.plan.aimed:
            return
        strike = world.random.choice((self._kill, self._pause))
        for node in self.nodes:
            if node.epoch == epoch:
                world.later(0.03 * world.random.random() ** 2, strike, node)

    def _some(self) -> SimulatedNode:
        return self.world.random.choice(self.nodes)

    def _kill(self, node: SimulatedNode | None = None) -> None:
        node = node or self._some()
        if node.is_up and not self._is_quiet:
            self.world.count("kills")
            self.world.note("crash", node.number, node.epoch)
            node.kill()
            self.world.later(self._seconds(), node.start)

    def _pause(self, node: SimulatedNode | None = None) -> None:
        node = node or self._some()
        if node.is_up and not node.is_paused and not self._is_quiet:
            self.world.count("pauses")
            seconds = self.world.random.choice((0.5, 1.5, 2.0, 3.0, 5.0, 10.0))
            self.world.note("stop: paused", node.number, node.epoch, seconds)
            node.pause()
            self.world.later(seconds, node.go_on)

    def _stop(self) -> None:
        node = self._some()
        if node.is_up and not node.is_paused:
            self.world.count("stops")
            self.world.note("stop", node.number, node.epoch)
            node.stop()
            self.world.later(8.0 + self._seconds(), node.start)

    def _seconds(self) -> float:
        return self.world.random.choice((0.01, 0.2, 1.0, 1.0, 5.0, 5.0, 20.0))

    def _break_down(self) -> None:
        if not self.database.is_down:
            self.world.count("outages")
            self.world.note("stop: the engine")
            self.database.crash()
            self.world.later(self.world.random.choice((0.1, 1.0, 3.0, 6.0)), self._come_back)

    def _come_back(self) -> None:
        self.database.is_down = False

    def _split(self) -> None:
        node = self._some()
        self.world.count("splits")
        seconds = self.world.random.choice((0.5, 2.0, 5.0, 20.0))
        self.world.note("stop: split", node.number, node.epoch, seconds)
        node.split(is_lost=True)
        self.world.later(seconds, lambda: node.split(is_lost=False))

    def _cut(self) -> None:
        world = self.world
        end = self._some() if world.random.random() < 0.3 else world.random.choice(self.phones)
        self._network.cut(end, world.random.choice((5.0, 20.0, 60.0)))

    def _roam(self, phone: Phone) -> None:
        """A phone asks one node after the other, as fast as they answer; some know it by then."""
        for step in range(4):
            self.world.later(0.3 * step * self.world.random.random(), self._go_on, phone)

    def _go_on(self, phone: Phone) -> None:
        if phone.has_dialog and not phone.is_busy and self.world.now < self._acts_until:
            self.world.count("roams")
            self._home[phone] = self._next(self._home[phone])
            phone.subscribe()

    # --- The network between them ---

    def _from_phone(self, phone: Phone, data: bytes) -> None:
        if data.startswith(b"SIP/2.0"):
            node = self._answers_to
            assert node is not None
        else:
            node = self._asked(phone, data)
        if self._network.is_cut(node):
            self.world.count("datagrams_lost")
            return
        self._network.carry(phone, node.receive, data, phone.source)

    def _asked(self, phone: Phone, data: bytes) -> SimulatedNode:
        """Which node a request goes to: the same one again, unless that is silent."""
        random = self.world.random
        node, times = self._tries.get(data, (None, 0))
        if node is None:
            node = self._some() if random.random() < WANDERS else self._home[phone]
        elif times % GIVES_UP == 0:
            self._home[phone] = node = self._next(node)
        self._tries[data] = (node, times + 1)
        return node

    def _next(self, node: SimulatedNode) -> SimulatedNode:
        return self.nodes[(node.number + 1) % len(self.nodes)]

    def _from_node(
        self, node: SimulatedNode, epoch: int, address: tuple[str, int], data: bytes
    ) -> None:
        if data.startswith(b"NOTIFY"):
            self._note_last(epoch, data)
        elif data.startswith(b"SIP/2.0 2"):
            self._note_served(epoch, data)
        if self._network.is_cut(node):
            self.world.count("datagrams_lost")
            return
        phone = self._by_address[address]
        self._network.carry(phone, self._to_phone, phone, node, data)

    def _note_last(self, epoch: int, data: bytes) -> None:
        """A last NOTIFY ends the subscription, whether it arrives or not: if the sender has it."""
        found = LAST_NOTIFY.match(data)
        if found is None:
            return
        row = self.database.row_of(found[1])
        if row is None or self.database.is_mine(epoch, row.row):
            dialog = b";".join((found[3], found[2], found[1])).decode()
            self.world.count(f"ended_{found[4].decode()}")
            self.world.history.append(Ended(self.world.now, dialog, found[4].decode()))

    def _note_served(self, epoch: int, data: bytes) -> None:
        """A node has answered a SUBSCRIBE."""
        answer = wire.read_response(data)
        tag = answer.tag.decode()
        if answer.expires:
            self.world.history.append(Served(self.world.now, tag, answer.cseq, epoch))
        else:
            self.database.ended.add(tag)

    def _to_phone(self, phone: Phone, node: SimulatedNode, data: bytes) -> None:
        if data.startswith(b"SIP/2.0 503") and self._home[phone] is node:
            self._home[phone] = self._next(node)
        self._answers_to = node
        phone.receive(data)
        self._answers_to = None


class _Keeps:
    """Keeps what is logged."""

    def __init__(self, logged: list[structlog.typing.EventDict], world: World) -> None:
        self._logged = logged
        self._world = world

    def __call__(self, _: object, name: str, event: structlog.typing.EventDict) -> str:
        if event.get("exc_info"):
            self._logged.append({**event, "exc_info": sys.exc_info()[1]})
        self._world.note("log", name, event)
        raise structlog.DropEvent


def _uri(user: str) -> str:
    return f"sip:{user}@{DOMAIN}"
