"""The wires of `dfks phone`, to a server of the test's own."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from dfks_rules.cli.phone_wire import Datagrams, SecureConnection, host_port
from dfks_rules.transport.certificates import Certificates
from tests.helpers.certificates import Authority, authority
from tests.helpers.transports import REQUEST, RESPONSE, served


async def test_connection_carries_messages_both_ways_until_its_end(tmp_path: Path) -> None:
    """Its end is told, for a phone that watches would wait forever."""
    received: asyncio.Queue[bytes | None] = asyncio.Queue()
    certificates = Certificates(authority().served(tmp_path))
    async with served("tls:127.0.0.1", certificates=certificates) as server:
        cafile = str(authority().ca_file(tmp_path))
        wire = SecureConnection(("127.0.0.1", server.port), "localhost", cafile)
        await wire.open(received.put_nowait)
        wire.send(REQUEST)
        data, flow = await server.next()
        assert (data, host_port(flow.remote)) == (REQUEST, wire.address)
        server.send(flow, RESPONSE + RESPONSE)
        assert [await received.get(), await received.get()] == [RESPONSE, RESPONSE]
        await server.transports.close()
        assert await received.get() is None


@pytest.mark.parametrize("case", ["name", "authority"])
async def test_certificate_that_does_not_fit_is_refused(tmp_path: Path, case: str) -> None:
    """Of another host, or signed by somebody else."""
    certificates = Certificates(authority().served(tmp_path))
    known = Authority() if case == "authority" else authority()
    async with served("tls:127.0.0.1", certificates=certificates) as server:
        name = "other.example" if case == "name" else "localhost"
        where = ("127.0.0.1", server.port)
        wire = SecureConnection(where, name, str(known.ca_file(tmp_path, "known")))
        with pytest.raises(ssl.SSLCertVerificationError):
            await wire.open(lambda _: None)


async def test_server_that_says_nothing_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts, and knows no TLS."""
    monkeypatch.setattr("dfks_rules.cli.phone_wire.OPEN_WITHIN", 0.05)
    cafile = str(authority().ca_file(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = SecureConnection(server.getsockname(), "localhost", cafile)
        async with asyncio.timeout(5):
            with pytest.raises(TimeoutError):
                await wire.open(lambda _: None)


async def test_datagrams_tell_that_nobody_is_there() -> None:
    """ICMP says so at once."""
    received: asyncio.Queue[bytes | None] = asyncio.Queue()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        wire = Datagrams(server.getsockname())
        await wire.open(received.put_nowait)
        wire.send(b"one")
        data, source = server.recvfrom(100)
        assert (data, host_port(source)) == (b"one", wire.address)
        server.sendto(b"two", source)
        assert await received.get() == b"two"
    wire.send(b"three")
    async with asyncio.timeout(5):
        assert await received.get() is None
    asyncio.get_running_loop().remove_reader(wire._socket)
    wire._socket.close()


async def test_datagrams_are_heard_of_whoever_sends_them() -> None:
    """Several nodes are one server: another one has the dialog now, and is answered."""
    received: asyncio.Queue[bytes | None] = asyncio.Queue()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        for one in (server, other):
            one.bind(("127.0.0.1", 0))
            one.settimeout(5)
        wire = Datagrams(server.getsockname())
        await wire.open(received.put_nowait)
        wire.send(b"one")
        _, phone = server.recvfrom(100)
        other.sendto(b"two", phone)
        assert await received.get() == b"two"
        wire.reply(b"SIP/2.0 three")
        assert other.recvfrom(100) == (b"SIP/2.0 three", phone)
        other.close()
        wire.reply(b"SIP/2.0 four")  # Nobody takes it, which says nothing of the server.
        wire.send(b"five")
        assert server.recvfrom(100) == (b"five", phone)
        server.sendto(b"six", phone)
        assert await received.get() == b"six"
    asyncio.get_running_loop().remove_reader(wire._socket)
    wire._socket.close()


def test_ipv6_stands_in_brackets() -> None:
    """Else the port cannot be told from the address."""
    assert host_port(("::1", 5060)) == "[::1]:5060"
    assert host_port(("192.0.2.1", 5060)) == "192.0.2.1:5060"
