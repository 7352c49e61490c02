"""The server, as `app.server` wires it, without its sockets; crashes and restarts."""

import hashlib
import re
from collections.abc import Callable, Sequence
from math import inf
from typing import Protocol

from dfks_rules.app.driver import Driver, Loop
from dfks_rules.presence.claim import UNSURE, Before, Claim
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.package import Limits
from dfks_rules.presence.rows import written_at
from dfks_rules.presence.setup import Keeping, Setup
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Feed
from dfks_rules.service.ports import Policies
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow, Listener
from tests.helpers.history import Ended
from tests.simulation.disk import Disease, Disk
from tests.simulation.store import SimulatedStore
from tests.simulation.world import WALL, Call, World

BEAT = 5.0
"""Seconds between two heartbeats."""
PORTION = 4
"""Rows that are read at a time; few, so that much happens while they are."""
LISTENER = Listener("udp", "192.0.2.1", 5060)
LAST_NOTIFY = re.compile(
    rb"NOTIFY .*?;tag=([^\r\n;]+)\r\nTo: [^\r\n]*;tag=([^\r\n;]+)\r\nCall-ID: ([^\r\n]*)\r\n"
    rb".*?Subscription-State: terminated;reason=(\w+)",
    re.DOTALL,
)
Send = Callable[[tuple[str, int], bytes], None]


class MakesStore(Protocol):
    """What makes the store of a new life; mutants do it differently."""

    def __call__(self, world: World, disk: Disk, disease: Disease, /) -> SimulatedStore:
        """The store, which has begun a new life."""
        ...


def simulated_driver(loop: Loop, endpoint: Endpoint[Subscription], notifier: Notifier) -> Driver:
    """A driver whose mistakes end the run."""
    driver = Driver(loop, endpoint, notifier)
    driver.failed = _raise_again
    return driver


def _raise_again(_doing: str) -> None:
    raise


class _Life:
    """From one start of the process to its end."""

    def __init__(self, world: World, store: SimulatedStore, policies: Policies, send: Send) -> None:
        self._world = world
        self._send_on = send
        self.store = store
        self.is_over = False
        self._is_beating = False
        self._claim: Claim | None = None
        tag_of = tags(store.secret)
        endpoint: Endpoint[Subscription] = Endpoint(self._send, tag_of)
        feed = Feed()
        features = Features(store, policies, feed)
        keeping = Keeping(store, WALL, lambda _transport, _host, _port: LISTENER)
        setup = Setup(Limits(min_expires=1), world.token, tag_of, keeping=keeping)
        self.notifier = Notifier(endpoint, features, feed, setup)
        self.driver = simulated_driver(_Loop(world, self), endpoint, self.notifier)

    def restore(self) -> None:
        """Take over what the lives before have left.

        What is so new that its SUBSCRIBE may come again is there before anything is served.
        """
        now, previous = self._world.now, self.store.previous
        since = previous.at - UNSURE
        changed = frozenset() if previous.is_clean else self.store.changed_since(since)
        before = Before(previous.at, is_clean=previous.is_clean, changed=changed)
        self._claim = self.notifier.restore(before, now)
        lowest = 2**62
        while lowest:
            lowest, oldest = self._load(lowest)
            if oldest < previous.at - UNSURE:
                break
        self._load_on(lowest)
        self.driver.was_sent()

    def _load(self, below: int) -> tuple[int, float]:
        """Take a portion; its lowest number, 0 at the end, and when that row was written."""
        rows = self.store.read(below, PORTION)
        self.notifier.take(self._claim, rows, self._world.now)
        if not rows:
            self.notifier.loaded(self._claim)
            # Not before: if this life ends meanwhile, the next one has to tell what it had to.
            self._beat()
            return 0, inf
        return rows[-1].row, written_at(rows[-1].flags)

    def _load_on(self, below: int) -> None:
        """Take the rest while phones are served."""
        if below and not self.is_over:
            below, _ = self._load(below)
            self.driver.was_sent()
            self._world.later(0.2 * self._world.random.random(), self._load_on, below)

    def _beat(self) -> None:
        if not self.is_over:
            self._is_beating = True
            self.store.beat()
            self._world.later(BEAT, self._beat)

    def stop(self) -> None:
        """End as planned: what is under way is settled, then everything is written."""
        self.store.settle()
        self.notifier.rest(self._world.now)
        self.store.close()
        if self._is_beating:
            self.store.beat(is_clean=True)
        self.is_over = True

    def _send(self, flow: Flow, data: bytes) -> None:
        if self.is_over:
            return
        if data.startswith(b"NOTIFY"):
            self._note_last(data)
        self._send_on(flow.remote, data)
        self.driver.was_sent()

    def _note_last(self, data: bytes) -> None:
        """A last NOTIFY ends the subscription, whether it arrives or not."""
        found = LAST_NOTIFY.match(data)
        if found is not None:
            dialog = b";".join((found[3], found[2], found[1])).decode()
            self._world.count(f"ended_{found[4].decode()}")
            self._world.history.append(Ended(self._world.now, dialog, found[4].decode()))


