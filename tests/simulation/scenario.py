"""One history: what is drawn from a seed, and how it is played."""

from collections.abc import Callable
from functools import cache
from math import inf
from typing import NamedTuple

from dfks_rules.model.identity import Aor
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.reading.source import Source
from tests.helpers.checker import Violation, check
from tests.helpers.history import Answered, Asked, Over, Quiet
from tests.simulation.acting import Acting
from tests.simulation.disk import HEALTHY, Disease, Disk
from tests.simulation.network import CALM, Network, Weather
from tests.simulation.phone import Phone
from tests.simulation.server import SimulatedServer
from tests.simulation.store import SimulatedStore
from tests.simulation.world import World

DOMAIN = "example.com"
MOST_PAIRS = 8
LAST = 5.0
"""Seconds in which faults strike, and phones ask for nothing new."""
_RULES = """\
  - id: {one}-to-{other}
    when: {{op: set, feature: CallForwardingAlways, user: {one}, origin: {{ne: internal}}}}
    then:
      also:
        - feature: CallForwardingAlways
          user: {other}
          status: request
          values: {{forwardTo: {{from: request.forwardTo}}}}
"""


@cache
def policies() -> PolicySet:
    """Whatever one of a pair forwards to, the other one does, too."""
    pairs = [(f"boss{n}", f"secretary{n}") for n in range(MOST_PAIRS)]
    rules = "".join(
        _RULES.format(one=one, other=other) for pair in pairs for one, other in (pair, pair[::-1])
    )
    head = "apiVersion: dfks/v1\nkind: Policy\nmetadata: {name: pairs}\nrules:\n"
    return load([Source("pairs.yaml", head + rules)])


class Plan(NamedTuple):
    """What a history is like."""

    phones: int
    pairs: int
    singles: int
    weather: Weather
    disease: Disease
    crashes: float
    """Mean seconds between two crashes; the same for the others."""
    aimed: float
    """Share of transactions after which a crash strikes at once."""
    stops: float
    cuts: float
    writers: float
    """Between two changes that somebody else makes in the store."""
    sets: float
    """Between two sets of one phone."""
    strangers: bool
    """Whether addresses have to be proved (docs/decisions/0015-proved-contacts.md)."""
    expires: int
    """Seconds for which phones subscribe."""
    length: float
    """Seconds until it is quiet."""
    bound: float
    """Seconds after that within which all are told."""


def draw(world: World) -> Plan:
    """A plan; most are small, since that is enough for most mistakes."""
    random = world.random
    phones = random.choice((2, 4, 4, 8, 8, 12, 20, 50))
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
    disease = Disease(
        delay=random.choice((0.002, 0.01, 0.1)),
        stalls=random.choice((0.0, 0.0, 0.05)),
        fails=random.choice((0.0, 0.0, 0.05)),
        unknown=random.choice((0.0, 0.0, 0.05)),
        forgets=random.choice((0.0, 0.0, 0.1)),
    )
    strangers = random.choice((True, False, False))
    # One sending of a NOTIFY or two may be all that an address gets until it is proved. Then its
    # phone has to refresh before it is told again.
    must_refresh = strangers and loss > 0.0
    is_hard = must_refresh or loss > 0.1 or cuts < inf
    return Plan(
        phones=phones,
        pairs=pairs,
        singles=max(0 if pairs else 1, users - 2 * pairs),
        weather=weather,
        disease=disease,
        crashes=random.choice((8.0, 20.0, 60.0)),
        aimed=random.choice((0.0, 0.01, 0.05)),
        stops=random.choice((inf, 30.0)),
        cuts=cuts,
        writers=random.choice((inf, inf, inf, 5.0)),
        sets=random.choice((4.0, 10.0, 20.0)),
        strangers=strangers,
        expires=random.choice((120, 600) if must_refresh or cuts < inf else (600, 3600, 3600)),
        length=random.choice((30.0, 60.0, 120.0)),
        bound=700.0 if is_hard else 20.0,
    )


