"""What serves phones: from the sockets to the policies and the store, wired."""

import asyncio
import os
import time
from datetime import datetime

from dfks_rules.app.driver import Driver
from dfks_rules.app.exposition import rooms
from dfks_rules.app.exposition.exposition import Exposition
from dfks_rules.app.files import Files
from dfks_rules.app.metrics import Metrics
from dfks_rules.app.records.recording import Recording
from dfks_rules.app.records.refusals import Refusals
from dfks_rules.app.sending import Sending
from dfks_rules.app.storage import Storage
from dfks_rules.app.tokens import Tokens
from dfks_rules.app.users import UsersFile
from dfks_rules.config.auth import AuthMode, AuthSettings
from dfks_rules.config.settings import Config
from dfks_rules.presence.gate import DigestRules, Gate, Trusted
from dfks_rules.presence.logins import Logins
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.profile import Profiles
from dfks_rules.presence.setup import Setup
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.features import Features
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.store.memory import MemoryStore
from dfks_rules.tracing.tap import Tap
from dfks_rules.transport.limits import SourceLimits
from dfks_rules.transport.resolver import Resolver
from dfks_rules.transport.transports import Transports


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


class Phones:
    """The side of a server that phones see."""

    def __init__(
        self, config: Config, files: Files, transports: Transports, storage: Storage, start: str
    ) -> None:
        """Wire the rooms.

        Args:
            config: every setting.
            files: they have been read.
            transports: what phones are reached by.
            storage: where states and subscriptions are kept.
            start: what the ids of decisions begin with.
        """
        self._files = files
        self._storage = storage
        self._transports = transports
        tokens = Tokens(storage.secret)
        sending = Sending(transports)
        self._endpoint: Endpoint[Subscription] = Endpoint(
            sending.send, tokens.tag_of, transports, Refusals().refused
        )
        self.recording = Recording(config.log.level, config.decisions, start, files.policies.set_of)
        """Writes down what is decided, and has the feed, which is the first that exists."""
        feed = self.recording.feed
        self.features = Features(
            storage.store, files.policies.live, feed, config.limits.followed_sets
        )
        """The use cases."""
        self._gate = _gate_of(config.auth, files.users, files.profiles.profiles)
        setup = Setup(
            config.presence,
            tokens.token,
            tokens.tag_of,
            self._gate,
            Logins(files.secrets, tokens.token) if files.secrets else None,
            files.profiles.profiles,
            storage.for_phones(transports.listener_at, transports.first_of),
            storage.standing,
        )
        self.notifier = Notifier(self._endpoint, self.features, feed, setup)
        """Has the subscriptions."""
        answered = self.features.decided.answered
        loop = asyncio.get_running_loop()
        # What `loop.time` calls: 0.1 µs less for each SUBSCRIBE and its NOTIFY.
        self.driver = Driver(loop, self._endpoint, self.notifier, answered, time.monotonic)
        """Gives them messages and the time."""
        sending.driven_by(self.driver)
        self.expiring = storage.expiring(self.features, self.driver.at)
        """Switches off what has expired."""
        feed.on_deadline = self.expiring.hear
        files.policies.live.on_activated = self.driver.was_sent

    def begin(self) -> None:
        """Let time act from now on: also what was due since the life before."""
        at, since = self.driver.at(), self._storage.lived_until
        since_when = at if since is None else datetime.fromtimestamp(since, at.tzinfo)
        self.notifier.edges.go_on_from(since_when)
        self.expiring.begin()
        # Nobody has asked yet when there is something to do.
        self.driver.was_sent()

    def observe(self, tap: Tap | None) -> None:
        """Have each message and each decision looked at from now on, or none."""
        self.driver.observe(tap)
        self.recording.feed.be_watched_by(None if tap is None else tap.hear)

    def count_in(self, metrics: Metrics) -> None:
        """Have what is counted of phones collected."""
        store = self._storage.store
        for group, counted in (
            ("features", self.recording.log),
            ("auth", self._gate),
            ("decisions", self.recording.decisions),
            ("driver", self.driver),
            ("expiring", self.expiring),
            ("features", self.features),
            ("presence", self.notifier),
            ("process", self._storage.lasting),
            ("cluster", self._storage.node),
            ("publish", self.notifier.publications),
            ("sip", self._endpoint),
            ("store", None if isinstance(store, MemoryStore) else store),
            ("tls", self._files.certificates),
            ("transport", self._transports),
        ):
            if counted is not None:
                metrics.include(group, counted)

    def show_in(self, exposition: Exposition) -> None:
        """Have it read when Prometheus asks."""
        rooms.add_sip(exposition, self._endpoint)
        rooms.add_transports(exposition, self._transports)
        rooms.add_phones(exposition, self.notifier, self._gate)
        rooms.add_decided(exposition, self.features.decided)
        rooms.add_expiring(exposition, self.expiring)
        rooms.add_policies(exposition, self._files.policies)


def _gate_of(auth: AuthSettings, users: UsersFile | None, profiles: Profiles) -> Gate | None:
    """What finds out who phones are; None where From is believed."""
    if auth.mode is AuthMode.NONE:
        return None
    digest = None
    if users is not None and auth.realm is not None:
        # Not the store's secret: which counts of a nonce were used is forgotten with the process.
        digest = DigestRules(auth.realm, auth.algorithms, users, os.urandom(32))
    return Gate(digest, auth.trusted, profiles)
