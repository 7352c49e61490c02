"""One try, at a real receiver on loopback that may do anything."""

import asyncio
import ipaddress
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from email.utils import formatdate
from typing import Any

import pytest
import trustme

from dfks_rules.operations.webhooks import Result, Tried
from dfks_rules.webhooks.addresses import Rules
from dfks_rules.webhooks.sender import MOST_ANSWER, Sender
from tests.helpers.receiver import Got, Receiver, answering, receiving

LOOPBACK = Rules([ipaddress.ip_network("127.0.0.0/8")])
NOW = 1_767_610_800.0
BODY = b'{"specversion":"1.0"}'


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """It takes everything."""
    async with receiving() as one:
        yield one


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """It waits half a second, and may ask loopback."""
    one = Sender(LOOPBACK, epoch=lambda: NOW, within=0.5)
    yield one
    await one.close()


async def _send(sender: Sender, url: str) -> Tried:
    return await sender.send(url, {"webhook-id": "abc-1", "Content-Type": "x/y"}, BODY)


async def test_what_is_sent_arrives_as_it_is(sender: Sender, receiver: Receiver) -> None:
    """The signature is over these very bytes."""
    tried = await _send(sender, receiver.url)
    assert (tried.result, tried.detail, tried.status) == (Result.DELIVERED, "200 OK", 200)
    assert 0 < tried.took < 0.5
    [got] = receiver.got
    assert got.head == "POST /dfks HTTP/1.1"
    assert got.body == BODY
    assert got.headers["webhook-id"] == "abc-1"
    assert got.headers["user-agent"].startswith("dfks-rules/")


async def test_a_connection_is_used_again(sender: Sender, receiver: Receiver) -> None:
    """A new one costs more than an event."""
    for _ in range(5):
        await _send(sender, receiver.url)
    assert receiver.connections == 1


@pytest.mark.parametrize(
    ("status", "header", "result", "after"),
    [
        ("204 No Content", "X: y", Result.DELIVERED, None),
        ("500 Oops", "X: y", Result.REFUSED, None),
        ("410 Gone", "Retry-After: 5", Result.GONE, None),
        ("429 Slow down", "X: y", Result.LIMITED, None),
        ("429 Slow down", "Retry-After: 120", Result.LIMITED, 120.0),
        ("503 Busy", "Retry-After: 7", Result.LIMITED, 7.0),
        ("503 Busy", f"Retry-After: {formatdate(NOW + 60, usegmt=True)}", Result.LIMITED, 60.0),
        ("503 Busy", f"Retry-After: {formatdate(NOW - 60, usegmt=True)}", Result.LIMITED, 0.0),
        ("503 Busy", "Retry-After: soon", Result.REFUSED, None),
        ("503 Busy", "Retry-After: 99999999999", Result.REFUSED, None),
    ],
)
async def test_answers(
    sender: Sender,
    receiver: Receiver,
    status: str,
    header: str,
    result: Result,
    after: float | None,
) -> None:
    """Each is told apart, with what it asks for."""
    receiver.behave = answering(status, header)
    tried = await _send(sender, receiver.url)
    assert (tried.result, tried.retry_after) == (result, after)
    assert tried.detail == status


async def test_redirects_are_not_followed(sender: Sender, receiver: Receiver) -> None:
    """They would lead past every check, and the secret body with them."""
    receiver.behave = answering("307 Over there", f"Location: {receiver.url}/other")
    tried = await _send(sender, receiver.url)
    assert tried.result is Result.REFUSED
    assert "redirect" in tried.detail
    assert len(receiver.got) == 1


async def test_who_does_not_answer_is_given_up(sender: Sender, receiver: Receiver) -> None:
    """Not waited for."""

    async def sleep(_got: Got, _writer: Any) -> None:
        await asyncio.sleep(60)

    receiver.behave = sleep
    tried = await _send(sender, receiver.url)
    assert tried.result is Result.TIMEOUT
    assert "0.5 s" in tried.detail


