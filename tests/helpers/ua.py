"""A small SIP phone on a raw socket, which shares no code with the server.

It waits only for messages it expects, until a deadline. What comes next proves that something was
*not* sent: CSeq numbers without a gap, or the answer to a later request.
"""

import email
import re
import select
import socket
import ssl
import time
from contextlib import suppress
from itertools import count
from typing import NamedTuple, Self

from lxml import etree

WITHIN = 30.0
"""Seconds within which an expected message must arrive."""
BODY_TYPE = "application/x-as-feature-event+xml"
NAMESPACE = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"
_NUMBER = count(1)
_FEATURE_OF = {
    None: "DoNotDisturb",
    "forwardImmediate": "CallForwardingAlways",
    "forwardBusy": "CallForwardingBusy",
    "forwardNoAns": "CallForwardingNoAnswer",
}


class Message(NamedTuple):
    """A message that was received."""

    raw: bytes
    start: str
    headers: dict[str, str]
    """By lower-case name; the last one where a name occurs twice."""
    body: bytes

    @property
    def status(self) -> int:
        """Status code of a response; 0 for a request."""
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def lines(self) -> list[str]:
        """The headers as they came, in order."""
        return self.raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]

    @property
    def cseq(self) -> int:
        """The number in CSeq."""
        return int(self.headers["cseq"].split()[0])

    @property
    def state(self) -> str:
        """Subscription-State of a NOTIFY."""
        return self.headers["subscription-state"]

    @property
    def told(self) -> dict[str, str]:
        """What a NOTIFY says about each feature: `on` or `off`, then target and rings, if any."""
        if not self.body:
            assert "content-type" not in self.headers
            return {}
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        parts = list(email.message_from_bytes(head + self.body).walk())
        documents = [p for p in parts if not p.is_multipart()]
        assert {p.get_content_type() for p in documents} == {BODY_TYPE}
        told = dict(read_document(p.get_payload(decode=True)) for p in documents)
        assert len(told) == len(documents), "one document for each feature"
        return told


def read_document(document: object) -> tuple[str, str]:
    """The feature that a document of the server is about, and what `told` says of it."""
    assert isinstance(document, bytes)
    root = etree.fromstring(document)
    find = {str(etree.QName(child).localname): child.text or "" for child in root}
    assert etree.QName(root).namespace == NAMESPACE
    status = find.get("doNotDisturbOn", find.get("forwardStatus"))
    words = ["on" if status == "true" else "off"]
    words += [find[name] for name in ("forwardTo", "ringCount") if name in find]
    return _FEATURE_OF[find.get("forwardingType")], " ".join(words)


def parse(raw: bytes) -> Message:
    """Parse a message from the server."""
    head, _, body = raw.partition(b"\r\n\r\n")
    start, *lines = head.decode().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    assert int(headers["content-length"]) == len(body)
    return Message(raw, start, headers, body)


def dnd(on: bool) -> bytes:
    """The document that asks for do not disturb."""
    status = "true" if on else "false"
    inner = f"<device/><doNotDisturbOn>{status}</doNotDisturbOn>"
    return f'<SetDoNotDisturb xmlns="{NAMESPACE}">{inner}</SetDoNotDisturb>'.encode()


def forward(on: bool, target: str, kind: str = "forwardImmediate") -> bytes:
    """The document that asks for call forwarding."""
    status = "true" if on else "false"
    inner = (
        f"<device/><forwardDN>{target}</forwardDN><forwardingType>{kind}</forwardingType>"
        f"<activateForward>{status}</activateForward>"
    )
    return f'<SetForwarding xmlns="{NAMESPACE}">{inner}</SetForwarding>'.encode()


