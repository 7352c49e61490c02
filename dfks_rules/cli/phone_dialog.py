"""The dialog of `dfks phone`: the subscriber's side, which the server does not play."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from dfks_rules.sip.address import parse_address
from dfks_rules.sip.grammar import split_list
from dfks_rules.sip.message import Request, Response
from dfks_rules.sip.uri import parse_uri

_ANY_BYTES = "surrogateescape"
"""How text keeps whatever bytes a server wrote, to give them back as they were."""
_ECHOED = (b"via", b"from", b"to", b"call-id", b"cseq", b"record-route")


def _random(size: int) -> str:
    return os.urandom(size).hex()


@dataclass
class Dialog:
    """What a subscriber knows of one subscription (RFC 3261 §12.1.2)."""

    aor: str
    """Of the phone, and of what it watches."""
    address: str
    """`host:port` of the phone."""
    transport: str = "UDP"
    """As in Via."""
    call_id: str = field(default_factory=lambda: _random(8))
    tag: str = field(default_factory=lambda: _random(4))
    remote_tag: str = ""
    """Empty until the server has answered."""
    remote_target: str = ""
    """The server's Contact."""
    route_set: tuple[bytes, ...] = ()
    """Proxies that want to see every request, the nearest first."""
    cseq: int = 0
    heard: int = 0
    """The highest CSeq of its NOTIFYs."""

    @property
    def is_established(self) -> bool:
        """Whether there is a subscription to refresh or to end."""
        return bool(self.remote_tag)

    def subscribe(
        self,
        expires: int,
        body: bytes = b"",
        authorization: Callable[[bytes, bytes], bytes] | None = None,
    ) -> bytes:
        """The next SUBSCRIBE; `authorization` gives a header line for a method and a URI."""
        self.cseq += 1
        uri, routes = self._way()
        more = "" if self.transport == "UDP" else f";transport={self.transport.lower()}"
        head = [
            f"SUBSCRIBE {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {self.address};rport;branch=z9hG4bK{_random(8)}",
            *(f"Route: {route}" for route in routes),
            "Max-Forwards: 70",
            f"From: <{self.aor}>;tag={self.tag}",
            f"To: <{self.aor}>" + (f";tag={self.remote_tag}" if self.remote_tag else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} SUBSCRIBE",
            f"Contact: <sip:phone@{self.address}{more}>",
            "Event: as-feature-event",
            f"Expires: {expires}",
            "Accept: application/x-as-feature-event+xml, multipart/mixed",
            "User-Agent: dfks-phone",
        ]
        if body:
            head.append("Content-Type: application/x-as-feature-event+xml")
        head += [f"Content-Length: {len(body)}", "", ""]
        start, _, rest = "\r\n".join(head).encode(errors=_ANY_BYTES).partition(b"\r\n")
        uri_sent = uri.encode(errors=_ANY_BYTES)
        line = b"" if authorization is None else authorization(b"SUBSCRIBE", uri_sent)
        return start + b"\r\n" + line + rest + body

    def _way(self) -> tuple[str, list[str]]:
        """(Request-URI, values of Route) of a request in the dialog (RFC 3261 §12.2.1.1)."""
        target = self.remote_target or self.aor
        routes = [route.decode(errors=_ANY_BYTES) for route in self.route_set]
        if routes:
            first = parse_address(self.route_set[0], b"record-route").uri
            if parse_uri(first).param(b"lr") is None:
                # A strict router (RFC 2543) wants to find itself in the Request-URI.
                return first.decode(errors=_ANY_BYTES), [*routes[1:], f"<{target}>"]
        return target, routes

    def accepted(self, response: Response) -> None:
        """Take over what a 2xx says; the route set is that of the first one.

        Raises:
            MalformedMessageError: its To or Contact cannot be read.
        """
        headers = response.headers
        if not self.is_established:
            to = parse_address(headers.get(b"to", b""), b"to")
            self.remote_tag = to.tag.decode(errors=_ANY_BYTES)
            self.route_set = tuple(reversed(split_list(headers.get(b"record-route", b""))))
        if b"contact" in headers:
            contact = parse_address(headers[b"contact"], b"contact")
            self.remote_target = contact.uri.decode(errors=_ANY_BYTES)

    def is_answer(self, response: Response) -> bool:
        """Whether a response is to the last SUBSCRIBE, and a final one."""
        cseq = response.headers.get(b"cseq", b"")
        return response.status >= 200 and cseq.startswith(b"%d " % self.cseq)

    def is_late(self, notify: Request) -> bool:
        """Whether a NOTIFY of this dialog is older than another one (RFC 3261 §12.2.2), as that of
        a node that was paused and has the dialog no more.
        """
        if notify.headers.get(b"call-id", b"") != self.call_id.encode():
            return False
        self.heard = max(self.heard, notify.cseq)
        return notify.cseq < self.heard

    def is_ended_by(self, notify: Request) -> bool:
        """Whether a NOTIFY says that the subscription is over (RFC 6665 §4.1.3)."""
        state = notify.headers.get(b"subscription-state", b"")
        return state.partition(b";")[0].strip().lower() == b"terminated"


def answer(notify: Request, status: bytes = b"200 OK") -> bytes:
    """The answer to a NOTIFY."""
    headers = notify.headers
    lines = [b"%b: %b" % (name.title(), headers[name]) for name in _ECHOED if name in headers]
    return b"\r\n".join([b"SIP/2.0 %b" % status, *lines, b"Content-Length: 0", b"", b""])
