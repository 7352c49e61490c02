"""Local addresses: what a socket is bound to, and which of them a peer has asked."""

import ipaddress
import socket

from dfks_rules.sip.flow import Listener, TransportName

MAX_LOCAL = 256
"""Most local addresses told apart: all of 127.0.0.0/8 is local."""


class Listeners:
    """The listeners of one socket: one, or for a wildcard one for each address it is asked at."""

    def __init__(
        self, transport: TransportName, bound: tuple[str, int], advertise: str | None
    ) -> None:
        host, port = bound
        self._transport, self._port, self._advertise = transport, port, advertise
        self.primary = Listener(transport, reachable(host), port, advertise)
        """What is named where nobody has asked."""
        self.is_wildcard = ipaddress.ip_address(host).is_unspecified
        self._by_host = {self.primary.host: self.primary}

    def at(self, host: str) -> Listener:
        """The listener of the local address `host`; the primary one when there is no such."""
        if not self.is_wildcard:
            return self.primary
        found = self._by_host.get(host)
        if found is None:
            if not host or len(self._by_host) >= MAX_LOCAL:
                return self.primary
            found = Listener(self._transport, host, self._port, self._advertise)
            self._by_host[host] = found
        return found

    def __contains__(self, listener: Listener) -> bool:
        return self._by_host.get(listener.host) is listener


def family_of(host: str) -> socket.AddressFamily:
    """The family of an address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def bound_socket(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A non-blocking socket bound to an address.

    An IPv6 socket takes no IPv4: `0.0.0.0` and `[::]` can stand side by side, and no policy meets
    an IPv4 address written as an IPv6 one.

    Raises:
        OSError: it cannot be bound.
    """
    family = family_of(host)
    made = socket.socket(family, kind)
    try:
        made.settimeout(0)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            # Connections of the server that ran before do not keep the port.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except BaseException:
        made.close()
        raise
    return made


def reachable(host: str) -> str:
    """The address to name in Via and Contact for a socket bound to `host`."""
    if not ipaddress.ip_address(host).is_unspecified:
        return host
    target = "2001:db8::1" if ":" in host else "192.0.2.1"
    return source_to(target) or ("::1" if ":" in host else "127.0.0.1")


def source_to(remote: str) -> str | None:
    """The local address from which the kernel would send to an address; None for none."""
    with socket.socket(family_of(remote), socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing: it asks for the route's own address.
            probe.connect((remote, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
