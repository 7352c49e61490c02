"""One server: its store, the side of phones and the side of operators, from start to end."""

import asyncio
import os
from contextlib import suppress
from socket import socket

from dfks_rules.app.cluster.node import Node, Served
from dfks_rules.app.collector import Collector
from dfks_rules.app.desk.bundles import BundleDesk
from dfks_rules.app.driver import BREATH, Driver
from dfks_rules.app.files import Files
from dfks_rules.app.metrics import Metrics
from dfks_rules.app.operators import Operators
from dfks_rules.app.phones import Phones
from dfks_rules.app.storage import Storage
from dfks_rules.config.settings import Config, ListenAddress
from dfks_rules.sip.flow import Listener
from dfks_rules.transport.inherited import Inherited
from dfks_rules.transport.transports import Transports

FINISH_WITHIN = 5.0
"""Seconds that what was read has to be worked on before another server goes on."""


def _listened(address: ListenAddress, listener: Listener) -> str:
    """A wildcard as one: an operator must see that every address of the machine is served."""
    is_wildcard = address.host in ("0.0.0.0", "::")  # noqa: S104
    return str(address._replace(port=listener.port) if is_wildcard else listener)


class Server:
    """Everything that serves phones and operators; made inside a running event loop."""

    def __init__(
        self,
        config: Config,
        files: Files,
        transports: Transports,
        metrics: Metrics,
        node: Node | None = None,
    ) -> None:
        """Open the store, and wire the rooms.

        Args:
            config: every setting.
            files: they have been read; whoever gives them closes them.
            transports: what `transports_of` gives; the server closes them.
            metrics: the server's own are added.
            node: what has joined a cluster; None where the settings name none.

        Raises:
            StoreError: the store cannot be opened.
        """
        self._config = config
        self._policies = files.policies
        self.buried = asyncio.Event()
        """Set when other nodes have taken this one for dead: it serves no more."""
        self._transports = transports
        self._is_released = False
        self._collector = Collector(asyncio.get_running_loop())
        start = os.urandom(3).hex() if node is None else node.start
        self._storage = Storage(config, start, node)
        self._phones = Phones(config, files, transports, self._storage, start)
        self._phones.count_in(metrics)
        self._operators = Operators(
            config, files.policies, self._storage, self._phones, metrics, start
        )

    async def start(self, inherited: Inherited, *, takes_over: bool = False) -> None:
        """Serve phones and operators.

        Args:
            inherited: sockets to take in place of new ones.
            takes_over: whether another server has left its files.

        Raises:
            OSError: an address cannot be listened on; everything is closed again.
        """
        driver = self._phones.driver
        try:
            if not self._transports.are_open:
                await self._transports.open(self._config.sip.listen, inherited)
            self._transports.serve(driver, self._storage.afterwards)
            # Nothing is read before the next turn of the event loop.
            self._storage.begin(self._served(driver))
            self._phones.begin()
            await self._operators.open(inherited, takes_over=takes_over)
        except BaseException:
            # The other server may go on, with what it has left.
            await self.close(leaves=takes_over)
            raise
        self._collector.begin()

    def _served(self, driver: Driver) -> Served:
        """What goes on where another life has ended, or keeps in step with other nodes."""
        policies = self._policies
        return Served(
            self._phones.notifier,
            self._phones.features,
            driver.at,
            driver.was_sent,
            lambda: policies.live.active.revision,
            self.buried.set,
            BundleDesk(policies),
        )

    def addresses(self) -> list[str]:
        """What is listened on, as an operator would write it."""
        bound = zip(self._config.sip.listen, self._transports.listeners, strict=True)
        sip = [f"sip {_listened(*one)}" for one in bound]
        return sip + self._operators.addresses()

    @property
    def is_failing(self) -> bool:
        """Whether it could probably not open its store again."""
        return self._storage.is_failing

    def sockets(self) -> list[tuple[str, socket]]:
        """What whoever serves next has to be given, each with a name."""
        return [*self._transports.sockets(), *self._operators.sockets()]

    async def pause(self) -> None:
        """Take nothing more, so that the next server can; streams go on until `release`."""
        await self._operators.leave()
        self._transports.pause()

    async def release(self) -> None:
        """Finish what was taken, and close the store; a second call does nothing.

        Subscriptions are kept where the store lasts; otherwise phones are told that they end.
        """
        if self._is_released:
            return
        self._is_released = True
        await self._operators.end()
        await self._phones.expiring.end()
        if not (self._storage.keeps or self.buried.is_set()):
            await self._tell_watchers()
        await self._finish()
        self._phones.driver.rest()
        await self._storage.close()
        # Before anything else is read: who asks on one of these from now on asks again elsewhere.
        self._transports.hang_up()

    async def _tell_watchers(self) -> None:
        """Tell phones that their subscriptions end."""
        await self._phones.driver.stop(self._config.stop_within)

    async def _finish(self) -> None:
        """Wait until what was read is worked on and stored, if that does not take too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_WITHIN):
                while not self._transports.is_calm:  # noqa: ASYNC110 - it is not an event
                    await asyncio.sleep(BREATH)
                await self._storage.settled()

    async def close(self, *, leaves: bool = False) -> None:
        """Stop: with subscriptions kept, or with watchers told while all others are served.

        Args:
            leaves: whether files stay for the server that comes next.
        """
        if not (self._is_released or self._storage.keeps or self.buried.is_set()):
            await self._tell_watchers()
        await self._operators.shut(leaves=leaves)
        self._transports.pause()
        await self.release()
        self._collector.end()
        await self._transports.close()
        await self._operators.close()
        self._phones.recording.close()
