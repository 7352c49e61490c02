"""Sockets of the doors: inherited where there is one for an address, otherwise new."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

BACKLOG = 128
"""Connections that the kernel keeps for us."""
Take = Callable[[tuple[str, int] | Path, socket.SocketKind], socket.socket | None]
"""Gives the inherited socket of an address, or None."""


def nothing(_where: tuple[str, int] | Path, _kind: socket.SocketKind) -> socket.socket | None:
    """No socket was inherited."""
    return None


async def listening(host: str, port: int, take: Take = nothing) -> list[socket.socket]:
    """Sockets that listen for streams at an address: inherited ones if there are, else new ones.

    Raises:
        OSError: it is unavailable.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    made: list[socket.socket] = []
    try:
        for family, *_, target in dict.fromkeys(found):
            taken = take((str(target[0]), int(target[1])), socket.SOCK_STREAM)
            made.append(taken or bound(family, target, socket.SOCK_STREAM))
            made[-1].listen(BACKLOG)
    except BaseException:
        for one in made:
            one.close()
        raise
    return made


def bound(family: int, target: Any, kind: socket.SocketKind) -> socket.socket:
    """A new non-blocking socket, bound to an address.

    Raises:
        OSError: it cannot be bound.
    """
    made = socket.socket(family, kind)
    try:
        made.settimeout(0)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            # Connections of the server that ran before do not keep the port.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(target)
    except BaseException:
        made.close()
        raise
    return made
