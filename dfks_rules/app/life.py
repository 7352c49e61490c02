"""The life of a process: what it reads, the server that it runs, and who comes before and after.

SIGTERM and SIGINT end it, SIGHUP has it read its files again, and SIGUSR2 has it hand over to a
successor: the same command, perhaps of another version.
"""

import asyncio
import errno
import gc
import os
import signal
from collections.abc import Callable, MutableMapping
from contextlib import suppress

import structlog

from dfks_rules.app.cluster.node import Node
from dfks_rules.app.cluster.policies import goal_of
from dfks_rules.app.desk.bundles import unpack
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.doors import reserve
from dfks_rules.app.files import files_of
from dfks_rules.app.handover.channel import BrokenOffError, Channel, EndedError, Word
from dfks_rules.app.handover.service_manager import ServiceManager
from dfks_rules.app.handover.succession import Succession
from dfks_rules.app.handover.unless import unless
from dfks_rules.app.metrics import Metrics
from dfks_rules.app.phones import transports_of
from dfks_rules.app.server import Server
from dfks_rules.config.settings import Config
from dfks_rules.errors import StoreError
from dfks_rules.transport.inherited import Inherited, Passed, inherited
from dfks_rules.transport.transports import Transports

AGAIN = 1.0
"""Seconds until a store that could be used before is opened again."""

_log = structlog.get_logger()


