"""The torture tests of RFC 4475 and RFC 5118, against a running server.

The messages are not part of this repository; without them these tests are skipped.
"""

import contextlib
import json
import os
import re
import socket
from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet

from tests.helpers.certificates import authority
from tests.helpers.server import ROOT, Server, serve
from tests.helpers.ua import WITHIN

pytestmark = pytest.mark.e2e

FOLDER = ROOT.parent / "shared/conformance"
_VIA = re.compile(
    rb"\n(?:via|v)\s*:\s*SIP\s*/\s*2\.0\s*/\s*\w+\s+(?:\[[^]\r\n]*\]|[^\s:;,]+)(?:\s*:\s*(\d+))?",
    re.IGNORECASE,
)
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
_STATUS = re.compile(r"\b[2-6]\d\d\b")
_HOST = f"127.{os.getpid() % 200 + 20}.{os.getpid() // 200 % 200 + 20}.9"
"""A loopback address of this run's own: answers go to the port in Via, which is often 5060."""
_FENCE = (
    b"OPTIONS sip:a@example.com SIP/2.0\r\nVia: SIP/2.0/%b 127.0.0.1;rport;branch=z9hG4bKfence\r\n"
    b"From: <sip:a@example.com>;tag=a\r\nTo: <sip:a@example.com>\r\nCall-ID: fence\r\n"
    b"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def _expected(reaction: str) -> set[int]:
    """The statuses that expect.json allows; empty when nothing may be answered."""
    plain = re.sub(r"\([^)]*\)", "", reaction)
    return {int(status) for status in _STATUS.findall(plain)}


def _messages() -> list[tuple[str, set[int]]]:
    """Each message, as its file below the folder, and what may be answered."""
    if not FOLDER.is_dir():
        return []
    expect = json.loads((FOLDER / "expect.json").read_text())
    return [(_file(name), _expected(entry["notifier"])) for name, entry in expect.items()]


def _file(name: str) -> str:
    """The file without misprints of the RFC, where there is one: expect.json is about that."""
    fixed = name.replace(".dat", ".fixed.dat")
    return fixed if (FOLDER / fixed).exists() else name


def _is_framed(data: bytes) -> bool:
    """Whether a stream tells where this message ends."""
    head, blank, body = data.partition(b"\r\n\r\n")
    lengths = _LENGTH.findall(head + b"\r\n")
    return bool(blank) and len(lengths) == 1 and int(lengths[0]) == len(body)


def _cases(*, framed: bool = False) -> list[ParameterSet]:
    """The messages as parameters; only those that a stream can carry when `framed`."""
    return [
        pytest.param(name, expected, id=name)
        for name, expected in _messages()
        if not framed or _is_framed((FOLDER / name).read_bytes())
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server has to survive all of them."""
    folder = tmp_path_factory.mktemp("torture")
    certificate, key = authority().files(folder, "localhost")
    listen = [f"{transport}:127.0.0.1:0" for transport in ("udp", "tcp", "tls")]
    tls = {"certificate": str(certificate), "key": str(key)}
    with serve(folder, {"sip": {"listen": listen, "tls": tls}}) as running:
        yield running


@pytest.mark.parametrize(("name", "expected"), _cases())
def test_a_torture_message_is_answered_as_the_rfc_asks(
    server: Server, name: str, expected: set[int]
) -> None:
    """A valid message is understood, an invalid one is answered once, and nothing crashes."""
    data = (FOLDER / name).read_bytes()
    via = _VIA.search(data)
    port = int(via[1]) if via and via[1] else 5060
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.settimeout(WITHIN)
        phone.bind((_HOST, port))
        phone.connect(("127.0.0.1", server.ports["udp"]))
        phone.send(data)
        phone.send(_FENCE % b"UDP")
        _check(list(iter(lambda: _answer(phone.recv(65_535)), None)), expected)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
@pytest.mark.parametrize(("name", "expected"), _cases(framed=True))
def test_a_torture_message_is_answered_over_a_stream(
    server: Server, transport: str, name: str, expected: set[int]
) -> None:
    """The same, and the connection goes on."""
    with contextlib.ExitStack() as opened:
        phone = opened.enter_context(
            socket.create_connection(("127.0.0.1", server.ports[transport]), WITHIN)
        )
        if transport == "tls":
            phone = opened.enter_context(
                authority().trusting().wrap_socket(phone, server_hostname="localhost")
            )
        phone.sendall((FOLDER / name).read_bytes() + _FENCE % transport.upper().encode())
        received = b""
        while not (b"Call-ID: fence\r\n" in received and received.endswith(b"\r\n\r\n")):
            piece = phone.recv(65_535)
            assert piece, f"closed after {received!r}"
            received += piece
        answers = [_answer(one) for one in received.split(b"\r\n\r\n") if one]
        _check([status for status in answers if status is not None], expected)


def _answer(data: bytes) -> int | None:
    """The status of a response; None for that to the request that ends a test."""
    return None if b"\r\nCall-ID: fence\r\n" in data else int(data.split(b" ")[1])


def _check(statuses: list[int], expected: set[int]) -> None:
    assert len(statuses) == bool(expected), statuses
    assert set(statuses) <= expected
