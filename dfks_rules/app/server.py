"""One server: the rooms wired together, and driven by the event loop."""

import asyncio
import gc
import os
from collections.abc import Mapping

import structlog

from dfks_rules.app.desk.certificates import CertificateReloader
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.driver import Driver
from dfks_rules.app.metrics import Metrics
from dfks_rules.app.operations import Records, ServerOperations
from dfks_rules.app.records.decision_log import DecisionLog
from dfks_rules.app.records.decisions import Decisions
from dfks_rules.app.records.logs import LoggedOutcomes
from dfks_rules.app.records.refusals import Refusals
from dfks_rules.app.tokens import Tokens
from dfks_rules.app.users import UsersFile
from dfks_rules.config.auth import AuthMode, AuthSettings
from dfks_rules.config.settings import Config, ListenAddress
from dfks_rules.mi.datagram import DatagramServer
from dfks_rules.mi.dispatch import Dispatcher
from dfks_rules.mi.fifo import FifoServer
from dfks_rules.mi.http import HttpServer
from dfks_rules.mi.methods import REGISTRY
from dfks_rules.presence.gate import DigestRules, Gate, Trusted
from dfks_rules.presence.logins import Logins
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.profile import Profiles
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Feed
from dfks_rules.sip.digest_client import Secret
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.store.open import open_store
from dfks_rules.transport.certificates import Certificates
from dfks_rules.transport.limits import SourceLimits
from dfks_rules.transport.resolver import Resolver
from dfks_rules.transport.transports import Transports

_log = structlog.get_logger()


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
        digest = DigestRules(auth.realm, auth.algorithms, users, os.urandom(32))
    return Gate(digest, auth.trusted, profiles)


def _transports_of(config: Config, certificates: Certificates | None) -> Transports:
    """The sockets, as they are configured; nothing is opened yet."""
    sip, auth = config.sip, config.auth
    is_trusted = Trusted(auth.trusted).has if auth.trusted else None
    return Transports(
        sip.connections,
        sip.advertise,
        certificates,
        sip.outbound_proxy,
        Resolver(sip.resolver),
        SourceLimits(config.limits.per_source, is_trusted),
    )


class Server:
    """Everything that `dfks serve` runs; made inside a running event loop."""

    def __init__(
        self,
        config: Config,
        policies: PolicyReloader,
        certificates: CertificateReloader,
        users: UsersFile | None = None,
        secrets: Mapping[bytes, Secret] | None = None,
        profiles: Profiles | None = None,
    ) -> None:
        """Wire the rooms.

        Args:
            config: every setting.
            policies: they have started; the server closes them.
            certificates: what TLS shows; the server closes them, too.
            users: who may authenticate; there are some if the settings say `digest`.
            secrets: with which NOTIFYs authenticate, by realm.
            profiles: how phones are treated by their User-Agent; None for all alike.
        """
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._policies = policies
        self._certificates = certificates
        where = "memory:" if config.store is None else f"sqlite:{config.store}"
        self._store = open_store(where, self._loop)
        tokens = Tokens()
        self._transports = _transports_of(config, certificates.certificates)
        endpoint: Endpoint[Subscription] = Endpoint(
            self._send, tokens.tag_of, self._transports, Refusals().refused
        )
        start = os.urandom(3).hex()
        kept = config.decisions
        self._decision_log = None if kept.file is None else DecisionLog(kept.file, mask=kept.mask)
        decisions = Decisions(kept.keep, start, policies.set_of, self._decision_log)
        log = LoggedOutcomes(config.log.level)
        feed = Feed()
        feed.listen(log.hear)
        feed.listen(decisions.hear)
        features = Features(self._store, policies.live, feed, config.limits.followed_sets)
        profiles = profiles or Profiles()
        gate = _gate_of(config.auth, users, profiles)
        token = tokens.token
        logins = Logins(secrets, token) if secrets else None
        self._notifier = Notifier(
            endpoint, features, feed, config.presence, token, gate, logins, profiles
        )
        self._driver = Driver(self._loop, endpoint, self._notifier)
        metrics = Metrics()
        metrics.include("features", log)
        metrics.include("features", features)
        metrics.include("decisions", decisions)
        metrics.include("driver", self._driver)
        if gate is not None:
            metrics.include("auth", gate)
        metrics.include("presence", self._notifier)
        metrics.include("publish", self._notifier.publications)
        metrics.include("sip", endpoint)
        metrics.include("tls", certificates)
        metrics.include("transport", self._transports)
        records = Records(log, decisions, metrics)
        self._operations = ServerOperations(
            features, self._notifier, records, policies, self._driver.at
        )
        self._mi: list[FifoServer | DatagramServer | HttpServer] = []

    async def start(self) -> None:
        """Listen on everything that is configured.

        Raises:
            OSError: an address cannot be listened on; everything is closed again.
        """
        try:
            await self._transports.start(self._config.sip.listen, self._driver)
            await self._start_mi()
        except BaseException:
            await self.close()
            raise
        self._policies.watch()
        self._certificates.watch()
        _quieten_collector()

    async def _start_mi(self) -> None:
        mi = self._config.mi
        dispatcher = Dispatcher(REGISTRY, self._operations)
        servers: list[FifoServer | DatagramServer | HttpServer] = []
        if mi.fifo is not None:
            servers.append(FifoServer(mi.fifo.path, mi.fifo.reply_dir, dispatcher))
        if mi.datagram is not None:
            where = mi.datagram
            target = (where.host, where.port) if isinstance(where, ListenAddress) else where
            servers.append(DatagramServer(target, dispatcher))
        if mi.http is not None:
            at = (mi.http.listen.host, mi.http.listen.port)
            servers.append(HttpServer(at, mi.http.root, mi.http.secret, dispatcher))
        for server in servers:
            await server.start()
            self._mi.append(server)

    def addresses(self) -> list[str]:
        """What is listened on, as an operator would write it."""
        bound = zip(self._config.sip.listen, self._transports.listeners, strict=True)
        sip = [f"sip {_listened(*one)}" for one in bound]
        return sip + [f"mi  {server.address}" for server in self._mi]

    def _send(self, flow: Flow, data: bytes) -> None:
        self._transports.send(flow, data)
        self._driver.was_sent()

    async def close(self) -> None:
        """Tell watchers that their subscriptions end, while all others are served; then stop."""
        await self._driver.stop(self._config.stop_within)
        for server in self._mi:
            await server.close()
        self._store.close()
        await self._transports.close()
        await self._policies.close()
        await self._certificates.close()
        if self._decision_log is not None:
            self._decision_log.close()