class SimulatedServer:
    """One server: it is up, or down, and is started again."""

    def __init__(
        self,
        world: World,
        disk: Disk,
        policies: Policies,
        send: Send,
        make_store: MakesStore = SimulatedStore,
    ) -> None:
        """It is down.

        Args:
            world: the time, and the chance.
            disk: what its lives leave to one another.
            policies: what decides.
            send: takes a datagram to an address.
            make_store: makes the store of each life.
        """
        self._world = world
        self._disk = disk
        self._policies = policies
        self._send = send
        self._make_store = make_store
        self._life: _Life | None = None
        self.known: Sequence[tuple[str, int]] = ()
        """Addresses that are known to want NOTIFYs."""
        self.disease = Disease()
        """What is wrong with the disk."""

    @property
    def is_up(self) -> bool:
        """Whether there is a process."""
        return self._life is not None

    @property
    def store(self) -> SimulatedStore:
        """That of this life; it is up."""
        assert self._life is not None
        return self._life.store

    def fall_ill(self, disease: Disease) -> None:
        """The disk gets worse, or better, from now on."""
        self.disease = disease
        if self._life is not None:
            self._life.store.fall_ill(disease)

    def start(self) -> None:
        """Begin a life, unless there is one."""
        if self._life is None:
            store = self._make_store(self._world, self._disk, self.disease)
            self._life = _Life(self._world, store, self._policies, self._send)
            for address in self.known:
                self._life.notifier.guard.contacts.add(Flow(LISTENER, address))
            self._world.note("start", store.term)
            self._life.restore()

    def crash(self) -> None:
        """Kill -9."""
        self._world.note("crash")
        assert self._life is not None
        self._life.is_over = True
        self._life.store.crash()
        self._life = None

    def stop(self) -> None:
        """A planned stop."""
        self._world.note("stop")
        assert self._life is not None
        self._life.stop()
        self._life = None

    def receive(self, data: bytes, source: tuple[str, int]) -> None:
        """Take a datagram; nobody does while it is down."""
        if self._life is None:
            self._world.count("datagrams_to_nobody")
        else:
            self._life.driver.receive(data, Flow(LISTENER, source))


class _Loop:
    """The time of one life: what is due after its end does not happen."""

    def __init__(self, world: World, life: _Life) -> None:
        self._world = world
        self._life = life

    def time(self) -> float:
        """Monotonic seconds."""
        return self._world.now

    def call_at(self, when: float, callback: Callable[[], object], /) -> Call:
        """Call once, at that time."""
        return self._world.call_at(when, self._call, callback)

    def _call(self, callback: Callable[[], object]) -> None:
        if not self._life.is_over:
            callback()


def tags(secret: bytes) -> Callable[[bytes], bytes]:
    """What makes tags: the same one for the same text, in all lives."""

    def tag_of(text: bytes) -> bytes:
        return hashlib.blake2b(text, key=secret, digest_size=8).hexdigest().encode()

    return tag_of
