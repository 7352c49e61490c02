"""Sockets of the doors: inherited where there is one for an address, otherwise new."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

Take = Callable[[tuple[str, int] | Path, socket.SocketKind], socket.socket | None]
"""Gives the inherited socket of an address, or None."""


def nothing(_where: tuple[str, int] | Path, _kind: socket.SocketKind) -> socket.socket | None:
    """No socket was inherited."""
    return None


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
