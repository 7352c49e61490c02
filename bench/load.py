"""Load: many phones on one socket, a bounded number of cycles in flight."""

import re
import select
import socket
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

_FIELD = re.compile(rb"\r\n(Via|From|To|Call-ID|CSeq): ([^\r]*)")
_TAG = re.compile(rb"\r\nTo: [^\r]*;tag=([^\r;]+)")
_NUMBER = re.compile(rb"\r\nCall-ID: ([0-9]+)-")


class Wait(NamedTuple):
    """How long a phone waited for its answers, ms."""

    answered: float
    told: float
    """Until the NOTIFY."""


class Phones:
    """Phones, all on one UDP socket; phone n is `sip:u<n>@bench.test`."""

    def __init__(self, server: tuple[str, int], *, one_presentity: bool = False) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(server)
        self.socket.settimeout(5)
        self.port = self.socket.getsockname()[1]
        self.presentity = b"u0" if one_presentity else b""
        """Whom all watch; empty: each its own user."""
        self.tags: dict[int, bytes] = {}
        self.waits: list[Wait] = []
        """Of the last `run` or `paced`, in the order in which the cycles ended."""
        self._asked: dict[int, list[float]] = {}
        """Phone → when it asked, and when it was answered, s; until its cycle has ended."""
        self._run = time.time_ns()
        self._branch = 0

    def close(self) -> None:
        """Answer nothing any more."""
        self.socket.close()

    def message(
        self, number: int, cseq: int, body: bytes = b"", users: int = 1000, expires: int = 3600
    ) -> bytes:
        """A SUBSCRIBE of phone `number`: in its dialog, if it has one."""
        user = self.presentity or b"u%d" % (number % users)
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

    def run(self, messages: Iterable[bytes], window: int, *, bare: bool = False) -> int:
        """Run cycles until `messages` ends, `window` at a time; how many were done."""
        self._asked.clear()
        self.waits.clear()
        in_flight = done = 0
        for message in messages:
            if not bare:
                self._asked[number_of(message)] = [time.perf_counter()]
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

    def paced(self, messages: list[bytes], rate: float, *, bare: bool = False) -> int:
        """Send so many messages a second, and answer meanwhile; how many cycles were done.

        A phone's next message must not come before its cycle has ended.
        """
        self._asked.clear()
        self.waits.clear()
        numbers = [number_of(message) for message in messages]
        done = 0
        begin = time.perf_counter()
        for turn, (number, message) in enumerate(zip(numbers, messages, strict=True)):
            due = begin + turn / rate
            while (left := due - time.perf_counter()) > 0:
                # The socket's own time limit is rounded up to milliseconds.
                if select.select([self.socket], [], [], left)[0]:
                    done += self._receive(bare=bare)
            self._asked[number] = [time.perf_counter()]
            self.socket.send(message)
        while done < len(messages):
            done += self._receive(bare=bare)
        return done

    def _receive(self, *, bare: bool) -> int:
        """Answer what comes next; how many cycles ended by it."""
        data = self.socket.recv(65_535)
        if bare:
            if data[0] == ord("y"):
                self.socket.send(b"SIP/2.0 200 OK" + b"z" * 300)
                return 1
            return 0
        if data.startswith(b"NOTIFY"):
            told = time.perf_counter()
            self.socket.send(answer(data))
            asked = self._asked.pop(number_of(data), None)
            if asked is None:
                return 0  # It came again, since the machine stood still for longer than T1.
            sent, answered = (*asked, told)[:2]
            self.waits.append(Wait((answered - sent) * 1e3, (told - sent) * 1e3))
            return 1
        assert data.startswith(b"SIP/2.0 200"), data
        answered = time.perf_counter()
        number = self.learn(data)
        if number in self._asked:
            self._asked[number].append(answered)
        return 0

    def learn(self, response: bytes) -> int:
        """Take the tag of a dialog from a response; the number of its phone."""
        tag, number = _TAG.search(response), number_of(response)
        assert tag is not None
        self.tags[number] = tag[1]
        return number

    def drain(self, count: int, act: Callable[[], object]) -> None:
        """Do `act`, then answer `count` different NOTIFYs."""
        act()
        told: set[int] = set()
        while len(told) < count:
            data = self.socket.recv(65_535)
            self.socket.send(answer(data))
            told.add(number_of(data))


def number_of(message: bytes) -> int:
    """The phone whose dialog it is."""
    found = _NUMBER.search(message)
    assert found is not None
    return int(found[1])


def answer(notify: bytes) -> bytes:
    """The 200 to a NOTIFY."""
    fields = b"".join(b"%b: %b\r\n" % field for field in _FIELD.findall(notify))
    return b"SIP/2.0 200 OK\r\n%bContent-Length: 0\r\n\r\n" % fields
