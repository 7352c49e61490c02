"""Where the requests of a dialog go: the next hop (RFC 3261 §12.2.1.1, §8.1.2).

The transport is the one that the hop's URI names, if it is ours. Three rules come before that:

- A stream is used in both directions, whatever transport its phone names.
- A phone behind NAT is reached where it is seen: one that writes the same address into Via and
  Contact and is seen at another, and one that is seen at a public address and writes a private one.
- Who wrote `sips` is not told over a way that others can read (§12.1.1, §26.2.2).

What is only a name is looked up when a request goes out (`Flow.hop`, RFC 3263): here it is kept
that no port was written, which is when there may be SRV records.

A Contact must not be a group's address, which would have one NOTIFY reach many, nor 0.0.0.0, which
is this machine. A loopback address means the machine that it is written on: where a peer on another
one writes it, or a name that has one, nothing goes to our own (MI, for one, listens there).
`maddr` is followed when it is the address of one host: with a name in it we would
look up what a stranger likes. Followed like that it adds nothing to what
Contact allows anyway: whoever forges a SUBSCRIBE can aim the NOTIFY that follows at one host, over
UDP sent twice (docs/decisions/0015-proved-contacts.md); over TCP it gets a connection attempt, and
no NOTIFY if it does not answer.
"""

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.flow import Flow, Hop, Listener, TransportName
from dfks_rules.sip.host import address_of, check_name, is_loopback, is_one_host, is_private
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.ports import Ways
from dfks_rules.sip.uri import SipUri


def flow_to(
    hop: SipUri, incoming: Incoming, ways: Ways | None, *, routed: bool, seen: bool = False
) -> Flow:
    """The way to the next hop of our requests.

    Args:
        hop: the Contact, or the first of the routes.
        incoming: the request that named it.
        ways: what else we listen on; None for nothing.
        routed: whether the hop is a route.
        seen: whether to go where the request came from, whatever Contact says.

    Raises:
        MalformedMessageError: `sip_malformed_uri` for a host that cannot be,
            `sip_insecure_flow` for a `sips` hop on a way that is not secure.
    """
    source = incoming.flow
    listener = source.listener
    if hop.scheme == b"sips" and not listener.secure:
        raise MalformedMessageError("sip_insecure_flow", "sips needs a secure transport")
    if seen and not routed:
        return source
    host = hop.host.strip(b"[]").decode().lower()
    transport, maddr = _named(hop) if hop.params else ("", None)
    if maddr is not None and not _is_elsewhere(maddr, source):
        host = maddr
    elif not routed and host != source.remote[0] and _is_behind_nat(hop, host, incoming):
        return source
    if host != source.remote[0]:
        address = _address_of(hop, host)
        if address is None:
            return _flow_to_name(hop, host, transport, source, ways)
        if _is_elsewhere(address, source):
            raise MalformedMessageError("sip_malformed_uri", "loopback address of another machine")
        host = address
    if ways is not None and (transport or (":" in host) != (":" in listener.host)):
        other = _other_listener(transport, host, listener, ways)
        if other is not None:
            return _flow_from(other, hop, host, source)
    remote = host, hop.port or listener.default_port
    return source if remote == source.remote else Flow(listener, remote, source.connection)


def _flow_from(other: Listener, hop: SipUri, host: str, source: Flow) -> Flow:
    """The way from another listener than the one that was asked."""
    remote = host, hop.port or other.default_port
    if not source.listener.reliable:
        return Flow(other, remote)
    # The stream while it lives, then what Contact says.
    wanted = Hop(host, hop.port, other.transport, _is_here(source))
    return Flow(source.listener, remote, source.connection, wanted)


def _other_listener(transport: str, host: str, listener: Listener, ways: Ways) -> Listener | None:
    """The listener for a hop where it is not the one that was asked; None where it is."""
    if listener.secure or not transport:
        transport = listener.transport
    if transport == listener.transport and (":" in host) == (":" in listener.host):
        return None
    return ways.listener_for(transport, host, listener)


