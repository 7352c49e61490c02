"""Clients that come and go: phones by TCP and TLS, and askers and listeners of the HTTP API."""

import http.client
import itertools
import re
import socket
import threading
import time
from collections import Counter

from bench.load import answer
from bench.server import Served
from tests.helpers.certificates import untrusting

EVERY = 0.05
"""Seconds between two of them."""
LISTENS = 0.2
"""Seconds for which somebody listens to events."""
_TAG = re.compile(rb"\r\nTo: [^\r]*;tag=([^\r;]+)")
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n\r\n")


class Guests(threading.Thread):
    """One after the other; half of the phones hang up with their subscription alive."""

    def __init__(self, served: Served) -> None:
        """Nobody comes yet."""
        super().__init__(daemon=True)
        self._served = served
        self._tls = untrusting()
        self._is_over = threading.Event()
        self.done: Counter[str] = Counter()
        """How many of each kind have got what they wanted, or have not."""

    def run(self) -> None:
        """Have them come until it is over."""
        kinds = (self._tcp, self._secure, self._ask, self._listen)
        for number, act in enumerate(itertools.cycle(kinds)):
            if self._is_over.wait(EVERY):
                return
            name = act.__name__.strip("_")
            try:
                act(number)
                self.done[name] += 1
            except (OSError, http.client.HTTPException):
                self.done[f"{name}_failed"] += 1

    def end(self) -> None:
        """Nobody comes any more."""
        self._is_over.set()
        self.join()

    def _tcp(self, number: int) -> None:
        with socket.create_connection(self._served.streams["tcp"], 5) as phone:
            _Phone(phone, "TCP", number).call()

    def _secure(self, number: int) -> None:
        with (
            socket.create_connection(self._served.streams["tls"], 5) as plain,
            self._tls.wrap_socket(plain, server_hostname="localhost") as phone,
        ):
            _Phone(phone, "TLS", number).call()

    def _ask(self, number: int) -> None:
        api = http.client.HTTPConnection(self._served.api, timeout=5)
        api.request("GET", f"/v1/presentities/sip:u{number % 500}@bench.test")
        api.getresponse().read()
        api.close()

    def _listen(self, _number: int) -> None:
        api = http.client.HTTPConnection(self._served.api, timeout=5)
        api.request("GET", "/v1/events")
        api.getresponse().read(1)
        time.sleep(LISTENS)
        api.close()


class _Phone:
    """One that subscribes by a stream."""

    def __init__(self, stream: socket.socket, transport: str, number: int) -> None:
        self._stream = stream
        self._transport = transport.encode()
        self._number = number
        self._read = b""
        self._id = time.time_ns()

    def call(self) -> None:
        """Subscribe, be told, and hang up, half of the time with an end."""
        tag = self._subscribe(1, b"", 60)
        if self._number // 4 % 2:
            self._subscribe(2, b";tag=" + tag, 0)

    def _subscribe(self, cseq: int, tag: bytes, expires: int) -> bytes:
        message = (
            b"SUBSCRIBE sip:s%d@bench.test SIP/2.0\r\n"
            b"Via: SIP/2.0/%b 127.0.0.1:9;rport;branch=z9hG4bK%d.%d\r\nMax-Forwards: 70\r\n"
            b"From: <sip:s%d@bench.test>;tag=f\r\nTo: <sip:s%d@bench.test>%b\r\n"
            b"Call-ID: %d@bench.test\r\nCSeq: %d SUBSCRIBE\r\n"
            b"Contact: <sip:s%d@127.0.0.1:9;transport=%b>\r\nEvent: as-feature-event\r\n"
            b"Expires: %d\r\nContent-Length: 0\r\n\r\n"
        ) % (
            self._number, self._transport, self._id, cseq, self._number, self._number, tag,
            self._id, cseq, self._number, self._transport.lower(), expires,
        )  # fmt: skip
        self._stream.sendall(message)
        response = self._next()
        found = _TAG.search(response)
        if found is None or not response.startswith(b"SIP/2.0 200"):
            raise ConnectionError(response[:100])
        notify = self._next()
        self._stream.sendall(answer(notify))
        return found[1]

    def _next(self) -> bytes:
        """The next message."""
        while (found := _LENGTH.search(self._read)) is None or len(self._read) < found.end() + int(
            found[1]
        ):
            data = self._stream.recv(65_535)
            if not data:
                raise ConnectionError("it was closed")
            self._read += data
        end = found.end() + int(found[1])
        message, self._read = self._read[:end], self._read[end:]
        return message
