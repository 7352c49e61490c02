"""Where the requests of a dialog go: the next hop (RFC 3261 §12.2.1.1, §8.1.2).

The transport is the one that the hop's URI names, if it is ours. Three rules come before that:

- A stream is used in both directions, whatever transport its phone names.
- A phone behind NAT (one that writes the same address into Via and Contact, and is seen at another)
  is reached where it is seen.
- Who wrote `sips` is not told over a way that others can read (§12.1.1, §26.2.2).

A Contact must not be a group's address, which would have one NOTIFY reach many, nor 0.0.0.0, which
is this machine. `maddr` is followed when it is the address of one host: with a name in it we would
look up what a stranger likes. Followed like that it adds nothing to what
Contact allows anyway: whoever forges a SUBSCRIBE can aim the NOTIFY that follows at one host, over
UDP sent twice (docs/decisions/0015-proved-contacts.md); over TCP it gets a connection attempt, and
no NOTIFY if it does not answer.
"""

import ipaddress

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.endpoint import Incoming
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.ports import Ways
from dfks_rules.sip.uri import SipUri

MAX_LABEL = 63
"""Longest label of a host name, bytes (RFC 1035 §2.3.4)."""
MAX_NAME = 253
"""Longest host name, bytes: 255 on the wire, with a length before and the root after it."""
_BROADCAST = "255.255.255.255"


def flow_to(hop: SipUri, incoming: Incoming, ways: Ways | None, *, routed: bool) -> Flow:
    """The way to the next hop of our requests.

    Args:
        hop: the Contact, or the first of the routes.
        incoming: the request that named it.
        ways: what else we listen on; None for nothing.
        routed: whether the hop is a route.

    Raises:
        MalformedMessageError: `sip_malformed_uri` for a host that cannot be,
            `sip_insecure_flow` for a `sips` hop on a way that is not secure.
    """
    source = incoming.flow
    listener = source.listener
    if hop.scheme == b"sips" and not listener.secure:
        raise MalformedMessageError("sip_insecure_flow", "sips needs a secure transport")
    host = hop.host.strip(b"[]").decode().lower()
    transport, maddr = _named(hop) if hop.params else ("", None)
    if maddr is not None:
        host = maddr
    elif not routed and host != source.remote[0] and _is_sent_by(hop, incoming):
        return source
    resolve = host != source.remote[0] and not _check_host(hop, host)
    if transport and ways is not None and not listener.reliable and transport != listener.transport:
        other = ways.listener_for(transport, listener)
        if other is not None:
            return Flow(other, (host, hop.port or other.default_port), 0, resolve)
    remote = host, hop.port or listener.default_port
    if remote == source.remote:
        return source
    return Flow(listener, remote, source.connection, resolve)


def _is_sent_by(hop: SipUri, incoming: Incoming) -> bool:
    via = incoming.request.via
    return via is not None and via.host == hop.host


def _named(hop: SipUri) -> tuple[str, str | None]:
    """The transport in a URI, and the address in its `maddr`, if it is that of one host."""
    transport = (hop.param(b"transport") or b"").decode(errors="replace").lower()
    maddr = (hop.param(b"maddr") or b"").strip(b"[]").decode(errors="replace").lower()
    try:
        address = ipaddress.ip_address(maddr)
    except ValueError:
        return transport, None
    return transport, maddr if _is_one_host(address) else None


def _is_one_host(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if mapped is not None:
        address = mapped
    return not (address.is_multicast or address.is_unspecified or str(address) == _BROADCAST)


def _check_host(hop: SipUri, host: str) -> bool:
    """Whether a host is an address; a socket would ask DNS for what only looks like one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        lengths = [len(label) for label in host.removesuffix(".").split(".")]
        possible = min(lengths) > 0 and max(lengths) <= MAX_LABEL and len(host) <= MAX_NAME
        if hop.host.startswith(b"[") or not possible:
            raise MalformedMessageError("sip_malformed_uri", "invalid host in SIP URI") from None
        return False
    if not _is_one_host(address):
        raise MalformedMessageError("sip_malformed_uri", "no single host in SIP URI")
    return True
