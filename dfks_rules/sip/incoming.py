"""A request that waits for an answer: what is read of it before anybody looks at what it wants."""

from typing import Final

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip import header
from dfks_rules.sip.address import Address, tag_of
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.grammar import blank_quotes
from dfks_rules.sip.lines import Fault
from dfks_rules.sip.message import SHORT_BODY, Request, parse_message
from dfks_rules.sip.server_transaction import merge_key
from dfks_rules.sip.uri import SipUri, parse_uri


class Incoming:
    """A request that waits for an answer."""

    __slots__ = ("flow", "key", "merge_key", "recipient", "request", "sender", "uri")

    def __init__(
        self,
        request: Request,
        uri: SipUri,
        sender: Address,
        recipient: Address,
        flow: Flow,
        key: bytes = b"",
    ) -> None:
        self.request: Final = request
        self.uri: Final = uri
        """The Request-URI."""
        self.sender: Final = sender
        """From."""
        self.recipient: Final = recipient
        """To."""
        self.flow: Final = flow
        """Where it came from."""
        self.key: Final = key
        """What its repeats have in common with it; empty for a malformed one."""
        self.merge_key: Final = b"" if recipient.tag or not key else merge_key(request, sender.tag)
        """What it has in common with itself on another way; empty for one with a To tag."""

    def contact(self) -> bytes:
        """The Contact line of the answer, and of our requests in the dialog.

        Reference: RFC 3261 §12.1.1
        """
        listener = self.flow.listener
        if listener.secure and (self.uri.scheme == b"sips" or self._has_secure_hop()):
            return listener.secure_contact
        return listener.contact

    def _has_secure_hop(self) -> bool:
        """Whether the first of Record-Route, or else Contact, is a `sips` URI."""
        request = self.request
        hops = blank_quotes(request.value(header.RECORD_ROUTE) or request.value(header.CONTACT))
        return hops.partition(b",")[0].rpartition(b"<")[2].lstrip()[:5].lower() == b"sips:"


def read_again(head: bytes, flow: Flow) -> Incoming:
    """A request that was served before, from its head alone.

    Args:
        head: as `Request.head` had it.
        flow: where it came from.

    Raises:
        MalformedMessageError: `sip_malformed_header`: it cannot be read, or has a fault now.
    """
    request = parse_message(head + b"\r\n\r\n")
    if not isinstance(request, Request):
        raise MalformedMessageError("sip_malformed_header", "no request")
    # The body is gone, and with it what Content-Length counts.
    fault = None if request.fault is SHORT_BODY else request.fault
    checked = fault or read_addresses(request, flow, b"")
    if isinstance(checked, Fault):
        raise MalformedMessageError("sip_malformed_header", checked.reason)
    return checked


def read_addresses(request: Request, flow: Flow, key: bytes) -> Incoming | Fault:
    """The request, if its Request-URI, From and To are well-formed; else what is wrong.

    Args:
        request: one without a fault.
        flow: where it came from.
        key: what `server_key` gave; empty for one whose repeats are of no interest.
    """
    uri, sender, recipient = request.target, request.sender, request.recipient
    if uri is None or sender is None or recipient is None:
        try:
            uri = parse_uri(request.uri)
            if uri.headers:
                raise MalformedMessageError("sip_malformed_uri", "headers in the Request-URI")
            sender, recipient = request.address(header.FROM), request.address(header.TO)
        except MalformedMessageError as error:
            return Fault(416 if error.code == "sip_unsupported_scheme" else 400, error.message)
    if uri.scheme == b"sips" and not flow.listener.secure:
        # Nothing that we could send back would be as safe as was asked for (§8.1.1.8, §12.1.1).
        # Not 416, after which the peer would try without (§8.1.3.5); RFC 5630 has it like this.
        return Fault(480, "sips needs a secure transport")
    return Incoming(request, uri, sender, recipient, flow, key)


# What stands for the parts of a malformed request that nobody looks at.
_UNREAD_URI = SipUri(b"sip", b"", b"", None, b"", b"")
_UNREAD_ADDRESS = Address(b"", b"")


def unread(request: Request, flow: Flow) -> Incoming:
    """A request that is only to be refused: nothing but the tag in its To is read.

    Args:
        request: perhaps a malformed one.
        flow: where it came from.
    """
    recipient = Address(b"", tag_of(request.value(header.TO)))
    return Incoming(request, _UNREAD_URI, _UNREAD_ADDRESS, recipient, flow)
