"""A million mutated messages: the server answers on, logs no error, and does not grow."""

import json
import os
import random
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.load import answer
from bench.server import resident_bytes
from tests.helpers.server import Server, serve

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1500)]

MESSAGES = int(os.environ.get("DFKS_TEST_MUTATIONS", "1000000"))
BATCH = 64
"""Messages between two that must be answered: none is lost in a full socket buffer."""
TRANSACTIONS_END = 35
"""Seconds until the server has forgotten the transactions of what it answered."""
BYTES_OF_A_SUBSCRIPTION = 4096
SLACK = 20 * 1024 * 1024
"""Growth in the last fifth that caches and the allocator may cause, bytes. Caches fill until then:
each mutated Request-URI is another presentity."""

_CSTA = b"http://www.ecma-international.org/standards/ecma-323/csta/ed3"
_DND = (
    b'<?xml version="1.0"?><SetDoNotDisturb xmlns="%b"><device>1</device>'
    b"<doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>"
) % _CSTA
_CFNA = (
    b'<SetForwarding xmlns="%b"><device/><forwardDN>2424</forwardDN><forwardingType>forwardNoAns'
    b"</forwardingType><activateForward>true</activateForward><ringCount>4</ringCount>"
    b"</SetForwarding>"
) % _CSTA
_PART = b"--b\r\nContent-Type: application/x-as-feature-event+xml\r\n\r\n%b\r\n"
_SEVERAL = _PART % _DND + _PART % _CFNA + b"--b--\r\n"
_DOCUMENT = b"Content-Type: application/x-as-feature-event+xml\r\n"
_BODIES = (
    (b"", b""),
    (_DOCUMENT, _DND),
    (_DOCUMENT, _CFNA),
    (b'Content-Type: multipart/mixed;boundary="b"\r\n', _SEVERAL),
)
_HEADERS = (
    b"Require: 100rel\r\n",
    b"Proxy-Require: sec-agree\r\n",
    b"Record-Route: <sip:127.0.0.1:9;lr>, <sip:a.example;transport=tcp>\r\n",
    b"Accept: application/x-as-feature-event+xml, multipart/mixed\r\n",
    b"User-Agent: Polycom/5.9 (VVX; \xc3\xa9)\r\n",
    b"Via: SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bKx;received=192.0.2.1\r\n",
    b"Subject: folded\r\n  line\r\n",
    b"",
    b"",
)
_PIECES = (
    b"\r\n", b"\r", b"\n", b" ", b"\t", b";", b",", b'"', b"<", b">", b":", b"\0", b"\xff", b"@",
    b"%", b"\\", b"=", b"sips:", b";tag=", b"a..b", b"[::1]", b"]]>", b"&#0;", b"<!DOCTYPE a []>",
    b"99999999999999999999", b"-1", b"\r\n\r\n", b"--b", b"SIP/2.0", b"\xc0\x80",
)  # fmt: skip


def _good(random_: random.Random, number: int, port: int) -> bytes:
    """A message that the server serves, before it is mutated."""
    kind = random_.random()
    if kind < 0.1:
        return (
            b"SIP/2.0 %d OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK%d\r\n"
            b"From: <sip:a@b>\r\nTo: <sip:a@b>\r\n"
            b"Call-ID: x\r\nCSeq: 1 NOTIFY\r\nContent-Length: 0\r\n\r\n"
        ) % (random_.choice((200, 404, 481, 503)), number)
    method = b"SUBSCRIBE" if kind < 0.9 else random_.choice((b"OPTIONS", b"CANCEL", b"INVITE"))
    content_type, body = random_.choice(_BODIES)
    tag = b";tag=none" if random_.random() < 0.1 else b""
    return (
        b"%b sip:u%d@fuzz.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;rport;branch=z9hG4bK%d\r\n"
        b'Max-Forwards: 70\r\nFrom: "U" <sip:u%d@fuzz.test>;tag=f%d\r\n'
        b"To: <sip:u%d@fuzz.test>%b\r\nCall-ID: %d@fuzz.test\r\nCSeq: 1 %b\r\n"
        b"Contact: <sip:u@127.0.0.1:%d>\r\nEvent: as-feature-event\r\nExpires: 0\r\n"
        b"%b%bContent-Length: %d\r\n\r\n%b"
    ) % (
        method, number % 100, port, number, number % 100, number, number % 100, tag, number, method,
        port, random_.choice(_HEADERS), content_type, len(body), body,
    )  # fmt: skip


def _mutated(random_: random.Random, data: bytes) -> bytes:
    """The message with one to four places cut out, doubled or written over."""
    for _ in range(random_.randint(1, 4)):
        start = random_.randrange(len(data) + 1)
        end = min(len(data), start + random_.choice((0, 0, 1, 1, 2, 5, 40)))
        piece = random_.choice(_PIECES)
        if random_.random() < 0.2:
            piece = data[start:end] * random_.choice((2, 3, 50))
        data = (data[:start] + piece + data[end:])[:60_000]
    return data


class _Peer:
    """Sends, answers NOTIFYs, and knows when the server has read all that was sent."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(server)
        self.socket.settimeout(30)
        self.port = self.socket.getsockname()[1]
        self._fences = 0

    def send(self, batch: Iterator[bytes]) -> None:
        """Send, then wait until a good request behind all that is answered."""
        for data in batch:
            if data:
                self.socket.send(data)
        self._fences += 1
        fence = b"fence%d" % self._fences
        self.socket.send(
            b"OPTIONS sip:a@b.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK%b\r\n"
            b"From: <sip:a@b.test>;tag=a\r\nTo: <sip:a@b.test>\r\nCall-ID: %b\r\n"
            b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n" % (fence, fence)
        )
        while True:
            data = self.socket.recv(65_535)
            if data.startswith(b"NOTIFY"):
                self.socket.send(answer(data))
            elif b"Call-ID: %b\r\n" % fence in data:
                return

    def __enter__(self) -> "_Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def _subscriptions(server: Server) -> int:
    reply = server.mi("get_statistics", statistics=["presence:"])
    return int(re.findall(r'"presence:subscriptions": "?(\d+)', json.dumps(reply))[0])


def _memory_at_rest(server: Server) -> int:
    """Resident memory without live transactions and without what subscriptions take, bytes."""
    time.sleep(TRANSACTIONS_END)
    return resident_bytes(server.pid) - BYTES_OF_A_SUBSCRIPTION * _subscriptions(server)


def test_a_million_mutated_messages_leave_no_error_and_no_memory_behind(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Strangers send what they like: whatever it is, phones are served before and after."""
    random_ = random.Random(pytestconfig.option.hypothesis_seed)
    with (
        serve(tmp_path, {"store": "sqlite:dfks.db"}) as server,
        _Peer(("127.0.0.1", server.ports["udp"])) as peer,
    ):
        before = 0
        for start in range(0, MESSAGES, BATCH):
            if not before and start >= MESSAGES // 5 * 4:
                before = _memory_at_rest(server)
            numbers = range(start, min(start + BATCH, MESSAGES))
            peer.send(_mutated(random_, _good(random_, n, peer.port)) for n in numbers)
        grown = _memory_at_rest(server) - before
        assert server.stop() == 0
    log = (tmp_path / "server.log").read_text()
    errors = [line for line in log.splitlines() if '"level":"error"' in line or "Trace" in line]
    assert errors == []
    assert grown < SLACK, f"{grown} bytes"
