"""One server: the rooms wired together, and driven by the event loop."""

import asyncio
import contextlib
import gc
from datetime import UTC, datetime

import structlog

from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.operations import ServerOperations
from dfks_rules.app.records.decision_log import DecisionLog
from dfks_rules.app.records.decisions import Decisions
from dfks_rules.app.records.logs import LoggedOutcomes
from dfks_rules.app.tokens import Tokens
from dfks_rules.config.settings import Config, ListenAddress
from dfks_rules.errors import StoreError
from dfks_rules.mi.datagram import DatagramServer
from dfks_rules.mi.dispatch import Dispatcher
from dfks_rules.mi.fifo import FifoServer
from dfks_rules.mi.http import HttpServer
from dfks_rules.mi.methods import REGISTRY
from dfks_rules.model.decisions import Outcome
from dfks_rules.model.identity import Aor
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.features import Features
from dfks_rules.sip.endpoint import Endpoint, Finished, Incoming
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.store.open import open_store
from dfks_rules.transport.tcp import TcpTransport
from dfks_rules.transport.udp import UdpTransport, reachable

_log = structlog.get_logger()

TICK = 0.05
"""How late a timer may be, s."""


def _quieten_collector() -> None:
    """Have the collector of reference cycles look rarely.

    No request makes a cycle; reloads and broken connections do. What is looked at is mostly what
    lives for a while (transactions, subscriptions, kept decisions): to look often costs 7 % of the
    server, and finds nothing. What is there now stays, and is never looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(500_000, 50, 100)


class Server:
    """Everything that `dfks serve` runs; made inside a running event loop."""

    def __init__(self, config: Config, policies: PolicyReloader) -> None:
        """`policies` have started; the server closes them."""
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._policies = policies
        where = "memory:" if config.store is None else f"sqlite:{config.store}"
        self._store = open_store(where, self._loop)
        tokens = Tokens()
        self._transports: dict[Listener, UdpTransport | TcpTransport] = {}
        self._endpoint: Endpoint[Subscription] = Endpoint(self._send, tokens.tag_of)
        kept = config.decisions
        self._decision_log = None if kept.file is None else DecisionLog(kept.file, mask=kept.mask)
        decisions = Decisions(kept.keep, policies.set_of, self._decision_log)
        log = LoggedOutcomes(decisions)
        self._features = Features(self._store, policies.live, log)
        self._notifier = Notifier(self._endpoint, self._features, config.presence, tokens.token)
        self._features.followed = self._tell_followers
        self._operations = ServerOperations(
            self._features, self._notifier, log, policies, self._at, config.log.level
        )
        self._operations.decisions = decisions
        self._at_ends = 0.0
        self._at_last = datetime.min.replace(tzinfo=UTC)
        self._mi: list[FifoServer | DatagramServer | HttpServer] = []
        self._ticking: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Listen on everything that is configured.

        Raises:
            OSError: an address cannot be listened on; everything is closed again.
        """
        try:
            for address in self._config.sip.listen:
                await self._listen(address)
            await self._start_mi()
        except BaseException:
            await self.close()
            raise
        self._tick()
        self._policies.watch()
        _quieten_collector()

    async def _listen(self, address: ListenAddress) -> None:
        transport: UdpTransport | TcpTransport
        if address.transport == "udp":
            transport = UdpTransport(address.host, address.port, self._receive)
        else:
            transport = TcpTransport(self._receive)
            await transport.start(address.host, address.port, reachable)
        self._transports[transport.listener] = transport

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
        sip = [f"sip {listener}" for listener in self._transports]
        return sip + [f"mi  {server.address}" for server in self._mi]

    def _send(self, flow: Flow, data: bytes) -> None:
        self._transports[flow.listener].send(flow, data)

    def _receive(self, data: bytes, flow: Flow) -> None:
        now = self._loop.time()
        event = self._endpoint.receive(data, flow, now)
        if isinstance(event, Incoming):
            self._notifier.receive(event, self._at(), now)
        elif isinstance(event, Finished):
            self._notifier.finished(event, now)

    def _tell_followers(
        self, presentity: Aor, outcomes: tuple[Outcome, ...] | StoreError, now: float
    ) -> None:
        """Sets of another presentity followed from one: its watchers are told."""
        if isinstance(outcomes, StoreError):
            # Nobody asked for it, so there is nobody to be told but the operator.
            _log.error("followed_set_lost", presentity=presentity.uri, error=outcomes.message)
        else:
            self._notifier.tell_watchers(outcomes, now)

    def _tick(self) -> None:
        now = self._loop.time()
        for finished in self._endpoint.expire(now):
            self._notifier.finished(finished, now)
        self._notifier.expire(now)
        self._ticking = self._loop.call_later(TICK, self._tick)

    def _at(self) -> datetime:
        """Local time to the second: reading it costs as much as a decision."""
        now = self._loop.time()
        if now >= self._at_ends:
            self._at_last = datetime.now().astimezone()  # noqa: TID251 - the policies' one clock
            self._at_ends = now + 1 - self._at_last.microsecond / 1e6
        return self._at_last

    async def close(self) -> None:
        """Tell every watcher that its subscription ended, then stop."""
        if self._ticking is not None:
            self._ticking.cancel()
        for server in self._mi:
            await server.close()
        self._store.close()
        self._notifier.deactivate(self._loop.time())
        for transport in self._transports.values():
            with contextlib.suppress(OSError):
                if isinstance(transport, TcpTransport):
                    await transport.close()
                else:
                    transport.close()
        await self._policies.close()
        if self._decision_log is not None:
            self._decision_log.close()
