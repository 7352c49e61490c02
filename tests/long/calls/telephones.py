"""Who calls and who is called: telephones on raw sockets, with as much SIP as a call needs."""

import re
import socket
import time
from itertools import count
from typing import NamedTuple, Self

WITHIN = 30.0
"""Seconds within which an expected message must arrive."""
_NUMBER = count(1)
_COPIED = ("via", "from", "to", "call-id", "cseq", "record-route")


class Sip(NamedTuple):
    """A message that was received."""

    start: str
    lines: list[str]
    """The headers as they came, in order."""

    @property
    def status(self) -> int:
        """Status code of a response; 0 for a request."""
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Of a request, or of the request that is answered."""
        return self.header("CSeq").split()[-1]

    def header(self, name: str) -> str:
        """A header's value; empty where there is none."""
        found = (line.partition(":") for line in self.lines)
        return next((text.strip() for one, _, text in found if one.lower() == name.lower()), "")

    @property
    def contact(self) -> str:
        """The URI of the only Contact."""
        contacts = [line for line in self.lines if line.lower().startswith("contact:")]
        assert len(contacts) == 1, contacts
        found = re.search("<(.*)>", contacts[0])
        assert found is not None, contacts
        return found[1]


class _Telephone:
    """One UDP socket."""

    def __init__(self, port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _receive(self, deadline: float) -> tuple[Sip, tuple[str, int]]:
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        raw, source = self._socket.recvfrom(65_535)
        start, *lines = raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        return Sip(start, lines), source


class Caller(_Telephone):
    """One who calls through a proxy."""

    def __init__(self, proxy: int) -> None:
        super().__init__()
        self._proxy = ("127.0.0.1", proxy)
        self._start: list[str] = []
        self._uri = ""
        self._to = ""

    def invite(self, uri: str) -> None:
        """Begin a call."""
        number = f"{next(_NUMBER)}x{time.monotonic_ns()}"
        self._uri, self._to = uri, f"<{uri}>"
        self._start = [
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};rport;branch=z9hG4bK{number}",
            "Max-Forwards: 70",
            f"From: <sip:caller@elsewhere.example>;tag={number}",
            f"Call-ID: {number}",
        ]
        self._send("INVITE", f"Contact: <sip:caller@127.0.0.1:{self.port}>")

    def cancel(self) -> None:
        """Give up before anybody has answered."""
        self._send("CANCEL")

    def _send(self, method: str, *more: str) -> None:
        lines = [
            *(f"{method} {self._uri} SIP/2.0", *self._start, f"To: {self._to}"),
            *(f"CSeq: 1 {method}", *more, "Content-Length: 0", "", ""),
        ]
        self._socket.sendto("\r\n".join(lines).encode(), self._proxy)

    def answer(self) -> Sip:
        """The final answer of the call; it is acknowledged where a proxy waits for that."""
        deadline = time.monotonic() + WITHIN
        while True:
            message, _ = self._receive(deadline)
            if message.status >= 200 and message.method == "INVITE":
                if message.status >= 300:
                    self._to = message.header("To")
                    self._send("ACK")
                return message

    def call(self, uri: str) -> Sip:
        """Call somebody; the final answer."""
        self.invite(uri)
        return self.answer()


class Called(_Telephone):
    """The PBX behind the proxy, and all its telephones at once."""

    def rings(self) -> tuple[Sip, tuple[str, int]]:
        """Let a call ring; gives its INVITE, and where answers go."""
        invite, source = self.request("INVITE")
        self.say(invite, source, "180 Ringing")
        return invite, source

    def refuse(self, status: str) -> str:
        """Answer a call, such as by `486 Busy Here`; gives its request URI."""
        invite, source = self.request("INVITE")
        self.say(invite, source, status)
        if not status.startswith("2"):
            self.request("ACK")
        return invite.start.split()[1]

    def request(self, method: str) -> tuple[Sip, tuple[str, int]]:
        """The next request, which must be this one; an INVITE may have come twice."""
        deadline = time.monotonic() + WITHIN
        while True:
            message, source = self._receive(deadline)
            if message.method == method or message.method != "INVITE":
                assert message.method == method, message
                return message, source

    def say(self, request: Sip, source: tuple[str, int], status: str) -> None:
        """Answer a request."""
        lines = [one for one in request.lines if one.partition(":")[0].lower() in _COPIED]
        tagged = [f"{one};tag=called" if one.lower().startswith("to:") else one for one in lines]
        more = [f"Contact: <sip:called@127.0.0.1:{self.port}>", "Content-Length: 0", "", ""]
        text = "\r\n".join([f"SIP/2.0 {status}", *tagged, *more])
        self._socket.sendto(text.encode(), source)

    def has_nothing(self) -> bool:
        """Whether nothing has arrived, once the proxy has given the caller its final answer."""
        self._socket.settimeout(0.001)
        try:
            self._socket.recv(65_535)
        except TimeoutError:
            return True
        return False
