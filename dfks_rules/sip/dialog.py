"""Dialogs that a request of a peer created, seen from the side that answered it (RFC 3261 §12).

A dialog writes its requests from two ready-made pieces, so that a NOTIFY costs one concatenation.
"""

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip import header
from dfks_rules.sip.address import parse_address
from dfks_rules.sip.client_transaction import Outgoing
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.grammar import split_list
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.message import Request
from dfks_rules.sip.ports import Ways
from dfks_rules.sip.route import datagrams_to, flow_to, flow_to_proxy
from dfks_rules.sip.uri import parse_uri

MAX_DATAGRAM = 1_300
"""Longest request for a datagram, bytes, as long as there is a stream (RFC 3261 §18.1.1)."""
MAX_ROUTES = 64
"""Longest route set: Max-Forwards lets a request pass 70 proxies, and each NOTIFY repeats it."""

_TAIL = b"\r\nMax-Forwards: 70\r\nFrom: %b;tag=%b\r\nTo: %b\r\nCall-ID: %b\r\n%bCSeq: "

Pieces = tuple[
    bytes, bytes, bytes, bytes, bytes, tuple[bytes, ...], Flow, tuple[Flow, ...], bool, int, int
]
"""All that there is to know of a dialog, but for our tag and the ways to the peer: what our
requests begin with, and what stands in them from Max-Forwards to CSeq, with our tag; Call-ID, tag
and Contact of the peer, empty for the Request-URI in angle brackets; the route set; the flow of our
requests, and where they go when nobody can be reached by that; `seen` of `Dialog`; and the CSeq of
the last request, ours and theirs."""


