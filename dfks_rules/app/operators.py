"""What serves operators: their doors, and all that can be asked through them, wired."""

import asyncio
import time
from collections.abc import Callable
from socket import socket

from dfks_rules.app.cluster.acting import ActingWebhooks
from dfks_rules.app.cluster.showing import add_cluster
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.doors import Doors, web_settings_of
from dfks_rules.app.exposition import rooms
from dfks_rules.app.exposition.exposition import Exposition
from dfks_rules.app.imports.jobs import IMPORT_RATE, Jobs
from dfks_rules.app.imports.keeping import Kept, SqliteImports
from dfks_rules.app.imports.spool import PassingSpool, Spool
from dfks_rules.app.lateness import Lateness
from dfks_rules.app.metrics import Metrics
from dfks_rules.app.operations import Records, ServerOperations
from dfks_rules.app.phones import Phones
from dfks_rules.app.records.current import Current
from dfks_rules.app.records.events import EventRing
from dfks_rules.app.storage import Storage
from dfks_rules.app.webhooks import node_of, webhooks_of
from dfks_rules.app.worker.worker import Worker
from dfks_rules.config.settings import Config
from dfks_rules.mi.dispatch import Dispatcher
from dfks_rules.mi.methods import REGISTRY
from dfks_rules.operations.webhooks import Webhooks
from dfks_rules.store.memory import MemoryStore
from dfks_rules.store.webhooks import WebhookTables
from dfks_rules.tracing.tracing import Tracing
from dfks_rules.transport.inherited import Inherited
from dfks_rules.web.api import TABLE
from dfks_rules.web.server import WebServer
from dfks_rules.webhooks.service import WebhookService


class Operators:
    """The side of a server that operators see."""

    def __init__(
        self,
        config: Config,
        policies: PolicyReloader,
        storage: Storage,
        phones: Phones,
        metrics: Metrics,
        start: str,
    ) -> None:
        """Wire the rooms.

        Args:
            config: every setting.
            policies: those in force.
            storage: where states are kept.
            phones: the other side of the server.
            metrics: what is counted for operators is added.
            start: what the ids of decisions begin with.
        """
        self._config = config
        self._phones = phones
        self._metrics = metrics
        self._exposition = Exposition(lambda number: f"{start}-{number}")
        self._lateness = Lateness(asyncio.get_running_loop(), phones.driver.is_idle)
        rooms.add_server(self._exposition, phones.driver, self._lateness.late)
        phones.show_in(self._exposition)
        node = storage.node
        if node is not None:
            rooms.add_policy_skew(self._exposition, lambda: node.policy_skew)
        self._tracing = self._traces(phones, start)
        self._told = _Told(storage, phones, config, start) if storage.tells else None
        if self._told is not None:
            self._told.count_in(metrics, self._exposition)
            policies.tell = self._told.events.publish
        self._worker = Worker(policies.files_of)
        metrics.include("worker", self._worker)
        operations = self._operations(policies, storage, phones)
        self._imports = None
        if storage.lasts is not None and config.store is not None:
            rooms.add_store(self._exposition, storage.lasts, config.store)
            kept = SqliteImports(storage.lasts)
            self._imports = self._jobs(kept, Spool(config.store), operations, phones)
        elif node is not None and node.shared is not None:
            self._imports = self._jobs(node.shared.imports, PassingSpool(), operations, phones)
        self._desk = storage.desk
        if storage.node is not None and storage.desk is not None:
            add_cluster(self._exposition, storage.node, storage.desk, phones.notifier)
            rooms.add_commits(self._exposition, storage.node.store, rooms.DATABASE)
        web = WebServer(web_settings_of(config.http), TABLE, operations)
        metrics.include("web", web)
        rooms.add_web(self._exposition, web)
        self._doors = Doors(config.mi, Dispatcher(REGISTRY, operations), config.http, web)

    def _traces(self, phones: Phones, start: str) -> Tracing:
        tracing = Tracing(phones.observe, time.time, start, self._config.trace)
        self._metrics.include("trace", tracing)
        rooms.add_tracing(self._exposition, tracing)
        return tracing

    def _operations(
        self, policies: PolicyReloader, storage: Storage, phones: Phones
    ) -> ServerOperations:
        recording, told, at = phones.recording, self._told, phones.driver.at
        records = Records(
            recording.log,
            recording.decisions,
            self._metrics,
            self._exposition,
            None if told is None else told.events,
            None if told is None else told.for_operators,
        )
        operations = ServerOperations(
            phones.features,
            phones.notifier,
            records,
            policies,
            at,
            storage.for_operators(at),
            self._worker,
        )
        operations.traces = self._tracing
        return operations

    def _jobs(self, kept: Kept, spool: Spool, operations: ServerOperations, phones: Phones) -> Jobs:
        http = self._config.http
        rate = IMPORT_RATE if http is None else http.import_rate
        jobs = Jobs(kept, spool, operations, rate, phones.driver.at)
        operations.jobs = jobs
        self._metrics.include("imports", jobs)
        return jobs

    async def open(self, inherited: Inherited, *, takes_over: bool) -> None:
        """Serve operators.

        Args:
            inherited: sockets to take in place of new ones.
            takes_over: whether another server has left its files.

        Raises:
            OSError: an address cannot be listened on; call `shut` also then.
        """
        self._tracing.open()
        if self._told is not None and self._told.webhooks is not None:
            self._told.webhooks.begin()
        await self._doors.open(inherited, takes_over=takes_over)
        if self._imports is not None:
            self._imports.start()
        if self._config.http is not None:
            # Else nobody asks.
            self._phones.driver.stirred = self._lateness.wake
            if self._desk is not None:
                self._desk.begin()

    def addresses(self) -> list[str]:
        """Where the doors are, as an operator would write it."""
        return self._doors.addresses()

    def sockets(self) -> list[tuple[str, socket]]:
        """What whoever serves next has to be given, each with a name."""
        return self._doors.sockets()

    async def leave(self) -> None:
        """Let nobody in any more; the doors stay for the server that comes next."""
        self._tracing.end()
        await self._doors.leave()
        await self._rest()

    async def shut(self, *, leaves: bool) -> None:
        """Let nobody in any more; `leaves`: but let files stay for the server that comes next."""
        self._tracing.end()
        await self._doors.close(leaves=leaves)
        await self._rest()

    async def _rest(self) -> None:
        """Begin no more rows of imports; the next server goes on with them."""
        if self._imports is not None:
            await self._imports.stop()

    async def end(self) -> None:
        """End what works by itself, before the store is closed."""
        await self._worker.close()
        self._lateness.end()
        if self._desk is not None:
            self._desk.end()
        if self._told is not None and self._told.webhooks is not None:
            await self._told.webhooks.end()

    async def close(self) -> None:
        """Export the rest of what was traced."""
        await self._tracing.close()


