"""How datagrams are read from a socket and sent: by C, or by Python where C was not compiled.

Python makes a text and a tuple of every address, and reads them again for every answer. C gives
addresses as bytes, which are looked up: two datagrams each way cost 1.4 µs less, and 2.8 where all
addresses are listened on.
`recvmmsg` and `sendmmsg` gained nothing on top (docs/decisions/0031-a-splitter-in-c.md).
"""

import os
import socket
from collections import deque
from typing import Any, Protocol

from dfks_rules.sip.flow import Flow
from dfks_rules.transport.wildcard import WildcardSocket, tell_local

try:
    from dfks_rules.transport import _datagrams
except ImportError:
    IS_COMPILED = False
else:
    IS_COMPILED = True

MAX_DATAGRAM = 65_535
MAX_REMOTES = 10_000
"""Most peers whose packed address is kept."""
_PORT = 2
"""Bytes of a port."""
Origin = Any
"""Who sent a datagram, and on a wildcard the address that it was sent to; a key."""


class Datagrams(Protocol):
    """What comes from a socket and goes to it."""

    def receive(self, most: int, received: deque[tuple[bytes, Origin]]) -> None:
        """Append what has come in, at most `most`.

        Raises:
            OSError: an ICMP error of an earlier datagram; what was read before it was appended.
        """

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one; on a wildcard from the address of the flow's listener.

        Raises:
            OSError: it cannot be sent now, or an ICMP error of an earlier datagram.
            OverflowError: there is no such port.
        """

    def ends_of(self, origin: Origin) -> tuple[tuple[str, int], str]:
        """Address and port of who sent it, and the address it was sent to; empty if unknown."""


class NativeDatagrams:
    """By C."""

    def __init__(self, bound: socket.socket, *, is_wildcard: bool) -> None:
        self._socket = bound
        self._family = bound.family
        self._size = (16 if bound.family == socket.AF_INET6 else 4) + _PORT
        self._is_wildcard = is_wildcard
        self._remotes: dict[tuple[str, int], bytes] = {}
        self._locals: dict[str, bytes] = {}
        if is_wildcard:
            tell_local(bound)

    def receive(self, most: int, received: deque[tuple[bytes, Origin]]) -> None:
        """See `Datagrams`."""
        found, error = _datagrams.receive(self._socket.fileno(), most, self._is_wildcard)
        received.extend(found)
        if error:
            raise OSError(error, os.strerror(error))

    def send(self, flow: Flow, data: bytes) -> None:
        """See `Datagrams`."""
        remote = self._remotes.get(flow.remote) or self._packed(flow.remote)
        local = b""
        if self._is_wildcard:
            host = flow.listener.host
            local = self._locals.get(host) or self._packed_local(host)
        error = _datagrams.send(self._socket.fileno(), data, remote, local)
        if error:
            raise OSError(error, os.strerror(error))

    def _packed(self, remote: tuple[str, int]) -> bytes:
        host, port = remote
        if len(self._remotes) >= MAX_REMOTES:
            self._remotes.clear()
        packed = socket.inet_pton(self._family, host) + port.to_bytes(_PORT, "big")
        self._remotes[remote] = packed
        return packed

    def _packed_local(self, host: str) -> bytes:
        # There are no more of these than listeners.
        packed = self._locals[host] = socket.inet_pton(self._family, host)
        return packed

    def ends_of(self, origin: Origin) -> tuple[tuple[str, int], str]:
        """See `Datagrams`."""
        end, local = self._size, origin[self._size :]
        host = socket.inet_ntop(self._family, origin[: end - _PORT])
        remote = host, int.from_bytes(origin[end - _PORT : end], "big")
        return remote, socket.inet_ntop(self._family, local) if local else ""


class PythonDatagrams:
    """By Python's own sockets."""

    def __init__(self, bound: socket.socket, *, is_wildcard: bool) -> None:
        self._socket = bound
        self._wildcard = WildcardSocket(bound) if is_wildcard else None
        self._receive_from = bound.recvfrom if self._wildcard is None else self._wildcard.recvfrom

    def receive(self, most: int, received: deque[tuple[bytes, Origin]]) -> None:
        """See `Datagrams`."""
        receive_from = self._receive_from
        try:
            for _ in range(most):
                received.append(receive_from(MAX_DATAGRAM))
        except (BlockingIOError, InterruptedError):
            return

    def send(self, flow: Flow, data: bytes) -> None:
        """See `Datagrams`."""
        if self._wildcard is None:
            self._socket.sendto(data, flow.remote)
        else:
            self._wildcard.send(flow, data)

    def ends_of(self, origin: Origin) -> tuple[tuple[str, int], str]:
        """See `Datagrams`."""
        return origin[:2], "" if self._wildcard is None else origin[2]


def datagrams_of(bound: socket.socket, *, is_wildcard: bool) -> Datagrams:
    """What reads from a bound socket that does not wait, and sends.

    Args:
        bound: the socket.
        is_wildcard: whether it is bound to all addresses.
    """
    kind = NativeDatagrams if IS_COMPILED else PythonDatagrams
    return kind(bound, is_wildcard=is_wildcard)
