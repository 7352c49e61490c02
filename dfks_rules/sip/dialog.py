"""Dialogs that a request of a peer created, seen from the side that answered it (RFC 3261 §12).

A dialog writes its requests from two ready-made pieces, so that a NOTIFY costs one concatenation.
"""

import ipaddress

from dfks_rules.sip.address import parse_address
from dfks_rules.sip.endpoint import Incoming
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.grammar import split_list
from dfks_rules.sip.uri import DEFAULT_PORT, SipUri, parse_uri

_TAIL = b"\r\nMax-Forwards: 70\r\nFrom: %b;tag=%b\r\nTo: %b\r\nCall-ID: %b\r\n%bCSeq: "


class Dialog:
    """One dialog. The order of the peer's CSeq is checked by whoever owns it."""

    __slots__ = (
        "_head",
        "_tail",
        "call_id",
        "contact",
        "flow",
        "local_cseq",
        "local_tag",
        "remote_cseq",
        "remote_tag",
        "route_set",
    )

    def __init__(self, incoming: Incoming, local_tag: bytes, fixed: bytes) -> None:
        """Build the state that a dialog-creating request leads to (§12.1.1).

        Args:
            incoming: the request.
            local_tag: our tag.
            fixed: header lines, each with its CRLF, that stand in every request of ours.

        Raises:
            MalformedMessageError: Contact or Record-Route cannot be used.
        """
        request = incoming.request
        self.call_id = request.headers[b"call-id"]
        self.local_tag = local_tag
        self.remote_tag = incoming.sender.tag
        self.local_cseq = 0
        self.remote_cseq = request.cseq
        self.route_set = tuple(split_list(request.headers.get(b"record-route", b"")))
        self._tail = _TAIL % (
            request.headers[b"to"],
            local_tag,
            request.headers[b"from"],
            self.call_id,
            fixed,
        )
        self._aim(incoming)

    def refresh_target(self, incoming: Incoming) -> None:
        """Take over the Contact and the flow of a request in the dialog (§12.2.2).

        Raises:
            MalformedMessageError: Contact cannot be used; the dialog stays as it was.
        """
        contact = incoming.request.headers.get(b"contact")
        if contact is not None and (contact != self.contact or incoming.flow != self.flow):
            self._aim(incoming)

    def _aim(self, incoming: Incoming) -> None:
        """Direct our requests at the Contact of `incoming`, by the route set (§12.2.1.1)."""
        contact = incoming.request.address(b"contact").uri
        hop = parse_uri(contact)
        request_uri, routes = contact, self.route_set
        if routes:
            first = parse_address(routes[0], b"record-route").uri
            hop = parse_uri(first)
            if hop.param(b"lr") is None:
                # A strict router (RFC 2543) wants to find itself in the Request-URI.
                request_uri, routes = first, (*routes[1:], b"<%b>" % contact)
        self.contact = incoming.request.headers[b"contact"]
        self.flow = _flow_to(hop, incoming, routed=bool(self.route_set))
        self._head = b"NOTIFY %b SIP/2.0\r\n%bVia: SIP/2.0/%b %b;rport;branch=" % (
            request_uri,
            b"".join(b"Route: %b\r\n" % route for route in routes),
            self.flow.listener.transport.upper().encode(),
            self.flow.listener.sent_by,
        )

    def next_request(self, branch: bytes, *rest: bytes) -> bytes:
        """The next NOTIFY.

        Args:
            branch: of its Via.
            rest: everything after the CSeq line, in pieces.
        """
        self.local_cseq += 1
        cseq = b"%d NOTIFY\r\n" % self.local_cseq
        return b"".join((self._head, branch, self._tail, cseq, *rest))


def _flow_to(hop: SipUri, incoming: Incoming, *, routed: bool) -> Flow:
    """The way to the next hop of our requests.

    A stream is used in both directions. Over UDP the hop is the Contact or the first route, except
    for a phone behind NAT: one that writes the same address into Via and Contact, and is seen at
    another, is reached where it is seen.
    """
    source = incoming.flow
    via = incoming.request.via
    host = hop.host.strip(b"[]").decode().lower()
    port = hop.port or DEFAULT_PORT
    seen_there = (host, port) == source.remote
    behind_nat = (
        not routed and via is not None and via.host == hop.host and host != source.remote[0]
    )
    if seen_there or behind_nat:
        return source
    return Flow(source.listener, (host, port), source.connection, not _is_address(host))


def _is_address(host: str) -> bool:
    """Whether a socket takes `host` as it is. What only looks like one would be asked of DNS."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
