"""The store of a server, and what begins and ends with it."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from dfks_rules.app.answers import answers_of
from dfks_rules.app.cluster.acting import Acting
from dfks_rules.app.cluster.node import Node, Served
from dfks_rules.app.cluster.operating import ClusterDesk
from dfks_rules.app.expiring import Expiring
from dfks_rules.app.lasting import Lasting
from dfks_rules.app.operations import Keeping
from dfks_rules.app.states import page_of
from dfks_rules.config.settings import Config, OnStop
from dfks_rules.model.afterwards import Afterwards
from dfks_rules.operations.answers import Answers
from dfks_rules.operations.ports import Readiness
from dfks_rules.presence import setup
from dfks_rules.presence.setup import ListenerAt
from dfks_rules.presence.standing import Standing, Stands
from dfks_rules.service.features import Features
from dfks_rules.sip.flow import Listener
from dfks_rules.store.memory import MemoryStore
from dfks_rules.store.open import open_store
from dfks_rules.store.postgres.store import PostgresStore
from dfks_rules.store.sqlite import SqliteStore

_READINESS = {Standing.SERVING: Readiness.OK, Standing.DRAINING: Readiness.DRAINING}


class Storage:
    """Where states are kept, and subscriptions where the store lasts."""

    def __init__(self, config: Config, start: str, node: Node | None = None) -> None:
        """Open the store.

        Args:
            config: every setting.
            start: what the ids of decisions begin with.
            node: what has joined a cluster; None where the settings name none.

        Raises:
            StoreError: it cannot be opened.
        """
        loop = asyncio.get_running_loop()
        self.node = node
        """The node of a cluster that this is; None where the store is its own."""
        self.desk = None if node is None else ClusterDesk(node)
        """What operators see of the cluster."""
        self.afterwards = Afterwards(loop.call_soon)
        """Has commits begin, and what they lead to sent, without another turn of the loop."""
        self.store: MemoryStore | SqliteStore | PostgresStore
        """Keeps the states."""
        if node is not None:
            self.store = node.store
        else:
            where = "memory:" if config.store is None else f"sqlite:{config.store}"
            self.store = open_store(
                where, loop, start, config.journal.keep, config.store_group, self.afterwards
            )
        self.lasts = self.store if isinstance(self.store, SqliteStore) else None
        """The same where it is a file; None where it is none."""
        self.lasting = None if self.lasts is None else Lasting(self.lasts, loop)
        """What begins and ends with a file."""
        outlives = self.lasts is not None or node is not None
        self.keeps = outlives and config.on_stop is OnStop.KEEP
        """Whether subscriptions go on after a stop."""

    @property
    def tells(self) -> bool:
        """Whether there is a journal of changes."""
        return not isinstance(self.store, MemoryStore)

    def expiring(self, features: Features, at: Callable[[], datetime]) -> Expiring:
        """What switches off what has expired.

        Args:
            features: asks the policies.
            at: gives local time.
        """
        if self.node is not None:
            store, member = self.node.store, self.node.member
            acts = Acting(self.node.engine, member.epoch)
            return Expiring(features, store.deadlines, at, acts)
        assert not isinstance(self.store, PostgresStore)  # noqa: S101 - a node has that
        return Expiring(features, self.store, at)

    @property
    def secret(self) -> bytes | None:
        """The same in all lives of the server, and on all nodes; None where nothing lasts."""
        return None if isinstance(self.store, MemoryStore) else self.store.secret

    @property
    def lived_until(self) -> float | None:
        """When the life before was last known to live, seconds since 1970; None: nobody knows."""
        beat = None if self.lasting is None else self.lasting.previous
        return None if beat is None else beat.at

    @property
    def standing(self) -> Stands | None:
        """How far the server may serve at a moment; None: always."""
        return None if self.node is None else self.node.standing

    def for_phones(
        self, listener_at: ListenerAt, first: Callable[[str], Listener | None]
    ) -> setup.Keeping | None:
        """How subscriptions are kept; None where they are not.

        Args:
            listener_at: finds a listener.
            first: gives the first one of a transport.
        """
        if self.node is not None:
            return self.node.keeping(listener_at, first)
        return None if self.lasting is None else self.lasting.keeping(listener_at)

    def for_operators(self, at: Callable[[], datetime]) -> Keeping:
        """What operators can read of what is kept; `at` gives the time."""
        answers, store = answers_of(self.lasts, at), self.store
        if isinstance(store, MemoryStore):
            in_memory = store.page
            return Keeping(
                lambda *asked: asyncio.to_thread(in_memory, *asked), lambda: False, answers
            )
        if isinstance(store, PostgresStore):
            return self._shared(store, answers)
        page = partial(page_of, store)
        return Keeping(page, lambda: store.is_failing, answers, store.journal)

    @property
    def is_failing(self) -> bool:
        """Whether what is asked for now would probably not be stored."""
        return not isinstance(self.store, MemoryStore) and self.store.is_failing

    def _shared(self, store: PostgresStore, answers: Answers) -> Keeping:
        node, desk = self.node, self.desk
        assert node is not None  # noqa: S101 - it has the store
        return Keeping(
            store.page,
            lambda: store.is_failing,
            answers if node.shared is None else node.shared.answers,
            store.journal,
            node.rollouts,
            desk,
            lambda: _READINESS.get(node.standing_now, Readiness.FAILING),
        )

    def begin(self, served: Served) -> None:
        """Go on where the life before has ended, or keep in step with other nodes."""
        if self.node is not None:
            self.node.begin(served)
        if self.lasting is not None:
            self.lasting.begin(served.notifier, served.wake)

    async def settled(self) -> None:
        """Wait until everything that was asked of it is settled."""
        if self.node is not None:
            await self.node.settled()
        if self.lasting is not None:
            await self.lasting.settled()

    async def close(self) -> None:
        """Note that this life has ended, and close the store."""
        if self.node is not None:
            await self.node.end()
            return
        if self.lasting is not None:
            self.lasting.end()
        if not isinstance(self.store, PostgresStore):
            self.store.close()
