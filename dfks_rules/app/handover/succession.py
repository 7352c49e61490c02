"""A hand-over from the first word to the last, as the server that goes sees it.

Until the successor is ready nothing changes for anybody. If it fails later, when the store is
closed, this process serves again, on the same sockets, as if it had been started anew.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from socket import socket
from typing import NoReturn, Protocol

import structlog

from dfks_rules.app.handover.channel import BrokenOffError, Word
from dfks_rules.app.handover.service_manager import ServiceManager
from dfks_rules.app.handover.successor import Successor, become, own_command
from dfks_rules.app.handover.unless import unless
from dfks_rules.transport.inherited import Inherited

_log = structlog.get_logger()


class Running(Protocol):
    """A server that can be handed over; `app.server.Server` is one."""

    @property
    def is_failing(self) -> bool:
        """Whether it could probably not open its store again."""
        ...

    def sockets(self) -> list[tuple[str, socket]]:
        """What whoever serves next has to be given, each with a name."""
        ...

    async def pause(self) -> None:
        """Take nothing more, so that the next server can."""
        ...

    async def release(self) -> None:
        """Finish what was taken, and close the store."""
        ...

    async def close(self, *, leaves: bool = False) -> None:
        """Close the rest; `leaves`: but not what the next server finds by its name."""
        ...


class Succession:
    """Hands servers over."""

    def __init__(
        self, manager: ServiceManager, command: Callable[[], Sequence[str]] = own_command
    ) -> None:
        """None is under way.

        Args:
            manager: is told.
            command: what starts a successor.
        """
        self._manager = manager
        self._command = command
        self.counts = {"handovers_failed": 0}
        """`handovers_failed`: after which this process has gone on."""

    async def prepare(self, server: Running, stop: asyncio.Event) -> Successor | None:
        """A successor that is ready; None when there is none, and the server goes on.

        Args:
            server: it serves meanwhile.
            stop: set when the server is to end instead.
        """
        refusal = None
        if os.getpid() == 1:
            refusal = "this is process 1: its container ends with it"
        elif server.is_failing:
            refusal = "the store fails: whoever closes it may not be able to open it again"
        if refusal is not None:
            _log.error("hand_over_refused", reason=refusal)
            return None
        _log.info("hand_over_started")
        self._manager.reloading()
        try:
            successor = Successor.start(server.sockets(), self._command())
        except OSError as error:
            self._failed(error.strerror or str(error))
            self._manager.ready()
            return None
        reason = "the server is to stop"
        try:
            if await unless(stop, successor.channel.hear(Word.READY)):
                return successor
        except BrokenOffError as error:
            reason = str(error)
        await successor.kill()
        self._failed(reason)
        self._manager.ready()
        return None

    async def complete(self, server: Running, successor: Successor) -> Inherited | None:
        """Hand over.

        Returns:
            None when the successor serves; the sockets of the server when it does not. Whoever
            serves on them tells the service manager.
        """
        channel = successor.channel
        await server.pause()
        try:
            await channel.say(Word.STOPPED)
            await server.release()
            await channel.say(Word.YOURS)
            await channel.hear(Word.SERVING)
        except BrokenOffError as error:
            await server.release()
            await server.close(leaves=True)
            left = successor.left()
            await successor.kill()
            self._failed(str(error))
            return left
        _log.info("handed_over", successor=successor.pid)
        self._manager.succeeded_by(successor.pid)
        await server.close(leaves=True)
        successor.let_go()
        return None

    async def make_way(self, inherited: Inherited, reason: str) -> NoReturn:
        """Have the command begin anew in this process, which cannot go on.

        Args:
            inherited: the sockets.
            reason: why it cannot.

        Raises:
            OSError: the command cannot be started.
        """
        _log.warning("server_replaced", reason=reason)
        await asyncio.sleep(0)  # Lines are written at the end of a turn.
        become(inherited, self._command())

    def _failed(self, reason: str) -> None:
        self.counts["handovers_failed"] += 1
        _log.error("hand_over_failed", reason=reason)