class Dialog:
    """One dialog."""

    __slots__ = (
        "_further",
        "_has_stream",
        "_head",
        "_seen",
        "_tail",
        "_ways",
        "call_id",
        "contact",
        "flow",
        "local_cseq",
        "local_tag",
        "remote_cseq",
        "remote_tag",
        "route_set",
    )

    def __init__(
        self,
        made_of: Incoming | Pieces,
        local_tag: bytes,
        fixed: bytes = b"",
        ways: Ways | None = None,
        *,
        trusted: bool = False,
        seen: bool = False,
    ) -> None:
        """Build the state that a dialog-creating request leads to (§12.1.1).

        Args:
            made_of: the request; or what `pieces` gave, to which only our tag and the ways are
                added.
            local_tag: our tag.
            fixed: header lines, each with its CRLF, that stand in every request of ours.
            ways: the other ways to a peer; None where there are none.
            trusted: whether a Path counts where there is no Record-Route.
            seen: whether requests go where the phone is seen, whatever its Contact says.

        Raises:
            MalformedMessageError: Contact or Record-Route cannot be used.
        """
        self.local_tag = local_tag
        self._ways = ways
        if not isinstance(made_of, Incoming):
            self._put_together(made_of)
            return
        incoming = made_of
        request = incoming.request
        self.call_id = request.value(header.CALL_ID)
        self.remote_tag = incoming.sender.tag
        self.local_cseq = 0
        self.remote_cseq = request.cseq
        """CSeq of the last request of the peer that was taken."""
        recorded = request.get(header.RECORD_ROUTE)
        if recorded is None and trusted:
            recorded = request.get(header.PATH)
        self.route_set = () if recorded is None else tuple(split_list(recorded))
        if len(self.route_set) > MAX_ROUTES:
            raise MalformedMessageError("sip_malformed_header", "too many routes in Record-Route")
        self._seen = seen
        self._tail = _TAIL % (
            request.value(header.TO),
            local_tag,
            request.value(header.FROM),
            self.call_id,
            fixed,
        )
        self._aim(incoming)

    def _put_together(self, pieces: Pieces) -> None:
        (
            self._head,
            self._tail,
            self.call_id,
            self.remote_tag,
            self.contact,
            self.route_set,
            self.flow,
            self._further,
            self._seen,
            self.local_cseq,
            self.remote_cseq,
        ) = pieces
        if not self.contact:
            self.contact = b"<%b>" % self.request_uri
        self._has_stream = self.flow.connection != 0

    def pieces(self) -> Pieces:
        """All that there is to know of it, but for our tag and the ways to the peer."""
        contact = self.contact
        return (
            self._head,
            self._tail,
            self.call_id,
            self.remote_tag,
            b"" if contact == b"<%b>" % self.request_uri else contact,
            self.route_set,
            self.flow,
            self._further,
            self._seen,
            self.local_cseq,
            self.remote_cseq,
        )

    @property
    def request_uri(self) -> bytes:
        """The Request-URI of our requests."""
        return self._head.split(b" ", 2)[1]

    @property
    def is_proxied(self) -> bool:
        """Whether our requests pass the outbound proxy of the settings."""
        ways = self._ways
        has_proxy = ways is not None and ways.outbound_proxy is not None
        return has_proxy and not self.flow.connection and not self.route_set

    def is_late(self, request: Request) -> bool:
        """Whether the peer has sent it before one that was taken, or it is that one (§12.2.2)."""
        return request.cseq <= self.remote_cseq

    def take(self, incoming: Incoming, *, anew: bool = False) -> bool:
        """Take over the CSeq, the Contact and the flow of a request in the dialog (§12.2.2).

        INVARIANT: what was taken from all requests follows from the first one and the last one for
        which this was asked `anew`, or gave True. So these two are all that has to be kept.

        Args:
            incoming: the request.
            anew: whether to look at its Contact and flow even if they are the same as before.

        Returns:
            Whether our requests go another way now.

        Raises:
            MalformedMessageError: Contact cannot be used; the dialog stays as it was.
        """
        request = incoming.request
        contact = request.get(header.CONTACT)
        is_moved = False
        if contact is not None and (anew or contact != self.contact or incoming.flow != self.flow):
            before = self.contact, self._head, self.flow, self._further
            self._aim(incoming)
            is_moved = before != (self.contact, self._head, self.flow, self._further)
        self.remote_cseq = request.cseq
        return is_moved

    def resumed(self, remote_cseq: int, local_cseq: int) -> None:
        """It goes on where an earlier life of this server has left it.

        Args:
            remote_cseq: CSeq of the last request that was taken.
            local_cseq: a CSeq that no request of ours has gone beyond.
        """
        self.remote_cseq, self.local_cseq = remote_cseq, local_cseq

    def _aim(self, incoming: Incoming) -> None:
        """Direct our requests at the Contact of `incoming`, by the route set (§12.2.1.1)."""
        contact = incoming.request.address(header.CONTACT).uri
        hop = parse_uri(contact)
        if hop.headers:
            # What follows the question mark has no place in a Request-URI (§19.1.1).
            contact = contact[: -len(hop.headers) - 1]
        request_uri, routes = contact, self.route_set
        if routes:
            first = parse_address(routes[0], b"record-route").uri
            hop = parse_uri(first)
            if hop.param(b"lr") is None:
                # A strict router (RFC 2543) wants to find itself in the Request-URI.
                request_uri, routes = first, (*routes[1:], b"<%b>" % contact)
        ways = self._ways
        flow = flow_to(hop, incoming, ways, routed=bool(self.route_set), seen=self._seen)
        self._further = (
            datagrams_to(flow, hop, incoming.flow, ways)
            if flow.listener.reliable or flow.hop is not None
            else ()
        )
        self.contact = incoming.request.value(header.CONTACT)
        lines = b"".join([b"Route: %b\r\n" % route for route in routes])
        self._set_head(request_uri, lines, flow)
        if ways is not None and ways.outbound_proxy is not None and not flow.connection:
            self._aim_at_proxy()

    def _set_head(self, request_uri: bytes, routes: bytes, flow: Flow) -> None:
        self.flow = flow
        self._has_stream = flow.connection != 0
        self._head = b"NOTIFY %b SIP/2.0\r\n%b%b" % (
            request_uri,
            routes,
            flow.listener.via_start,
        )

    def _aim_at_proxy(self) -> None:
        """Have our requests pass the outbound proxy, where no route says otherwise.

        Who wrote `sips` is told over TLS only, whatever the proxy is reached by.
        """
        proxy = None if self._ways is None else self._ways.outbound_proxy
        if self._ways is None or proxy is None or self.route_set:
            return
        contact = parse_address(self.contact, b"contact").uri
        hop = parse_uri(contact)
        flow = flow_to_proxy(proxy.uri, self.flow, self._ways)
        if hop.scheme == b"sips" and not flow.listener.secure:
            return
        if hop.headers:
            contact = contact[: -len(hop.headers) - 1]
        self._further = ()
        self._set_head(contact, b"Route: %b\r\n" % proxy.route, flow)

    def next_request(self, branch: bytes, *rest: bytes) -> Outgoing:
        """The next NOTIFY.

        One that is long for a datagram goes over a stream where there is one to the same peer, and
        as a datagram when that fails (§18.1.1).

        Args:
            branch: of its Via.
            rest: everything after the CSeq line, in pieces.
        """
        ways = self._ways
        if self._has_stream and _has_lost(self.flow, ways):
            self._aim_at_proxy()
        self.local_cseq += 1
        cseq = b"%d NOTIFY\r\n" % self.local_cseq
        message = b"".join((self._head, branch, self._tail, cseq, *rest))
        flow = self.flow
        if ways is None or flow.listener.reliable or len(message) <= MAX_DATAGRAM:
            return Outgoing(branch, message, flow, self._further)
        stream = ways.stream_to(flow.remote)
        if stream is None:
            return Outgoing(branch, message, flow, self._further)
        start = self._head.rpartition(b"\r\nVia: ")[0] + b"\r\n" + stream.listener.via_start
        return Outgoing(branch, start + message[len(self._head) :], stream, (flow,))


def _has_lost(flow: Flow, ways: Ways | None) -> bool:
    """Whether a connection is gone, and there is an outbound proxy to take its place."""
    return (
        ways is not None and ways.outbound_proxy is not None and not ways.is_open(flow.connection)
    )