async def test_who_never_reads_is_given_up(sender: Sender) -> None:
    """Whether it takes the connection or not."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        big = b"x" * 10_000_000
        tried = await sender.send(url, {"Content-Type": "x/y"}, big[:1_000_000])
        assert tried.result is Result.TIMEOUT


async def test_garbage_is_not_an_answer(sender: Sender, receiver: Receiver) -> None:
    """Whatever it is; the next event gets a new connection."""

    async def babble(_got: Got, writer: Any) -> None:
        writer.write(b"\x00\xffSIP/2.0 200 OK\r\n\r\n")
        writer.close()

    receiver.behave = babble
    assert (await _send(sender, receiver.url)).result is Result.MALFORMED
    receiver.behave = answering("200 OK", "X-Long: " + "x" * 100_000)
    assert (await _send(sender, receiver.url)).result is Result.MALFORMED
    receiver.behave = answering("200 OK")
    assert (await _send(sender, receiver.url)).result is Result.DELIVERED


async def test_who_hangs_up_is_unreachable(sender: Sender, receiver: Receiver) -> None:
    """As a program that crashes."""

    async def hang_up(_got: Got, writer: Any) -> None:
        writer.close()

    receiver.behave = hang_up
    assert (await _send(sender, receiver.url)).result is Result.UNREACHABLE


async def test_nobody_there_is_unreachable(sender: Sender) -> None:
    """As a receiver that was stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    tried = await _send(sender, f"http://127.0.0.1:{port}/")
    assert tried.result is Result.UNREACHABLE
    assert len(tried.detail) <= 200


async def test_an_endless_answer_is_cut_off(sender: Sender, receiver: Receiver) -> None:
    """What it says does not matter; the status does."""
    written = 0

    async def babble(_got: Got, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            written += 65_536
            await writer.drain()

    receiver.behave = babble
    assert (await _send(sender, receiver.url)).result is Result.DELIVERED
    await asyncio.sleep(0.05)
    assert MOST_ANSWER <= written < 200 * MOST_ANSWER


async def test_an_answer_that_drips_is_cut_off(sender: Sender, receiver: Receiver) -> None:
    """The status has come, and nothing more is waited for than the time of a try."""

    async def drip(_got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            await asyncio.sleep(0.1)
            writer.write(b"x")

    receiver.behave = drip
    tried = await _send(sender, receiver.url)
    assert tried.result is Result.DELIVERED
    assert tried.took < 2


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "0.0.0.0",
        "169.254.169.254",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "localhost",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_nothing_is_sent_to_what_only_the_server_can_reach(
    receiver: Receiver, scheme: str, host: str
) -> None:
    """However it is written, and whatever a name resolves to."""
    sender = Sender(Rules(), within=5.0)
    tried = await _send(sender, f"{scheme}://{host}:{receiver.port}/")
    assert tried.result is Result.FORBIDDEN
    await sender.close()
    assert receiver.connections == 0


async def test_an_address_is_checked_when_it_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that resolved to something else a moment ago (DNS rebinding) does not get through."""
    answers = iter(["203.0.113.1", "127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254"])

    def resolve(_host: str, port: int, *_more: Any) -> list[Any]:
        address = next(answers)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        where = (address, port, 0, 0) if ":" in address else (address, port)
        return [(family, socket.SOCK_STREAM, 6, "", where)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    # It is the rules that say no, also where the name is of a listed network.
    rules = Rules([ipaddress.ip_network("10.0.0.0/8")])
    for scheme in ("http", "https", "http", "https"):
        sender = Sender(rules, within=2.0)
        tried = await _send(sender, f"{scheme}://rebinding.example.com:{receiver.port}/")
        assert tried.result is Result.FORBIDDEN, tried
        await sender.close()
    assert receiver.connections == 0


async def test_certificates_are_checked() -> None:
    """By the machine's authorities, or those that are given."""
    authority, server = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    known = ssl.create_default_context()
    authority.configure_trust(known)
    async with receiving(server) as receiver:
        for tls, result in ((None, Result.UNREACHABLE), (known, Result.DELIVERED)):
            sender = Sender(LOOPBACK, tls)
            tried = await _send(sender, receiver.url)
            assert tried.result is result, tried
            await sender.close()
    assert len(receiver.got) == 1


_HANGS = """
import asyncio, socket, time
from dfks_rules.webhooks.addresses import Rules
from dfks_rules.webhooks.sender import Sender

def hang(*_, **__):
    time.sleep(60)

async def main():
    socket.getaddrinfo = hang
    sender = Sender(Rules(), within=0.2)
    tries = [sender.send(f"https://{n}.example/", {}, b"") for n in range(6)]
    print([tried.result.value for tried in await asyncio.gather(*tries)])
    await sender.close()

asyncio.run(main())
"""


def test_names_that_nobody_answers_for_hold_up_no_exit() -> None:
    """A resolver gives up after half a minute; a service manager kills sooner."""
    command = [sys.executable, "-c", _HANGS]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    assert ran.stdout == f"{['timeout'] * 6}\n", ran.stderr


async def test_names_are_resolved_as_the_machine_does(sender: Sender, receiver: Receiver) -> None:
    """`/etc/hosts` included; a name that is not there is told as such."""
    tried = await _send(sender, f"http://localhost:{receiver.port}/")
    assert tried.result is Result.DELIVERED, tried
    tried = await _send(sender, "https://nowhere.invalid/")
    assert tried.result is Result.UNREACHABLE
