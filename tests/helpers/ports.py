"""Ports of loopback for those who must know them before they listen, or who come back to them.

Whoever can bind port 0 does that instead.
"""

import os
import secrets
import socket
from contextlib import suppress
from itertools import count

_FIRST = 10_000
_EACH = 2_000
_SHARES = 11
"""So many workers of pytest-xdist have ports of their own. All are below those that the kernel
gives to connections and for port 0 (`net.ipv4.ip_local_port_range`: from 32,768 on)."""
_NEXT = count(secrets.randbelow(_EACH))


def free_port() -> int:
    """A port that nobody has, for UDP and TCP, and that nobody else takes while it is not used."""
    share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
    while True:
        port = _FIRST + _EACH * share + next(_NEXT) % _EACH
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            suppress(OSError),
        ):
            datagram.bind(("127.0.0.1", port))
            stream.bind(("127.0.0.1", port))
            return port


def listen(*transports: str) -> list[str]:
    """`sip.listen` of a server that is started again on the same ports."""
    return [f"{transport}:127.0.0.1:{free_port()}" for transport in transports or ("udp",)]
