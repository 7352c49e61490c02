"""A SIP endpoint without sockets: datagrams in; requests, ends of transactions and datagrams out.

It answers by itself what needs no knowledge of presence: repeats of requests, and requests that are
malformed. Everything else is handed up.
"""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.address import Address, tag_in
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.message import Fault, Request, Response, parse_message
from dfks_rules.sip.transaction import (
    ClientTransaction,
    ClientTransactions,
    ServerTransaction,
    ServerTransactions,
    server_key,
)
from dfks_rules.sip.uri import DEFAULT_PORT, SipUri, parse_uri

Owner = TypeVar("Owner")
Send = Callable[[Flow, bytes], None]
"""Hands bytes to a transport. What cannot be sent is lost, as on any network: timers see to it."""

_REASONS = {
    200: b"OK",
    400: b"Bad Request",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    415: b"Unsupported Media Type",
    416: b"Unsupported URI Scheme",
    420: b"Bad Extension",
    423: b"Interval Too Brief",
    481: b"Subscription Does Not Exist",
    483: b"Too Many Hops",
    489: b"Bad Event",
    500: b"Server Internal Error",
    501: b"Not Implemented",
    503: b"Service Unavailable",
    505: b"Version Not Supported",
}


class Incoming(NamedTuple):
    """A request that waits for an answer."""

    request: Request
    uri: SipUri
    """The Request-URI."""
    sender: Address
    """From."""
    recipient: Address
    """To."""
    flow: Flow
    """Where it came from."""
    key: bytes
    """What its repeats have in common with it; empty for a malformed one."""


class Finished(NamedTuple, Generic[Owner]):
    """A transaction of ours ended."""

    transaction: ClientTransaction[Owner]
    response: Response | None
    """The final response; None when there was none within 32 s, or nobody could be reached."""


