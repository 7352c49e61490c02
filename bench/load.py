"""Load: many phones on one socket, a bounded number of cycles in flight."""

import re
import socket
import time
from collections.abc import Callable, Iterator

_FIELD = re.compile(rb"\r\n(Via|From|To|Call-ID|CSeq): ([^\r]*)")
_TAG = re.compile(rb"\r\nTo: [^\r]*;tag=([^\r;]+)")
_NUMBER = re.compile(rb"\r\nCall-ID: ([0-9]+)-")


class Phones:
    """`count` phones, all on one UDP socket; phone n is `sip:u<n>@bench.test`."""

    def __init__(self, server: tuple[str, int], *, one_presentity: bool = False) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(server)
        self.socket.settimeout(5)
        self.port = self.socket.getsockname()[1]
        self.one_presentity = one_presentity
        self.tags: dict[int, bytes] = {}
        self._run = time.time_ns()
        self._branch = 0

    def message(
        self, number: int, cseq: int, body: bytes = b"", users: int = 1000, expires: int = 3600
    ) -> bytes:
        """A SUBSCRIBE of phone `number`: in its dialog, if it has one."""
        user = b"u0" if self.one_presentity else b"u%d" % (number % users)
        tag = self.tags.get(number)
        self._branch += 1
        content = b"Content-Type: application/x-as-feature-event+xml\r\n" if body else b""
        return (
            b"SUBSCRIBE sip:%b@bench.test SIP/2.0\r\n"
            b"Via: SIP/2.0/UDP 127.0.0.1:%d;rport;branch=z9hG4bK%d.%d\r\nMax-Forwards: 70\r\n"
            b'From: "U" <sip:%b@bench.test>;tag=f%d\r\nTo: <sip:%b@bench.test>%b\r\n'
            b"Call-ID: %d-%d@bench.test\r\nCSeq: %d SUBSCRIBE\r\n"
            b"Contact: <sip:%b@127.0.0.1:%d>\r\nEvent: as-feature-event\r\nExpires: %d\r\n"
            b"User-Agent: bench\r\n%bContent-Length: %d\r\n\r\n%b"
        ) % (
            user, self.port, self._run, self._branch, user, number, user,
            b";tag=" + tag if tag else b"", number, self._run, cseq, user, self.port, expires,
            content, len(body), body,
        )  # fmt: skip

    def run(self, messages: Iterator[bytes], window: int, *, bare: bool = False) -> int:
        """Run cycles until `messages` ends; how many were done."""
        in_flight = done = 0
        for message in messages:
            self.socket.send(message)
            in_flight += 1
            while in_flight >= window:
                finished = self._receive(bare=bare)
                in_flight -= finished
                done += finished
        while in_flight:
            finished = self._receive(bare=bare)
            in_flight -= finished
            done += finished
        return done

    def _receive(self, *, bare: bool) -> int:
        data = self.socket.recv(65_535)
        if bare:
            if data[0] == ord("y"):
                self.socket.send(b"SIP/2.0 200 OK" + b"z" * 300)
                return 1
            return 0
        if data.startswith(b"NOTIFY"):
            self.socket.send(answer(data))
            return 1
        assert data.startswith(b"SIP/2.0 200"), data
        self.learn(data)
        return 0

    def learn(self, response: bytes) -> None:
        """Take the tag of a dialog from a response."""
        tag, number = _TAG.search(response), _NUMBER.search(response)
        assert tag is not None
        assert number is not None
        self.tags[int(number[1])] = tag[1]

    def drain(self, count: int, act: Callable[[], object]) -> None:
        """Do `act`, then answer `count` different NOTIFYs."""
        act()
        told: set[bytes] = set()
        while len(told) < count:
            data = self.socket.recv(65_535)
            self.socket.send(answer(data))
            number = _NUMBER.search(data)
            assert number is not None
            told.add(number[1])


def answer(notify: bytes) -> bytes:
    """The 200 to a NOTIFY."""
    fields = b"".join(b"%b: %b\r\n" % field for field in _FIELD.findall(notify))
    return b"SIP/2.0 200 OK\r\n%bContent-Length: 0\r\n\r\n" % fields
