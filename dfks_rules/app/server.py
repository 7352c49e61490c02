"""One server: the rooms wired together, and driven by the event loop."""

import asyncio
import gc
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from socket import socket
from typing import NamedTuple

from dfks_rules.app.answers import answers_of
from dfks_rules.app.desk.certificates import CertificateReloader
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.doors import Doors
from dfks_rules.app.driver import BREATH, Driver
from dfks_rules.app.exposition import rooms
from dfks_rules.app.exposition.exposition import Exposition
from dfks_rules.app.imports.jobs import IMPORT_RATE, Jobs
from dfks_rules.app.imports.spool import Spool
from dfks_rules.app.lasting import Lasting
from dfks_rules.app.lateness import Lateness
from dfks_rules.app.metrics import Counted, Metrics
from dfks_rules.app.operations import Keeping, Records, ServerOperations
from dfks_rules.app.profiles import ProfilesFile
from dfks_rules.app.records.events import EventRing
from dfks_rules.app.records.recording import Recording
from dfks_rules.app.records.refusals import Refusals
from dfks_rules.app.states import page_of
from dfks_rules.app.tokens import Tokens
from dfks_rules.app.users import UsersFile
from dfks_rules.app.webhooks import webhooks_of
from dfks_rules.app.worker.worker import Worker
from dfks_rules.config.auth import AuthMode, AuthSettings
from dfks_rules.config.settings import ApiSettings, Config, ListenAddress, OnStop
from dfks_rules.mi.dispatch import Dispatcher
from dfks_rules.mi.methods import REGISTRY
from dfks_rules.operations.answers import Answers
from dfks_rules.presence.gate import DigestRules, Gate, Trusted
from dfks_rules.presence.logins import Logins
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.profile import Profiles
from dfks_rules.presence.setup import Setup
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.features import Features
from dfks_rules.sip.digest_client import Secret
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.store.memory import MemoryStore
from dfks_rules.store.open import open_store
from dfks_rules.store.sqlite import SqliteStore
from dfks_rules.tracing.tracing import Tracing
from dfks_rules.transport.inherited import Inherited
from dfks_rules.transport.limits import SourceLimits
from dfks_rules.transport.resolver import Resolver
from dfks_rules.transport.transports import Transports
from dfks_rules.web.api import TABLE
from dfks_rules.web.server import WebServer, WebSettings
from dfks_rules.web.tls import TlsFiles
from dfks_rules.web.tokens import TokenFile
from dfks_rules.webhooks.service import WebhookService

FINISH_WITHIN = 5.0
"""Seconds that what was read has to be worked on before another server goes on."""