class Ua:
    """One phone: one socket, one dialog. Close it, or use it in a `with`."""

    def __init__(
        self,
        port: int,
        aor: str | None = None,
        transport: str = "udp",
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Create a phone; nothing is sent yet.

        Args:
            port: of the server.
            aor: address of record, also of what it watches; None for one nobody else has.
            transport: `udp`, `tcp` or `tls`.
            host: address of the server.
            tls: how a phone with TLS checks the server, and what it shows.
        """
        number = next(_NUMBER)
        self.aor = aor or f"sip:user{number}@example.com"
        self.transport = transport
        self._server, self._tls = (host, port), tls
        self._connect()
        self._inbox: list[Message] = []
        self.call_id, self.tag = f"call-{number}-{time.monotonic_ns()}", f"t{number}"
        self.to_tag, self.target, self.cseq = "", self.aor, 0
        self.route: str | None = None
        self.sent = b""
        """The last request."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _connect(self) -> None:
        host, port = self._server
        kind = socket.SOCK_DGRAM if self.transport == "udp" else socket.SOCK_STREAM
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, kind)
        # A hundred answers may arrive before a busy machine lets the test read the first.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._socket.connect((host, port))
        own, own_port = self._socket.getsockname()[:2]
        self.contact = f"sip:phone@{f'[{own}]' if ':' in own else own}:{own_port}"
        if self._tls is not None:
            self._socket = self._tls.wrap_socket(self._socket, server_hostname="localhost")
        self._buffer = b""

    def connect_again(self) -> None:
        """Connect anew, once the server has closed the connection; the dialog goes on."""
        self._socket.settimeout(WITHIN)
        with suppress(ConnectionResetError):  # It died with something unread.
            while self._socket.recv(65_535):
                pass
        self._socket.close()
        self._connect()

    # Sending.

    def send(self, data: bytes) -> None:
        """Send these bytes."""
        self._socket.sendall(data)

    def request(
        self,
        method: str = "SUBSCRIBE",
        body: bytes = b"",
        *,
        version: str = "SIP/2.0",
        **headers: str | int | None,
    ) -> None:
        """Send a request.

        Args:
            method: SIP method.
            body: its body.
            version: the end of the request line.
            headers: values other than the defaults, with `_` for `-`; None omits a header.
        """
        self.cseq += 1
        branch = f"z9hG4bK{next(_NUMBER)}x{time.monotonic_ns()}"
        usual: dict[str, str | int | None] = {
            "Via": f"SIP/2.0/{self.transport.upper()} {self.contact[10:]};rport;branch={branch}",
            "Route": self.route,
            "Max-Forwards": 70,
            "From": f"<{self.aor}>;tag={self.tag}",
            "To": f"<{self.aor}>" + (f";tag={self.to_tag}" if self.to_tag else ""),
            "Call-ID": self.call_id,
            "CSeq": f"{self.cseq} {method}",
            "Contact": f"<{self.contact}>",
            "Event": "as-feature-event",
            "Expires": 3600,
            "Content-Type": BODY_TYPE if body else None,
            "Content-Length": len(body),
        }
        usual |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in usual.items() if value is not None]
        head = "\r\n".join([f"{method} {self.target} {version}", *lines, "", ""])
        self.sent = head.encode() + body
        self.send(self.sent)

    # Receiving.

    def response(self) -> Message:
        """The next response that says what came of a request: 100 may come before, where it takes
        long.
        """
        while (found := self._next(is_response=True)).status == 100:
            pass
        return found

    def notify(self, status: int | None = 200) -> Message:
        """The next NOTIFY, answered with `status`; None leaves it unanswered."""
        message = self._next(is_response=False)
        assert message.start.startswith("NOTIFY "), message.start
        if status is not None:
            self.answer(message, status)
        return message

    def answer(self, request: Message, status: int = 200) -> None:
        """Answer a request."""
        names = ("via", "from", "to", "call-id", "cseq")
        lines = [line for line in request.lines if line.partition(":")[0].lower() in names]
        text = "\r\n".join([f"SIP/2.0 {status} X", *lines, "Content-Length: 0", "", ""])
        self.send(text.encode())

    def _next(self, *, is_response: bool) -> Message:
        deadline = time.monotonic() + WITHIN
        while True:
            for place, message in enumerate(self._inbox):
                if (message.status > 0) is is_response:
                    return self._inbox.pop(place)
            self._inbox.append(parse(self.read(deadline)))

    def read(self, deadline: float) -> bytes:
        """The next message as received from the wire.

        Raises:
            TimeoutError: none arrived by `deadline`, monotonic seconds.
        """
        while True:
            if self.transport != "udp":
                head, blank, rest = self._buffer.partition(b"\r\n\r\n")
                length = int(m[1]) if (m := re.search(rb"Content-Length: (\d+)", head)) else 0
                if blank and len(rest) >= length:
                    self._buffer = rest[length:]
                    return head + blank + rest[:length]
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            data = self._socket.recv(65_535)
            if self.transport == "udp":
                return data
            assert data, "the server closed the connection"
            self._buffer += data

    def has_arrived(self) -> bool:
        """Whether there is something to read at this moment."""
        return bool(self._inbox or select.select([self._socket], [], [], 0)[0])

    # What phones do.

    def exchange(self, method: str = "SUBSCRIBE", body: bytes = b"", **rest: object) -> Message:
        """Send a request; gives its response."""
        self.request(method, body, **rest)  # type: ignore[arg-type]
        response = self.response()
        assert response.cseq == self.cseq
        return response

    def subscribe(self, body: bytes = b"", *, expires: int = 3600) -> Message:
        """SUBSCRIBE, creating or refreshing the dialog; answers the NOTIFY and returns it."""
        self.accepted(self.exchange(body=body, Expires=expires))
        return self.notify()

    def accepted(self, response: Message) -> None:
        """Establish the dialog from a 200."""
        assert response.start == "SIP/2.0 200 OK"
        if not self.to_tag:  # the route of a dialog stays (RFC 3261 §12.2)
            recorded = [line[14:] for line in response.lines if line.startswith("Record-Route: ")]
            self.route = ",".join(reversed(",".join(recorded).split(","))) or None
        self.to_tag = response.headers["to"].partition(";tag=")[2]
        self.target = response.headers["contact"].strip("<>")

    def unread(self) -> list[Message]:
        """NOTIFY requests that arrived but were not read; they stay unanswered.

        The server sends in order, so anything it sent before an answer arrives before it.
        """
        in_dialog, self.to_tag = self.to_tag, ""
        response = self.exchange("OPTIONS", Contact=None, Event=None, Expires=None)
        assert response.status == 200
        self.to_tag, unread, self._inbox = in_dialog, self._inbox, []
        return unread