def _flow_to_name(hop: SipUri, name: str, transport: str, source: Flow, ways: Ways | None) -> Flow:
    """The way to a hop that has to be looked up; over a stream, once that has ended."""
    listener = source.listener
    wanted: TransportName | None = None
    if listener.secure:
        wanted = TransportName.TLS
    elif transport and ways is not None and _is_served(transport, listener, ways):
        wanted = TransportName(transport)
    name = name.removesuffix(".")
    remote = name, hop.port or listener.default_port
    looked_up = Hop(name, hop.port, wanted, _is_here(source))
    return Flow(listener, remote, source.connection, looked_up)


def _is_served(transport: str, listener: Listener, ways: Ways) -> bool:
    return (
        transport == listener.transport
        or ways.listener_for(transport, listener.host, listener) is not None
    )


def datagrams_to(flow: Flow, hop: SipUri, source: Flow, ways: Ways | None) -> tuple[Flow, ...]:
    """The way by datagrams for what a stream cannot deliver; none where that is not allowed.

    It is for a peer that sent a datagram and named a stream in its Contact, and for one that sent
    over a stream and named nothing, which means UDP (RFC 3263 §4.1). There is none from TLS: who
    asked for it would be told where others can read it.

    Args:
        flow: what `flow_to` gave for `hop`.
        hop: the Contact, or the first of the routes.
        source: where it came from.
        ways: what else we listen on.
    """
    if ways is None or flow.listener.secure:
        return ()
    if source.listener.reliable:
        if flow.hop is not None or flow.remote == source.remote or _named(hop)[0]:
            return ()
    elif flow.hop is not None:
        # Over UDP there is nothing to add; a name with `transport=tcp` may be heard there, too.
        wanted = flow.hop.transport
        if wanted is not TransportName.TCP:
            return ()
        return (flow._replace(hop=flow.hop._replace(transport=TransportName.UDP)),)
    elif not flow.listener.reliable:
        return ()
    listener = ways.listener_for("udp", flow.remote[0], flow.listener)
    return () if listener is None else (Flow(listener, flow.remote),)


def flow_to_proxy(proxy: SipUri, source: Flow, ways: Ways) -> Flow:
    """The way to an outbound proxy, whatever the phone came by: the operator says how.

    Args:
        proxy: its URI, which the settings have checked.
        source: where the phone is seen.
        ways: what we listen on.
    """
    host = proxy.host.strip(b"[]").decode().lower().removesuffix(".")
    transport = "tls" if proxy.scheme == b"sips" else _named(proxy)[0]
    wanted = TransportName(transport) if transport else None
    address = address_of(host)
    hop = Hop(host, proxy.port, wanted, may_be_here=True)
    if address is None:
        return Flow(source.listener, (host, proxy.port or 5060), 0, hop)
    listener = ways.listener_for(transport or "udp", address, source.listener)
    if listener is None:
        return Flow(source.listener, (address, proxy.port or 5060), 0, hop)
    return Flow(listener, (address, proxy.port or listener.default_port))


def _is_behind_nat(hop: SipUri, host: str, incoming: Incoming) -> bool:
    """Whether a Contact leads nowhere from here."""
    via = incoming.request.via
    if via is not None and via.host == hop.host:
        return True
    address = address_of(host)
    if address is None or not is_private(address):
        return False
    return not is_private(incoming.flow.remote[0]) or _is_elsewhere(address, incoming.flow)


def _is_elsewhere(address: str, source: Flow) -> bool:
    """Whether an address is a loopback address of another machine."""
    return is_loopback(address) and not _is_here(source)


def _is_here(source: Flow) -> bool:
    """Whether who sent a request is on this machine."""
    remote = source.remote[0]
    return remote == source.listener.host or is_loopback(remote)


def _named(hop: SipUri) -> tuple[str, str | None]:
    """The transport in a URI, and the address in its `maddr`, if it is that of one host."""
    transport = (hop.param(b"transport") or b"").decode(errors="replace").lower()
    maddr = (hop.param(b"maddr") or b"").strip(b"[]").decode(errors="replace").lower()
    address = address_of(maddr)
    return transport, address if address is not None and is_one_host(address) else None


def _address_of(hop: SipUri, host: str) -> str | None:
    """A host's address; None for a name."""
    address = address_of(host)
    if address is None:
        if hop.host.startswith(b"["):
            raise MalformedMessageError("sip_malformed_uri", "invalid host in SIP URI")
        check_name(host)
    elif not is_one_host(address):
        raise MalformedMessageError("sip_malformed_uri", "no single host in SIP URI")
    return address