class Life:
    """One process; made inside a running event loop."""

    def __init__(self, config: Config, environ: MutableMapping[str, str]) -> None:
        """Read the files.

        Args:
            config: every setting.
            environ: the environment; what speaks of inherited sockets is removed.

        Raises:
            ConfigError: a file cannot be used.
            OSError: the sockets that were passed cannot be used.
        """
        self._config = config
        self._manager = ServiceManager(environ)
        self._inherited = inherited(environ)
        channel = self._inherited.channel()
        self._predecessor = None if channel is None else Channel(channel)
        self._stop, self._leave = asyncio.Event(), asyncio.Event()
        self._is_serving = False
        self._heir: int | None = None
        """The process that serves in place of this one."""
        self._reading: set[asyncio.Task[None]] = set()
        """What reads files again."""
        self._files = files_of(config)
        self._succession = Succession(self._manager)

    async def run(self, served: Callable[[Server, PolicyReloader], None]) -> None:
        """Live until the process is told to end, or a successor serves.

        Args:
            served: called whenever a server has begun to serve.

        Raises:
            StoreError, PolicyError: they cannot be used.
            BrokenOffError: the server that runs does not make way.
            OSError: an address cannot be listened on.
        """
        # Before the start, which may take seconds: a signal that nobody heeds ends the process.
        self._heed_signals()
        policies, certificates = self._files.policies, self._files.certificates
        try:
            if await unless(self._stop, self._take_policies(policies)):
                await self._serve(served)
        finally:
            await policies.close()
            await certificates.close()
            if self._heir is not None and self._stop.is_set():
                # Whoever stopped this one did not know of the other yet.
                with suppress(ProcessLookupError):
                    os.kill(self._heir, signal.SIGTERM)
        # Otherwise the interpreter searches 100,000 subscriptions for cycles on exit: 4 s.
        gc.freeze()

    async def _take_policies(self, policies: PolicyReloader) -> None:
        """Have policies decide: what all nodes follow, or the files."""
        cluster = self._config.cluster
        bundle = None if cluster is None else await goal_of(cluster)
        await policies.start(None if bundle is None else unpack(bundle))

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGUSR2, self._leave.set)

    def _reload(self) -> None:
        files = self._files
        tasks = [
            files.policies.reload_soon("signal"),
            files.certificates.reload_soon("signal"),
            files.profiles.reload_soon(),
            None if files.users is None else files.users.reload_soon(),
        ]
        if self._is_serving:
            self._manager.reloading()
        for task in tasks:
            if task is not None and task not in self._reading:
                self._reading.add(task)
                task.add_done_callback(self._has_read)

    def _has_read(self, task: "asyncio.Task[None]") -> None:
        self._reading.discard(task)
        # Before it serves, and once it stops, something else is told.
        if not self._reading and self._is_serving:
            self._manager.ready()

    async def _serve(self, served: Callable[[Server, PolicyReloader], None]) -> None:
        given: Inherited | None = self._inherited
        transports = transports_of(self._config, self._files)
        may_begin = False
        try:
            may_begin = await unless(self._stop, self._prepare(transports))
        finally:
            if not may_begin:
                await transports.close()
                self._inherited.close()
        if not may_begin:
            return
        is_first = True
        while given is not None:
            try:
                server = await self._begin(given, transports)
            except StoreError as error:
                if is_first:
                    raise
                # A successor has failed, and there is nobody else; or a node was buried, and has
                # to begin anew.
                if error.code == "store_newer_version":
                    await self._succession.make_way(given, error.message)
                _log.error("store_not_opened", reason=error.message)
                if not await unless(self._stop, asyncio.sleep(AGAIN)):
                    given.close()
                    return
                transports = transports_of(self._config, self._files)
                continue
            served(server, self._files.policies)
            if is_first:
                self._files.policies.watch()
                self._files.certificates.watch()
                self._manager.keep_alive(asyncio.get_running_loop())
                is_first = False
            given = await self._until_end(server)
            transports = transports_of(self._config, self._files)

    async def _prepare(self, transports: Transports) -> None:
        """Do all that may fail before the store is opened, so that nothing has happened then.

        A server that ran before may not be able to go on once this one has brought the store to a
        newer version. And each life takes one of the terms, of which there are not too many.

        Raises:
            OSError: an address cannot be listened on.
            BrokenOffError: see `_follow`.
        """
        config, before = self._config, self._predecessor
        await transports.open(config.sip.listen, self._inherited)
        takes_over = before is not None
        await reserve(config.mi, config.http, self._inherited, takes_over=takes_over)
        if before is not None:
            await self._follow(before, transports)

    async def _follow(self, predecessor: Channel, transports: Transports) -> None:
        """Have the server that runs make way for this one.

        Raises:
            BrokenOffError: the other lives, and does not make way: it has the store, and goes on.
        """
        try:
            await predecessor.say(Word.READY)
            await predecessor.hear(Word.STOPPED)
            transports.gather()
            await predecessor.hear(Word.YOURS)
        except EndedError as error:
            # Its sockets are ours, and its store is free.
            _log.warning("predecessor_lost", reason=str(error))
            transports.gather()
        except BrokenOffError as error:
            why = f"the server that runs does not make way: {error}"
            raise BrokenOffError(why) from None

    async def _begin(self, given: Inherited, transports: Transports) -> Server:
        """A server that serves."""
        metrics = Metrics()
        metrics.include("process", self._succession)
        takes_over, self._predecessor = self._predecessor, None
        node = None
        try:
            node = await self._join()
            server = Server(self._config, self._files, transports, metrics, node)
        except BaseException:
            await transports.close()
            if node is not None:
                await node.end()
            raise
        await server.start(given, takes_over=takes_over is not None)
        left = given.close()
        if left and takes_over is None:
            await server.close()
            raise OSError(errno.EINVAL, "was passed, but no setting listens there", left[0])
        for one in left:
            _log.info("socket_not_used", socket=one)
        if takes_over is None:
            self._manager.ready()
        else:
            await _say_serving(takes_over)
        self._is_serving = True
        return server

    async def _join(self) -> Node | None:
        """Join the nodes that share a store; None where there are none."""
        cluster = self._config.cluster
        if cluster is None:
            return None
        return await Node.open(cluster, os.urandom(3).hex(), self._config.journal.keep)

    async def _until_end(self, server: Server) -> Inherited | None:
        """Wait until the server ends; the sockets if another one has to begin in this process."""
        while await unless(self._stop, self._told_to_leave(server)):
            if server.buried.is_set():
                self._is_serving = False
                kept = [Passed(name, one.dup()) for name, one in server.sockets()]
                await server.close(leaves=True)
                # As a new life, which other nodes do not take for dead.
                return Inherited(kept)
            successor = await self._succession.prepare(server, self._stop)
            if successor is not None:
                self._is_serving = False
                left = await self._succession.complete(server, successor)
                self._heir = None if left is not None else successor.pid
                return left
        self._is_serving = False
        self._manager.stopping()
        await server.close()
        return None

    async def _told_to_leave(self, server: Server) -> None:
        """Wait until another one has to serve."""
        waiting = [asyncio.ensure_future(one.wait()) for one in (self._leave, server.buried)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        self._leave.clear()


async def _say_serving(predecessor: Channel) -> None:
    with suppress(EndedError):  # It would end now.
        await predecessor.say(Word.SERVING)
    predecessor.close()