class Game(Acting):
    """A history that is being played."""

    def __init__(
        self, seed: int, make_store: Callable[..., SimulatedStore] = SimulatedStore
    ) -> None:
        """Everything is there, and nothing has begun.

        Args:
            seed: says what happens.
            make_store: makes the store of each life of the server; mutants do it wrongly.
        """
        world = World(seed)
        self.plan = plan = draw(world)
        super().__init__(world, world.now + plan.length - LAST)
        self._network = Network(world, plan.weather)
        self.disk = Disk(world.token())
        self.server = SimulatedServer(world, self.disk, policies(), self._to_phone, make_store)
        self.server.disease = plan.disease
        users = [f"{who}{n}" for n in range(plan.pairs) for who in ("boss", "secretary")]
        pairs = zip(users[::2], users[1::2], strict=True)
        self._mirrors = [(_uri(one), _uri(other)) for one, other in pairs]
        self._singles = [f"single{n}" for n in range(plan.singles)]
        users += self._singles
        self._phones = [
            Phone(world, n, f"{users[n % len(users)]}@{DOMAIN}", self._to_server, plan.expires)
            for n in range(plan.phones)
        ]
        if not plan.strangers:
            self.server.known = [phone.source for phone in self._phones]
        self._by_address = {phone.source: phone for phone in self._phones}
        self.disk.written = self._aim

    def play(self) -> None:
        """From the beginning until all is over."""
        world, plan = self.world, self.plan
        self.server.start()
        for phone in self._phones:
            world.later(2.0 * world.random.random(), phone.begin)
            self._every(plan.sets, self._act, phone)
        self._every(plan.crashes, self._crash)
        self._every(plan.stops, self._stop)
        self._every(plan.cuts, self._cut)
        self._every(plan.writers, self._write)
        world.run(world.now + plan.length)
        self._calm_down()
        world.run(world.now + plan.bound + 15.0)
        world.history.append(Over(world.now))

    def violations(self) -> list[Violation]:
        """What should not have happened."""
        history = [*self.world.history, *self.disk.journal, *self.disk.held()]
        return check(history, mirrors=self._mirrors, bound=self.plan.bound)

    def _calm_down(self) -> None:
        """No more faults and sets; whoever is down comes back."""
        world = self.world
        self._is_quiet = True
        self._network.weather = CALM
        self._network.heal()
        self.server.fall_ill(HEALTHY)
        self.server.start()
        if self.plan.writers == inf:
            # Nobody tells a server that is the only one what somebody else has written.
            world.history.append(Quiet(world.now))

    # --- Faults ---

    def _aim(self) -> None:
        """Something was stored: perhaps this is the moment."""
        world = self.world
        if not self._is_quiet and world.random.random() < self.plan.aimed:
            world.later(0.03 * world.random.random() ** 2, self._crash)

    def _crash(self) -> None:
        if self.server.is_up and not self._is_quiet:
            self.world.count("crashes")
            self.server.crash()
            self._later_start()

    def _stop(self) -> None:
        if self.server.is_up:
            self.world.count("stops")
            self.server.stop()
            self._later_start()

    def _later_start(self) -> None:
        seconds = self.world.random.choice((0.01, 0.2, 0.2, 1.0, 1.0, 5.0, 5.0, 60.0))
        self.world.later(seconds, self.server.start)

    def _cut(self) -> None:
        phone = self.world.random.choice(self._phones)
        self._network.cut(phone, self.world.random.choice((5.0, 20.0, 60.0)))

    def _write(self) -> None:
        """Somebody else changes what is stored; not of a pair, whose rule he does not know."""
        if not self._singles:
            return
        world = self.world
        world.count("changes_by_others")
        user = world.random.choice(self._singles)
        [(feature, state)] = self._sets().items()
        request = f"other {self._values} {world.now}"
        world.history.append(Asked(world.now, request, _uri(user), {feature: state}))
        self.disk.set(Aor(user, DOMAIN), feature, state, world.now)
        world.history.append(Answered(world.now, request, 200))

    # --- The network between them ---

    def _to_server(self, phone: Phone, data: bytes) -> None:
        self._network.carry(phone, self.server.receive, data, phone.source)

    def _to_phone(self, address: tuple[str, int], data: bytes) -> None:
        phone = self._by_address[address]
        self._network.carry(phone, phone.receive, data)


def _uri(user: str) -> str:
    return f"sip:{user}@{DOMAIN}"