class Endpoint(Generic[Owner]):
    """One for each server. `Owner` is what a request of ours belongs to, for whoever sent it."""

    def __init__(self, send: Send, tag_of: Callable[[bytes], bytes]) -> None:
        """Make an endpoint.

        Args:
            send: where datagrams go.
            tag_of: a To tag for what is answered without a dialog: a keyed hash, the same for a
                repeat of the request (RFC 3261 §8.2.7).
        """
        self._send = send
        self._tag_of = tag_of
        self.servers = ServerTransactions()
        self.clients: ClientTransactions[Owner] = ClientTransactions()

    def receive(self, data: bytes, flow: Flow, now: float) -> Incoming | Finished[Owner] | None:
        """Take one datagram or framed message.

        Args:
            data: the message.
            flow: where it came from, and where an answer goes.
            now: monotonic seconds.
        """
        message = parse_message(data)
        if isinstance(message, Response):
            return self._receive_response(message)
        if message is None or message.method == b"ACK":
            return None
        if message.fault is None:
            key = server_key(message)
            transaction = self.servers.find(key)
            if transaction is not None:
                if transaction.response is not None:
                    self._send(transaction.flow, transaction.response)
                return None
            incoming = self._check_addresses(message, flow, key)
            if incoming is not None:
                return incoming
        self._refuse_malformed(message, flow)
        return None

    def _receive_response(self, response: Response) -> Finished[Owner] | None:
        transaction = self.clients.answered(response.branch, response.status)
        return None if transaction is None else Finished(transaction, response)

    def _check_addresses(self, request: Request, flow: Flow, key: bytes) -> Incoming | None:
        """The request, if its Request-URI, From and To are well-formed; else None and a fault."""
        try:
            uri = parse_uri(request.uri)
            if uri.headers:
                raise MalformedMessageError("sip_malformed_uri", "headers in the Request-URI")
            sender, recipient = request.address(b"from"), request.address(b"to")
            return Incoming(request, uri, sender, recipient, flow, key)
        except MalformedMessageError as error:
            unsupported = error.code == "sip_unsupported_scheme"
            request.fault = Fault(416 if unsupported else 400, error.message)
            return None

    def _refuse_malformed(self, request: Request, flow: Flow) -> None:
        if request.fault is None or not request.headers.get(b"via"):
            return
        recipient = Address(b"", tag_in(request.headers.get(b"to", b"").rpartition(b">")[2]))
        incoming = Incoming(request, _UNREAD_URI, _UNREAD_ADDRESS, recipient, flow, b"")
        self.respond(incoming, request.fault.status, reason=request.fault.reason.encode())

    def begin(self, incoming: Incoming, now: float) -> ServerTransaction:
        """Serve a request with a transaction: its repeats are not served again.

        Without this call `respond` is stateless (RFC 3261 §8.2.7), which is right for refusals that
        cost nothing to work out again, and keeps a flood of them from filling the memory.
        """
        return self.servers.begin(incoming.key, response_flow(incoming), now)

    def respond(
        self,
        incoming: Incoming,
        status: int,
        *,
        reason: bytes | None = None,
        tag: bytes = b"",
        headers: bytes = b"",
        transaction: ServerTransaction | None = None,
    ) -> None:
        """Send a final response without a body.

        Args:
            incoming: the request.
            status: SIP status.
            reason: reason phrase; None for the usual one.
            tag: To tag of the dialog; empty for an answer outside of a dialog.
            headers: further header lines, each with its CRLF.
            transaction: what `begin` gave; None for a stateless answer.
        """
        request = incoming.request
        echoed = request.headers
        to = echoed.get(b"to", b"")
        if to and not incoming.recipient.tag:
            to += b";tag=" + (tag or self._tag_of(echoed.get(b"call-id", b"")))
        via = request.via
        message = _RESPONSE % (
            status,
            reason or _REASONS[status],
            # A Via that cannot be read is echoed as it came, to where it came from.
            via.response_text(incoming.flow.remote) if via else echoed[b"via"],
            echoed.get(b"from", b""),
            to,
            echoed.get(b"call-id", b""),
            echoed.get(b"cseq", b""),
            headers,
        )
        if transaction is None:
            self._send(response_flow(incoming), message)
        else:
            transaction.response = message
            self._send(transaction.flow, message)

    def request(
        self, branch: bytes, message: bytes, flow: Flow, owner: Owner, now: float
    ) -> ClientTransaction[Owner]:
        """Send a request of ours and repeat it until it is answered."""
        transaction = self.clients.begin(branch, message, flow, owner, now)
        self._send(flow, message)
        return transaction

    def expire(self, now: float) -> list[Finished[Owner]]:
        """Do what is due: repeats are sent, and transactions that timed out are returned."""
        self.servers.expire(now)
        again, timed_out = self.clients.expire(now)
        for transaction in again:
            self._send(transaction.flow, transaction.message)
        return [Finished(transaction, None) for transaction in timed_out]

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        deadlines = (self.servers.next_deadline(), self.clients.next_deadline())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)


_RESPONSE = (
    b"SIP/2.0 %d %b\r\nVia: %b\r\nFrom: %b\r\nTo: %b\r\nCall-ID: %b\r\nCSeq: %b\r\n"
    b"%bContent-Length: 0\r\n\r\n"
)
# What stands for the parts of a malformed request that nobody looks at.
_UNREAD_URI = SipUri(b"sip", b"", b"", None, b"", b"")
_UNREAD_ADDRESS = Address(b"", b"")


def response_flow(incoming: Incoming) -> Flow:
    """Where the response to a request goes.

    Reference: RFC 3261 §18.2.2, RFC 3581 §4. `maddr` is not followed: it would let a stranger aim
    our responses at anybody.
    """
    via = incoming.request.via
    flow = incoming.flow
    if flow.listener.reliable or via is None or via.rport:
        return flow
    port = via.port or DEFAULT_PORT
    return flow if port == flow.remote[1] else Flow(flow.listener, (flow.remote[0], port))