class _Told:
    """Who is told what happens, where it is kept in a journal."""

    def __init__(self, storage: Storage, phones: Phones, config: Config, start: str) -> None:
        features, feed, store = phones.features, phones.recording.feed, storage.store
        assert not isinstance(store, MemoryStore)  # noqa: S101 - `Storage.tells`
        self.events = EventRing(store.journal, store.durable, Current(features), start)
        self.events.watch(phones.notifier.subscriptions, phones.driver.at)
        feed.listen_to_sets(self.events.hear)
        current = Current(features)
        self.webhooks: WebhookService | ActingWebhooks | None = None
        if storage.lasts is not None:
            kept = WebhookTables(storage.lasts), storage.lasts
            self.webhooks = webhooks_of(config.webhooks, kept, current, self.events)
        elif (node := storage.node) is not None:
            self.webhooks = node.webhooks(
                lambda shared: webhooks_of(
                    config.webhooks,
                    (shared.webhooks, node.store),
                    current,
                    self.events,
                    shared.events,
                ),
                self.events.tap,
                node_of(node.store.secret),
            )
            node.on_heard = self._heard
        if self.webhooks is not None:
            feed.listen_to_sets(self.webhooks.hear)

    @property
    def for_operators(self) -> Callable[[], Webhooks] | None:
        """Gives what they can do with webhooks; None where there are none."""
        webhooks = self.webhooks
        if isinstance(webhooks, ActingWebhooks):
            return lambda: webhooks.service
        return None if webhooks is None else lambda: webhooks

    def _heard(self) -> None:
        """Another node may have changed something."""
        self.events.heard()
        if self.webhooks is not None:
            self.webhooks.heard()

    def count_in(self, metrics: Metrics, exposition: Exposition) -> None:
        metrics.include("events", self.events)
        rooms.add_events(exposition, self.events)
        if self.webhooks is not None:
            metrics.include("webhooks", self.webhooks)
            rooms.add_webhooks(exposition, self.webhooks)
