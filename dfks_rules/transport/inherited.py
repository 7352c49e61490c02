"""Sockets that were opened before this process began: by a service manager, or by the server that
ran before it.

They come by systemd's protocol, whoever passes them: descriptors from 3 on, and the variables
LISTEN_PID (for whom they are), LISTEN_FDS (how many) and LISTEN_FDNAMES (what each is called).
Each is found by its type and address. A name that is that of a door (`udp`, `tcp`, `tls`, `http`,
`datagram`, `api`) tells it from others that could be meant as well: which of two TCP sockets is for
TLS.

Reference: sd_listen_fds(3)
"""

import errno
import os
import socket
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import NamedTuple

FIRST = 3
"""Number of the first descriptor."""
DOORS = frozenset(("udp", "tcp", "tls", "http", "datagram", "api"))
"""Names that say what a socket is for."""
CHANNEL = "hand-over"
"""Name of the socket on which the server that ran before speaks with this one."""
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")

Where = tuple[str, int] | Path
"""An address and a port, 0 for any; or the path of a Unix socket."""


class Passed(NamedTuple):
    """One socket, and its name."""

    name: str
    socket: socket.socket

    def __str__(self) -> str:
        found = self.socket.getsockname()
        kind = "tcp" if self.socket.type == socket.SOCK_STREAM else "udp"
        if not isinstance(found, tuple):
            return f"unix:{found!s}"
        host, port = found[:2]
        return f"{kind}:[{host}]:{port}" if ":" in host else f"{kind}:{host}:{port}"


class Inherited:
    """Sockets that wait for whoever listens where they do."""

    def __init__(self, passed: Iterable[Passed] = ()) -> None:
        self._left = list(passed)
        self.is_empty = not self._left
        """Whether none was passed."""

    def take(self, door: str, where: Where, kind: socket.SocketKind) -> socket.socket | None:
        """The socket for a door; it is the caller's from now on. None when there is none.

        Args:
            door: one of `DOORS`.
            where: what the settings say. Port 0 takes any port, but one that is wanted by number
                should be taken before.
            kind: datagrams or streams.

        Raises:
            OSError: it would serve other addresses than the settings say.
        """
        for one in self._left:
            if one.name in DOORS and one.name != door:
                continue
            if one.socket.type == kind and _is_at(one.socket, where):
                _check(one)
                self._left.remove(one)
                return one.socket
        return None

    def put(self, door: str, one: socket.socket) -> None:
        """Have a socket wait for a door, one of `DOORS`."""
        self._left.append(Passed(door, one))

    def channel(self) -> socket.socket | None:
        """The socket to the server that ran before; None when there was none."""
        for one in self._left:
            if one.name == CHANNEL:
                self._left.remove(one)
                return one.socket
        return None

    def passed(self) -> list[Passed]:
        """Those that nobody took yet."""
        return [*self._left]

    def close(self) -> list[str]:
        """Close those that nobody took; which ones they were."""
        left, self._left = self._left, []
        names = [str(one) for one in left]
        for one in left:
            one.socket.close()
        return names


def inherited(environ: MutableMapping[str, str]) -> Inherited:
    """The sockets that were passed to this process.

    Args:
        environ: the environment; what speaks of them is removed, as it is not for children.

    Raises:
        OSError: what was passed is not what the variables say.
    """
    pid, count, names = (environ.pop(name, "") for name in _VARIABLES)
    if pid != str(os.getpid()):
        return Inherited()  # For a parent of ours.
    if not count.isdecimal() or len(count) > 4:
        raise OSError(errno.EINVAL, f"`{count}` is not a number of sockets", "LISTEN_FDS")
    given = names.split(":") if names else []
    return Inherited(
        _passed(FIRST + place, given[place] if place < len(given) else "")
        for place in range(int(count))
    )


def _passed(number: int, name: str) -> Passed:
    where = f"descriptor {number}"
    try:
        os.set_inheritable(number, False)  # noqa: FBT003 - the library's signature
        found = socket.socket(fileno=number)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"cannot be used as a socket: {reason}", where) from error
    found.settimeout(0)
    return Passed(name, found)


def _is_at(found: socket.socket, where: Where) -> bool:
    bound = found.getsockname()
    if isinstance(where, Path):
        is_named = found.family == socket.AF_UNIX and isinstance(bound, str) and bool(bound)
        return is_named and Path(bound).absolute() == where.absolute()
    if found.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    return bool(bound[0] == where[0] and where[1] in (0, bound[1]))


def _check(one: Passed) -> None:
    """Refuse what would serve other peers than a socket of ours."""
    if one.socket.family != socket.AF_INET6 or one.socket.getsockname()[0] != "::":
        return
    if not one.socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        why = "the socket takes IPv4, too; pass one that does not (BindIPv6Only=ipv6-only)"
        raise OSError(errno.EINVAL, why, str(one))
