"""One life of a node: the engine, the store, the feed and the notifier, put together."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import NamedTuple

import structlog

from dfks_rules import __version__
from dfks_rules.app.cluster.acting import ActingWebhooks, oldest_of
from dfks_rules.app.cluster.following import Following
from dfks_rules.app.cluster.member import Hooks, Itself, Member
from dfks_rules.app.cluster.passing import Passing, Tap
from dfks_rules.app.cluster.policies import Desk, Policies
from dfks_rules.app.cluster.rollouts import EngineRollouts
from dfks_rules.app.cluster.taking import TakingOver
from dfks_rules.config.cluster import ClusterSettings
from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.setup import Keeping, ListenerAt
from dfks_rules.presence.standing import Standing
from dfks_rules.service.features import Features
from dfks_rules.sip.flow import Listener
from dfks_rules.store.postgres.engine import PostgresEngine, Shared
from dfks_rules.store.postgres.ports import Changed, Claimed, Engine, Moved, Report
from dfks_rules.store.postgres.store import PostgresStore
from dfks_rules.webhooks.service import WebhookService

LISTEN_EVERY = 5.0
"""Seconds between two looks whether hints are still heard."""
PURGE_EVERY = 60.0
"""Seconds between two purges, by one node for all."""
FEED_KEPT = 600.0
"""Seconds that a change stays, however short the journal may be: whoever takes phones over looks
for what has changed since shortly before their node fell silent, also after an outage."""
PURGED_AT_ONCE = 10_000
"""Changes that one purge removes at most; a full one is followed by the next at once."""

_log = structlog.get_logger("dfks.cluster")


class Served(NamedTuple):
    """What the node keeps in step with the others."""

    notifier: Notifier
    features: Features
    at: Callable[[], datetime]
    """Gives local time, for the policies."""
    wake: Callable[[], None]
    """Called when the notifier may have something to do."""
    policies: Callable[[], str]
    """Gives the revision of the active policies."""
    buried: Callable[[], None]
    """Called once when this life is over, though the process is not."""
    desk: Desk | None = None
    """Has the policies that are kept in step; None: they are left alone."""


class Node:
    """One life of a node; made inside a running event loop."""

    def __init__(
        self,
        engine: Engine,
        member: Member,
        start: str,
        keep_changes: float,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """It has joined, and serves nobody yet.

        Args:
            engine: what the nodes share.
            member: its life there.
            start: what ids of its decisions begin with.
            keep_changes: how long changes stay in the journal, s.
            wall: gives what the clock of the machine says, seconds since 1970.
        """
        self._wall = wall
        self.engine = engine
        self.member = member
        self.start = start
        """What ids of its decisions begin with."""
        self._loop = asyncio.get_running_loop()
        self._keep_changes = keep_changes
        self.store = PostgresStore(engine, member.joined, self._loop, start)
        """Keeps states and subscriptions."""
        self._following = Following(engine, member.joined.newest, self)
        self.rollouts = EngineRollouts(engine)
        """What operators can do with the policies of all nodes."""
        self._taking: TakingOver | None = None
        self._policies: Policies | None = None
        self._served: Served | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._is_hinting = False
        """Whether there is something that was not hinted at."""
        self._hinting: asyncio.Task[None] | None = None
        self._newest: dict[Aor, Snapshot] = {}
        """What the feed has said last of presentities, while it waits for own commits."""
        self._heard = member.joined.newest
        self.shared: Shared | None = None
        """What nodes keep besides; None where that is not shared."""
        self.on_heard: Callable[[], None] = _nothing
        """Told when the feed has something new: what nodes have changed."""

    @classmethod
    async def open(cls, settings: ClusterSettings, start: str, keep_changes: float) -> "Node":
        """Join the others.

        Args:
            settings: of the cluster.
            start: what ids of its decisions begin with.
            keep_changes: how long changes stay in the journal, s.

        Raises:
            StoreError: the database cannot be used.
        """
        engine = PostgresEngine(settings.url, settings.name)
        try:
            await engine.check()
            itself = Itself(settings.name, __version__, settings.lease, settings.grace)
            member = await Member.join(engine, itself, time.time)
            await cls._check_again(engine, member)
        except BaseException:
            await engine.close()
            raise
        node = cls(engine, member, start, keep_changes)
        node.shared = engine.shared(member.epoch)
        return node

    @staticmethod
    async def _check_again(engine: PostgresEngine, member: Member) -> None:
        """Leave if somebody has migrated since the first look: a migration spares living nodes
        only.
        """
        try:
            await engine.check()
        except StoreError:
            await member.end(is_clean=True)
            raise

    def webhooks(
        self, make: Callable[[Shared], WebhookService], tap: Tap, name: str
    ) -> ActingWebhooks:
        """Webhooks, told by one node for all.

        Args:
            make: makes the service of what keeps them.
            tap: gives what happens here and is in no journal.
            name: what names all nodes, in ids of events.
        """
        shared = self.shared
        assert shared is not None  # noqa: S101 - `open` gave it
        passing = Passing(shared.events, tap, name)
        make_own = partial(make, shared)
        return ActingWebhooks(self.engine, self.member.epoch, shared.webhooks, make_own, passing)

    @property
    def counts(self) -> Mapping[str, int]:
        """What the rooms of the cluster count."""
        taken = {} if self._taking is None else self._taking.counts
        policies = {} if self._policies is None else self._policies.counts
        return {**self.member.counts, **self._following.counts, **taken, **policies}

    @property
    def policy_skew(self) -> float:
        """How long living nodes have had different policies, s."""
        return 0.0 if self._policies is None else self._policies.skew

    @property
    def position(self) -> int:
        """Number of the change up to which the feed is known here."""
        return self._following.position

    @property
    def lag(self) -> int:
        """Changes that are known to be stored, and were not read from the feed yet."""
        return max(0, self.store.durable() - self.position)

    @property
    def standing_now(self) -> Standing:
        """How far the node may serve."""
        return self.standing(self._loop.time())

    @property
    def feed_age(self) -> float:
        """Seconds since the feed was read to its end."""
        return self._loop.time() - self._following.at

    @property
    def lease_left(self) -> float:
        """Seconds until the node must not believe any more that its phones are its own."""
        return self.member.lease.left(self._loop.time())

    def clock(self) -> float:
        """What the engine's clock says, seconds since 1970."""
        return self.member.clock + self._loop.time()

    def standing(self, now: float) -> Standing:
        """How far the node may serve."""
        return self.member.standing(now)

    def keeping(self, listener_at: ListenerAt, first: Callable[[str], Listener | None]) -> Keeping:
        """How subscriptions are kept.

        Args:
            listener_at: finds a listener of this node.
            first: gives the first one of a transport: what another node has made came by one of
                its own.
        """

        def nearest(transport: str, host: str, port: int) -> Listener | None:
            return listener_at(transport, host, port) or first(transport)

        return Keeping(self.store, self.member.clock, nearest)

    def begin(self, served: Served) -> None:
        """Keep in step with the others from now on."""
        self._served = served
        self._taking = TakingOver(
            self.engine, self.store, served.notifier, self._following.caught_up, served.wake
        )
        self.store.on_lost = self._lost
        self.store.on_fenced = self._fenced
        self.store.on_changed = self._hint
        self.member.begin(Hooks(self._report, self._claimed, self._fenced), self._wall)
        self._following.begin()
        if served.desk is not None:
            self._policies = Policies(self.engine, self.member.epoch, served.desk)
            self._policies.begin()
        self._tasks = [
            self._loop.create_task(self._listen()),
            self._loop.create_task(self._purge()),
        ]

    async def settled(self) -> None:
        """Wait until all that was asked of the store until now is settled."""
        await self.store.settled()

    async def end(self) -> None:
        """End this life: what is under way is settled, then the others take over."""
        for task in (*self._tasks, self._hinting):
            if task is not None:
                task.cancel()
        self._following.end()
        if self._taking is not None:
            self._taking.end()
        if self._policies is not None:
            self._policies.end()
        is_clean = not self.member.lease.is_buried
        try:
            async with asyncio.timeout(5.0):
                await self.store.settled()
        except TimeoutError:
            is_clean = False
        # What is learned now nobody is told any more.
        is_clean = is_clean and not self._newest and not self.store.is_failing
        await self.member.end(is_clean=is_clean, heard=self.position)
        await self.store.close()

    # --- What the others have done; see `following.Learns` ---

    def changed(self, changes: list[Changed], now: float) -> None:
        """Other nodes have changed this, or this one."""
        served = self._served
        if served is None:
            return
        for one in changes:
            if one.epoch != self.member.epoch:
                served.features.learned(one.entry.presentity, one.entry.origin, now)
            self._learn(one, served)

    def _learn(self, one: Changed, served: Served) -> None:
        entry, tells = one.entry, one.tells
        presentity = entry.presentity
        hidden = None if tells else (entry.feature, entry.after)

        self._newest[presentity] = one.snapshot

        def learn() -> None:
            # Whoever watches since then must not be told anything older.
            snapshot = self._newest.pop(presentity, one.snapshot)
            news = self.store.learned(presentity, snapshot, hidden)
            served.features.changed_elsewhere(presentity)
            if news is not None:
                # Perhaps seconds later: an own commit was under way.
                at, now = served.at(), self._loop.time()
                served.notifier.learned(presentity, *news, tells=tells, at=at, now=now)
                served.wake()

        self.store.when_settled(presentity, learn)

    def moved(self, moved: Moved, now: float) -> None:
        """A node has adopted a dialog."""
        served = self._served
        if moved.epoch == self.member.epoch:
            if self._taking is not None:
                self._taking.adopted(moved.tag)
        elif served is not None:
            served.notifier.lose(moved.tag, moved.row, now)
            served.wake()

    def missed(self, _now: float) -> None:
        """A part of the feed is gone: nobody knows who has not been told. A new life begins with
        what is stored, and tells whoever watches what may have changed.
        """
        self._fenced()

    def read(self, last: int) -> None:
        """All up to this number is known."""
        self.store.heard(last)
        if last > self._heard:
            self._heard = last
            self.on_heard()
        if self._served is not None:
            # Rows that were taken over, and dialogs that were adopted, are no message either.
            self._served.wake()

    # --- What happens to this node ---

    def _report(self, skew: float) -> Report:
        served = self._served
        if served is None:
            return Report("", self.position, skew, 0)
        subscriptions = len(served.notifier.subscriptions)
        return Report(served.policies(), self.position, skew, subscriptions)

    def _claimed(self, claimed: Sequence[Claimed]) -> None:
        if self._taking is not None:
            self._taking.begin(claimed)

    def _lost(self, rows: Sequence[int]) -> None:
        served = self._served
        if served is not None:
            served.notifier.lost(rows, self._loop.time())
            served.wake()

    def _fenced(self) -> None:
        self.member.lease.buried()
        self._following.end()
        served = self._served
        if served is not None:
            self._served = None
            try:
                served.notifier.forget_all(self._loop.time())
            finally:
                # Whatever that ran into: nobody else begins another life.
                served.buried()

    # --- Hints, and what one node does for all ---

    def _hint(self) -> None:
        """Tell the others that there is something new; several at once are one."""
        self._is_hinting = True
        if self._hinting is None:
            self._hinting = self._loop.create_task(self._send_hint())

    async def _send_hint(self) -> None:
        try:
            while self._is_hinting:
                self._is_hinting = False
                with suppress(StoreError):  # They look by themselves, too.
                    await self.engine.hint()
        finally:
            self._hinting = None

    async def _listen(self) -> None:
        while True:
            with suppress(StoreError):  # Hints only save a tenth of a second.
                await self.engine.listen(self._following.hint)
            await asyncio.sleep(LISTEN_EVERY)

    async def _purge(self) -> None:
        while True:
            await asyncio.sleep(PURGE_EVERY)
            try:
                while await self._purge_once() == PURGED_AT_ONCE:
                    pass
            except StoreError as error:
                _log.warning("cluster_purge_failed", reason=error.message)

    async def _purge_once(self) -> int:
        """Purge if this node acts for all; how many changes were removed."""
        oldest = oldest_of(await self.engine.nodes())
        if oldest is None or oldest.epoch != self.member.epoch:
            return 0
        older_than = self.clock() - max(self._keep_changes, FEED_KEPT)
        return await self.engine.purge(older_than, PURGED_AT_ONCE)


def _nothing() -> None:
    """Nobody wants to know."""
