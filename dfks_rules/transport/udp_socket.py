"""A UDP socket: its buffers, its errors, and what is read from it before anybody serves.

A server that takes over from another reads from the moment when the other one stops, and serves a
little later: meanwhile datagrams wait here, since the kernel's buffer may hold a third of a second.
So do those that have come to a socket of a service manager while no server ran.
"""

import asyncio
import contextlib
import socket
from collections import deque
from typing import Final

import structlog

from dfks_rules.transport.datagrams import Datagrams, Origin, datagrams_of
from dfks_rules.transport.icmp import keep_errors

BUFFER = 4 * 1024 * 1024
"""Socket buffers asked for, bytes: a burst of NOTIFYs is answered by a burst of 200s. What goes to
an address of this network at which there is no machine stays in the buffer for 3 s, until the
kernel has given up looking for it."""
MAX_EARLY = 50_000
"""Most datagrams that wait for the server: what comes then stays in the kernel, or is dropped."""
PORTION = 1_024
"""Most datagrams read before others get their turn."""
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
"""The size of the buffer whatever `net.core.wmem_max` and `rmem_max` say, for who may
(CAP_NET_ADMIN); of Linux's <asm/socket.h>; Python does not name them."""

_log = structlog.get_logger()


class UdpSocket:
    """A bound socket."""

    def __init__(self, bound: socket.socket, *, is_wildcard: bool) -> None:
        """It is not read yet.

        Args:
            bound: non-blocking.
            is_wildcard: whether it is bound to all addresses.
        """
        self.socket: Final = bound
        _enlarge(bound)
        keep_errors(bound)
        self.datagrams: Final[Datagrams] = datagrams_of(bound, is_wildcard=is_wildcard)
        """What reads from it and sends."""
        self.early: Final[deque[tuple[bytes, Origin]]] = deque()
        """What was read before anybody served, and where each came from."""

    def gather(self) -> None:
        """Have what comes in wait in `early` from now on."""
        asyncio.get_running_loop().add_reader(self.socket, self._gather)

    def stop_gathering(self) -> None:
        """Read no more."""
        asyncio.get_running_loop().remove_reader(self.socket)

    def _gather(self) -> None:
        if len(self.early) >= MAX_EARLY:
            _log.warning("too_many_early_datagrams", waiting=len(self.early))
            self.stop_gathering()
        else:
            self._take(PORTION)

    def take_rest(self) -> None:
        """Have all that has come so far wait in `early`, too."""
        self._take(MAX_EARLY - len(self.early))

    def _take(self, at_most: int) -> None:
        # An ICMP error of what the server before us sent ends it; the next time goes on.
        with contextlib.suppress(OSError):
            self.datagrams.receive(at_most, self.early)


def _enlarge(bound: socket.socket) -> None:
    """Enlarge the buffers to `BUFFER`, as far as the machine allows; never make one smaller.

    A service manager may have been allowed more than we are.
    """
    force = {socket.SO_RCVBUF: _SO_RCVBUFFORCE, socket.SO_SNDBUF: _SO_SNDBUFFORCE}
    with socket.socket(bound.family, socket.SOCK_DGRAM) as probe:
        for option, forced in force.items():
            for one in (probe, bound):
                if one is bound and _size(bound, option) >= _size(probe, option):
                    continue
                one.setsockopt(socket.SOL_SOCKET, option, BUFFER)
                with contextlib.suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, forced, BUFFER)


def _size(one: socket.socket, option: int) -> int:
    return one.getsockopt(socket.SOL_SOCKET, option)