def _quieten_collector() -> None:
    """Have the collector of reference cycles look rarely.

    No request makes a cycle; reloads and broken connections do. What is looked at is mostly what
    lives for a while (transactions, subscriptions, kept decisions): to look often costs 7 % of the
    server, and finds nothing. What is there now stays, and is never looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(500_000, 50, 100)


def _listened(address: ListenAddress, listener: Listener) -> str:
    """A wildcard as one: an operator must see that every address of the machine is served."""
    is_wildcard = address.host in ("0.0.0.0", "::")  # noqa: S104
    return str(address._replace(port=listener.port) if is_wildcard else listener)


def _gate_of(auth: AuthSettings, users: UsersFile | None, profiles: Profiles) -> Gate | None:
    """What finds out who phones are; None where From is believed."""
    if auth.mode is AuthMode.NONE:
        return None
    digest = None
    if users is not None and auth.realm is not None:
        # Not the store's secret: which counts of a nonce were used is forgotten with the process.
        digest = DigestRules(auth.realm, auth.algorithms, users, os.urandom(32))
    return Gate(digest, auth.trusted, profiles)


class Files(NamedTuple):
    """What was read from files, and is read again while the server runs."""

    policies: PolicyReloader
    certificates: CertificateReloader
    users: UsersFile | None
    """Who may authenticate; there are some if the settings say `digest`."""
    secrets: Mapping[bytes, Secret] | None
    """With which NOTIFYs authenticate, by realm."""
    profiles: ProfilesFile
    """How phones are treated by their User-Agent."""


def transports_of(config: Config, files: Files) -> Transports:
    """The sockets, as they are configured; nothing is opened yet."""
    sip, auth = config.sip, config.auth
    is_trusted = Trusted(auth.trusted).has if auth.trusted else None
    return Transports(
        sip.connections,
        sip.advertise,
        files.certificates.certificates,
        sip.outbound_proxy,
        Resolver(sip.resolver),
        SourceLimits(config.limits.per_source, is_trusted),
    )


class Server:
    """Everything that serves phones and operators; made inside a running event loop."""

    def __init__(
        self, config: Config, files: Files, transports: Transports, metrics: Metrics
    ) -> None:
        """Wire the rooms, and open the store.

        Args:
            config: every setting.
            files: they have been read; whoever gives them closes them.
            transports: what `transports_of` gives; the server closes them.
            metrics: the server's own are added.

        Raises:
            StoreError: the store cannot be opened.
        """
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._transports = transports
        self._is_released = False
        start = os.urandom(3).hex()
        where = "memory:" if config.store is None else f"sqlite:{config.store}"
        self._store = open_store(where, self._loop, start, config.journal.keep, config.store_group)
        lasts = self._store if isinstance(self._store, SqliteStore) else None
        self._lasting = None if lasts is None else Lasting(lasts, self._loop)
        self._keeps = lasts is not None and config.on_stop is OnStop.KEEP
        self._webhooks: WebhookService | None = None
        tokens = Tokens(None if lasts is None else lasts.secret)
        endpoint: Endpoint[Subscription] = Endpoint(
            self._send, tokens.tag_of, transports, Refusals().refused
        )
        self._recording = recording = Recording(
            config.log.level, config.decisions, start, files.policies.set_of
        )
        features = Features(
            self._store, files.policies.live, recording.feed, config.limits.followed_sets
        )
        setup = self._setup(files, tokens)
        self._notifier = Notifier(endpoint, features, recording.feed, setup)
        self._driver = Driver(self._loop, endpoint, self._notifier, features.decided.answered)
        self._lateness = Lateness(self._loop)
        self._tracing = Tracing(self._driver.observe, time.time, start, config.trace)
        recording.feed.listen(self._tracing.hear)
        metrics.include("features", recording.log)
        _include(
            metrics,
            auth=setup.gate,
            decisions=recording.decisions,
            driver=self._driver,
            features=features,
            presence=self._notifier,
            process=self._lasting,
            publish=self._notifier.publications,
            sip=endpoint,
            store=lasts,
            tls=files.certificates,
            trace=self._tracing,
            transport=transports,
        )
        events = None
        if lasts is not None:
            events = EventRing(lasts.journal, lasts.durable, features.stored_of, start)
            events.watch(self._notifier.subscriptions, self._driver.at)
            recording.feed.listen(events.hear)
            files.policies.tell = events.publish
            metrics.include("events", events)
            self._webhooks = webhooks_of(config.webhooks, lasts, features, events)
            recording.feed.listen(self._webhooks.hear)
            metrics.include("webhooks", self._webhooks)
        self._worker = Worker(files.policies.files_of)
        metrics.include("worker", self._worker)
        self._exposition = Exposition(lambda number: f"{start}-{number}")
        self._expose(endpoint, features, setup.gate, files, events)
        operations = ServerOperations(
            features,
            self._notifier,
            Records(
                recording.log,
                recording.decisions,
                metrics,
                self._exposition,
                events,
                self._webhooks,
            ),
            files.policies,
            self._driver.at,
            _keeping(self._store, answers_of(lasts, self._driver.at)),
            self._worker,
        )
        self._imports = None
        if lasts is not None and config.store is not None:
            rate = IMPORT_RATE if config.http is None else config.http.import_rate
            self._imports = operations.jobs = Jobs(
                lasts, Spool(config.store), operations, rate, self._driver.at
            )
            metrics.include("imports", self._imports)
        operations.traces = self._tracing
        web = WebServer(_web_settings(config.http), TABLE, operations)
        metrics.include("web", web)
        rooms.add_web(self._exposition, web)
        self._doors = Doors(config.mi, Dispatcher(REGISTRY, operations), config.http, web)

    def _expose(
        self,
        endpoint: Endpoint[Subscription],
        features: Features,
        gate: Gate | None,
        files: Files,
        events: EventRing | None,
    ) -> None:
        """Have every room read when Prometheus asks."""
        exposition = self._exposition
        rooms.add_server(exposition, self._driver, self._lateness.late)
        rooms.add_sip(exposition, endpoint)
        rooms.add_transports(exposition, self._transports)
        rooms.add_phones(exposition, self._notifier, gate)
        rooms.add_decided(exposition, features.decided)
        rooms.add_policies(exposition, files.policies)
        if isinstance(self._store, SqliteStore) and self._config.store is not None:
            rooms.add_store(exposition, self._store, self._config.store)
        rooms.add_tracing(exposition, self._tracing)
        if events is not None:
            rooms.add_events(exposition, events)
        if self._webhooks is not None:
            rooms.add_webhooks(exposition, self._webhooks)

    def _setup(self, files: Files, tokens: Tokens) -> Setup:
        """What subscriptions are served with."""
        token, profiles = tokens.token, files.profiles.profiles
        lasting = self._lasting
        return Setup(
            self._config.presence,
            token,
            tokens.tag_of,
            _gate_of(self._config.auth, files.users, profiles),
            Logins(files.secrets, token) if files.secrets else None,
            profiles,
            None if lasting is None else lasting.keeping(self._transports.listener_at),
        )

    async def start(self, inherited: Inherited, *, takes_over: bool = False) -> None:
        """Serve phones and operators.

        Args:
            inherited: sockets to take in place of new ones.
            takes_over: whether another server has left its files.

        Raises:
            OSError: an address cannot be listened on; everything is closed again.
        """
        try:
            if not self._transports.are_open:
                await self._transports.open(self._config.sip.listen, inherited)
            self._tracing.open()
            self._transports.serve(self._driver)
            # Nothing is read before the next turn of the event loop.
            if self._lasting is not None:
                self._lasting.begin(self._notifier, self._driver.at(), self._driver.was_sent)
            if self._webhooks is not None:
                self._webhooks.begin()
            await self._doors.open(inherited, takes_over=takes_over)
            if self._imports is not None:
                self._imports.start()
            if self._config.http is not None:
                # Else nobody asks, and an idle server sleeps.
                self._lateness.begin()
        except BaseException:
            # The other server may go on, with what it has left.
            await self.close(leaves=takes_over)
            raise
        _quieten_collector()

    def addresses(self) -> list[str]:
        """What is listened on, as an operator would write it."""
        bound = zip(self._config.sip.listen, self._transports.listeners, strict=True)
        sip = [f"sip {_listened(*one)}" for one in bound]
        return sip + self._doors.addresses()

    def _send(self, flow: Flow, data: bytes) -> None:
        driver = self._driver
        if driver.tap is not None:
            driver.tap.sent(data, self._transports.way_of(flow))
        self._transports.send(flow, data)
        driver.was_sent()

    def sockets(self) -> list[tuple[str, socket]]:
        """What whoever serves next has to be given, each with a name."""
        return [*self._transports.sockets(), *self._doors.sockets()]

    async def pause(self) -> None:
        """Take nothing more, so that the next server can; streams go on until `release`."""
        self._tracing.end()
        await self._doors.leave()
        await self._rest()
        self._transports.pause()

    async def release(self) -> None:
        """Finish what was taken, and close the store; a second call does nothing.

        Subscriptions are kept where the store lasts; otherwise phones are told that they end.
        """
        if self._is_released:
            return
        self._is_released = True
        await self._worker.close()
        self._lateness.end()
        if self._webhooks is not None:
            await self._webhooks.end()
        if self._lasting is None:
            await self._driver.stop(self._config.stop_within)
        await self._finish()
        self._driver.rest()
        if self._lasting is not None:
            self._lasting.end()
        self._store.close()
        # Before anything else is read: who asks on one of these from now on asks again elsewhere.
        self._transports.hang_up()

    async def _rest(self) -> None:
        """Begin no more rows of imports; the next server goes on with them."""
        if self._imports is not None:
            await self._imports.stop()

    async def _finish(self) -> None:
        """Wait until what was read is worked on and stored, if that does not take too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_WITHIN):
                while not self._transports.is_calm:  # noqa: ASYNC110 - it is not an event
                    await asyncio.sleep(BREATH)
                if self._lasting is not None:
                    await self._lasting.settled()

    async def close(self, *, leaves: bool = False) -> None:
        """Stop: with subscriptions kept, or with watchers told while all others are served.

        Args:
            leaves: whether files stay for the server that comes next.
        """
        if not (self._is_released or self._keeps):
            await self._driver.stop(self._config.stop_within)
        self._tracing.end()
        await self._doors.close(leaves=leaves)
        await self._rest()
        self._transports.pause()
        await self.release()
        await self._transports.close()
        await self._tracing.close()
        self._recording.close()


def _web_settings(http: ApiSettings | None) -> WebSettings:
    """What the HTTP API is given; it is not opened where there are no settings."""
    if http is None:
        return WebSettings(None, frozenset(), 0)
    tokens = None if http.tokens is None else TokenFile(http.tokens)
    tls = None if http.tls is None else TlsFiles(*http.tls)
    return WebSettings(tokens, http.names, http.per_token, tls)


def _keeping(store: MemoryStore | SqliteStore, answers: Answers) -> Keeping:
    if isinstance(store, MemoryStore):
        in_memory = store.page
        return Keeping(lambda *asked: asyncio.to_thread(in_memory, *asked), lambda: False, answers)
    return Keeping(partial(page_of, store), lambda: store.is_failing, answers, store.journal)


def _include(metrics: Metrics, **groups: Counted | None) -> None:
    for group, counted in groups.items():
        if counted is not None:
            metrics.include(group, counted)
