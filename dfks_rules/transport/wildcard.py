"""A datagram socket on all addresses that knows which one it was asked at (RFC 3581 §4).

Without this the kernel chooses where an answer comes from: on a machine with two addresses that is
often not the one that the phone asked, and NAT, firewalls and phones drop the answer.
"""

import socket
import struct

from dfks_rules.sip.flow import Flow

Origin = tuple[str, int, str]
"""Address and port of a peer, and the local address that it asked."""

_IP_PKTINFO = 8
"""Of Linux's <linux/in.h>; Python names only the one of IPv6."""
_INFO4 = struct.Struct("@I4s4s")
"""struct in_pktinfo: interface, local address, destination in the header."""
_INFO6 = struct.Struct("@16sI")
"""struct in6_pktinfo: local address, interface."""
_UNKNOWN = bytes(4)


def tell_local(bound: socket.socket) -> None:
    """Have the kernel tell the local address that each datagram was sent to."""
    if bound.family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        bound.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


class WildcardSocket:
    """Wraps a socket that is bound to `0.0.0.0` or `::`."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        self._family = bound.family
        if self._family == socket.AF_INET6:
            self._level, self._kind, size = socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _INFO6.size
        else:
            self._level, self._kind, size = socket.IPPROTO_IP, _IP_PKTINFO, _INFO4.size
        tell_local(bound)
        self._space = socket.CMSG_SPACE(size)
        self._names: dict[bytes, str] = {}
        self._ancillary: dict[str, list[tuple[int, int, bytes]]] = {}

    def recvfrom(self, size: int) -> tuple[bytes, Origin]:
        """One datagram, who sent it, and the address that it was sent to."""
        data, ancillary, _, remote = self._socket.recvmsg(size, self._space)
        local = ""
        for level, kind, info in ancillary:
            if level == self._level and kind == self._kind:
                packed = info[:16] if self._family == socket.AF_INET6 else info[4:8]
                if packed == _UNKNOWN:  # It came before this socket was ours.
                    packed = info[8:12]
                local = self._name(packed)
        return data, (remote[0], remote[1], local)

    def _name(self, packed: bytes) -> str:
        name = self._names.get(packed)
        if name is None:
            name = socket.inet_ntop(self._family, packed)
            if len(self._names) < 256:
                self._names[packed] = name
        return name

    def send(self, flow: Flow, data: bytes) -> None:
        """Send from the address of the flow's listener."""
        host = flow.listener.host
        ancillary = self._ancillary.get(host)
        if ancillary is None:
            # There are no more of these than listeners.
            ancillary = self._ancillary[host] = [(self._level, self._kind, self._info(host))]
        self._socket.sendmsg((data,), ancillary, 0, flow.remote)

    def _info(self, host: str) -> bytes:
        packed = socket.inet_pton(self._family, host)
        if self._family == socket.AF_INET6:
            return _INFO6.pack(packed, 0)
        return _INFO4.pack(0, packed, bytes(4))
