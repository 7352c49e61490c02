"""JSON-RPC over UDP or Unix datagrams: `communication_type=datagram` of opensips-cli."""

import asyncio
import errno
import os
import socket
import stat
from pathlib import Path
from typing import Any

import structlog

from dfks_rules.mi.dispatch import Dispatcher
from dfks_rules.mi.errors import UNAVAILABLE, CallError
from dfks_rules.mi.jsonrpc import MAX_REQUEST, Reply, render
from dfks_rules.mi.sockets import Take, bound, nothing
from dfks_rules.mi.under_way import finish

MAX_REPLY = 65_507
"""Longest reply in bytes: the most a UDP datagram over IPv4 can carry."""
REPLY_TIMEOUT = 1.0
"""Seconds a client has to make room for its reply."""
MAX_UNDER_WAY = 64
"""Most requests served at once; further ones are answered 503."""

_RETRY = 0.005
_DRAIN = 64  # datagrams read per wake-up, so that SIP gets its turn

_log = structlog.get_logger("dfks.mi.datagram")


class DatagramServer:
    """Answers each datagram with one to its sender."""

    def __init__(self, where: tuple[str, int] | Path, dispatcher: Dispatcher) -> None:
        self._where = where
        self._dispatcher = dispatcher
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket: socket.socket | None = None

    @property
    def address(self) -> str:
        """E.g. `udp:127.0.0.1:8081` or `unix:run/dfks.sock`; the real port once started."""
        if isinstance(self._where, Path):
            return f"unix:{self._where}"
        host, port = self._socket.getsockname()[:2] if self._socket else self._where
        return f"udp:[{host}]:{port}" if ":" in host else f"udp:{host}:{port}"

    async def start(self, take: Take = nothing) -> None:
        """Open the socket, or take the one that is there.

        Raises:
            OSError: the address is unavailable.
        """
        self._socket = await open_socket(self._where, take)
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def sockets(self) -> list[tuple[str, socket.socket]]:
        """What whoever serves next has to be given, with the name of this door."""
        return [] if self._socket is None else [("datagram", self._socket)]

    async def close(self, *, leaves: bool = False) -> None:
        """Read no more, let requests under way finish, and close the socket.

        Args:
            leaves: whether the file of a Unix socket stays, for the server that comes next.
        """
        if self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        if isinstance(self._where, Path) and not leaves:
            self._where.unlink(missing_ok=True)
        await finish(self._tasks)
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        assert self._socket is not None  # noqa: S101 - the reader is removed before it closes
        loop = asyncio.get_running_loop()
        for _ in range(_DRAIN):
            try:
                # One byte more than allowed reveals a request that is too long.
                data, sender = self._socket.recvfrom(MAX_REQUEST + 1)
            except OSError:  # drained, or an ICMP error about an earlier reply
                return
            task = loop.create_task(self._answer(data, sender))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, data: bytes, sender: Any) -> None:
        if len(self._tasks) > MAX_UNDER_WAY:
            error = CallError(UNAVAILABLE, "Too many requests at once")
            reply = render([Reply(None, None, error)], is_batch=False)
        else:
            reply = await self._dispatcher.answer(data, MAX_REPLY)
        if reply is None:
            return
        if not sender:
            _log.warning("mi_reply_failed", reason="the client's socket is not bound")
            return
        try:
            async with asyncio.timeout(REPLY_TIMEOUT):
                await self._send(reply, sender)
        except OSError as error:  # TimeoutError is one
            reason = error.strerror or "the client does not read"
            _log.warning("mi_reply_failed", client=str(sender), reason=reason)

    async def _send(self, reply: bytes, sender: Any) -> None:
        while self._socket is not None:
            try:
                self._socket.sendto(reply, sender)
            except BlockingIOError:
                # The queue of a Unix socket is full; other clients must not wait for it.
                await asyncio.sleep(_RETRY)
            else:
                return


async def open_socket(where: tuple[str, int] | Path, take: Take = nothing) -> socket.socket:
    """The socket of an address, or the one that is there.

    Raises:
        OSError: the address is unavailable.
    """
    if isinstance(where, Path):
        return take(where, socket.SOCK_DGRAM) or _bind_unix(where)
    loop = asyncio.get_running_loop()
    family, *_, target = (await loop.getaddrinfo(*where, type=socket.SOCK_DGRAM))[0]
    taken = take((str(target[0]), int(target[1])), socket.SOCK_DGRAM)
    return taken or bound(family, target, socket.SOCK_DGRAM)


def _bind_unix(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(path)
    sock = bound(socket.AF_UNIX, str(path), socket.SOCK_DGRAM)
    path.chmod(0o600)
    return sock


def _remove_stale(path: Path) -> None:
    """Remove a socket left behind by a server that has ended."""
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise FileExistsError(errno.EEXIST, "exists and is not a socket", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), str(path))
