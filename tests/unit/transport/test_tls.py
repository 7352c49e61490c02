"""TLS on loopback: what differs from TCP."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dfks_rules.sip.flow import Flow
from dfks_rules.transport.certificates import CertificateFiles, Certificates
from dfks_rules.transport.limits import ConnectionLimits, SourceLimits
from dfks_rules.transport.rates import HANDSHAKE
from tests.helpers.certificates import Authority, authority, untrusting
from tests.helpers.transports import REQUEST, RESPONSE, Peer, Served, served, until


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    """It listens on TLS."""
    certificates = Certificates(authority().served(tmp_path))
    async with served("tls:127.0.0.1", certificates=certificates) as one:
        yield one


def _shown(peer: Peer) -> set[str]:
    """The names in the certificate that the server showed."""
    found = peer.writer.get_extra_info("peercert")
    return {name for _, name in found["subjectAltName"]}


async def test_answers_go_back_on_the_connection_of_the_request(server: Served) -> None:
    """To a phone that checks the certificate."""
    phone = await server.connect(tls=authority().trusting())
    phone.write(REQUEST[:20])
    await phone.writer.drain()
    phone.write(REQUEST[20:] + REQUEST)
    for _ in range(2):
        data, flow = await server.next()
        assert data == REQUEST
        server.send(flow, b"answer")
    assert await phone.read(12) == b"answeranswer"
    assert (flow.remote, flow.listener.secure) == (phone.address, True)
    assert phone.writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    assert server.count("handshakes_done") == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_tls_1_2_is_the_oldest(server: Served, version: ssl.TLSVersion) -> None:
    """Phones of ten years speak it."""
    tls = untrusting()
    tls.minimum_version, tls.maximum_version = ssl.TLSVersion.TLSv1, version
    tls.set_ciphers("ALL:@SECLEVEL=0")
    if version is ssl.TLSVersion.TLSv1_2:
        (await server.connect(tls=tls)).write(REQUEST)
        assert (await server.next())[0] == REQUEST
        return
    with pytest.raises(ssl.SSLError):
        await server.connect(tls=tls)
    await until(lambda: server.count("connections_open") == 0)
    assert server.count("handshakes_failed") == 1


async def test_name_that_is_asked_for_chooses_a_certificate(tmp_path: Path) -> None:
    """SNI (RFC 6066 §3), also by `*`; a name that nobody has gets the first."""
    names = ("one.example", "*.two.example", "127.0.0.1")
    chains = tuple(authority().files(tmp_path, name, stem=str(n)) for n, name in enumerate(names))
    tls = authority().trusting()
    tls.check_hostname = False
    certificates = Certificates(CertificateFiles(chains, None))
    async with served("tls:127.0.0.1", certificates=certificates) as server:
        for asked, shown in (
            ("one.example", "one.example"),
            ("A.Two.example", "*.two.example"),
            ("a.b.two.example", "127.0.0.1"),
            ("", "127.0.0.1"),
        ):
            assert _shown(await server.connect(tls=tls, name=asked)) == {shown}


async def test_certificate_of_a_phone_is_optional_and_checked(tmp_path: Path) -> None:
    """None, one of the authority, and one of another, which costs the connection."""
    certificates = Certificates(authority().served(tmp_path, client_ca=True))
    async with served("tls:127.0.0.1", certificates=certificates) as server:
        for tls in (authority().trusting(), authority().holder("phone.example")):
            phone = await server.connect(tls=tls)
            phone.write(REQUEST)
            await server.next()
        stranger = Authority().holder("phone.example")
        stranger.check_hostname = False
        stranger.verify_mode = ssl.CERT_NONE
        phone = await server.connect(tls=stranger)
        phone.write(REQUEST)
        with pytest.raises(ssl.SSLError, match="UNKNOWN_CA"):
            await phone.rest()
        assert server.received.empty()
        assert (server.count("handshakes_done"), server.count("handshakes_failed")) == (2, 1)


@pytest.mark.parametrize(
    "garbage",
    [REQUEST, b"\r\n\r\n", b"\0" * 10_000, b"\x16\x03\x01\xff\xff" + b"\xff" * 100_000],
    ids=["sip", "crlf", "zeros", "record"],
)
async def test_garbage_in_place_of_a_handshake_ends_the_connection(
    server: Served, garbage: bytes
) -> None:
    """A phone set to TCP at the port of TLS; scanners. Others go on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(garbage + b"x" * 6)
    async with asyncio.timeout(5):
        try:
            rest = await reader.read()
        except ConnectionResetError:
            rest = b""
    assert b"SIP" not in rest
    writer.close()
    await until(lambda: server.count("connections_open") == 0)
    assert (server.count("handshakes_failed"), server.count("messages_received")) == (1, 0)
    phone = await server.connect(tls=authority().trusting())
    phone.write(REQUEST)
    assert (await server.next())[0] == REQUEST


async def test_handshake_has_the_time_of_a_first_message(tmp_path: Path) -> None:
    """Whoever says nothing, and whoever says half a hello."""
    certificates = Certificates(authority().served(tmp_path))
    limits = ConnectionLimits(first=0.1)
    async with served("tls:127.0.0.1", limits=limits, certificates=certificates) as server:
        for begin in (b"", b"\x16\x03\x01\x02\x00\x01"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(begin)
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()
        await until(lambda: server.count("connections_open") == 0)
        assert (server.count("connections_timed_out"), server.count("handshakes_failed")) == (2, 2)


async def test_connection_is_opened_to_a_phone_that_ended_its_own(
    server: Served, tmp_path: Path
) -> None:
    """By its Contact; no authority signs for a phone's address, so that is not asked for."""
    stranger = Certificates(Authority().served(tmp_path))
    async with served("tls:127.0.0.1", certificates=stranger) as phone:
        flow = Flow(server.listener, ("127.0.0.1", phone.port), 999)
        for _ in range(20):
            server.send(flow, REQUEST)
        for _ in range(20):
            await phone.next()
        server.send(flow, REQUEST)
        _, back = await phone.next()
        phone.send(back, RESPONSE)
        assert (await server.next())[0] == RESPONSE
        assert (server.count("connections_open"), phone.count("connections_open")) == (1, 1)
        assert server.undelivered.empty()


async def test_peer_that_speaks_no_tls_is_undelivered(server: Served) -> None:
    """And never gets the message in the clear."""
    async with served("tcp:127.0.0.1") as phone:
        flow = Flow(server.listener, ("127.0.0.1", phone.port))
        phone.answer = lambda _: RESPONSE
        server.send(flow, REQUEST)
        answering = asyncio.create_task(_answer_plainly(phone))
        assert await server.lost() == REQUEST
        answering.cancel()
        assert phone.received.empty()
        assert server.count("handshakes_failed") == 1


async def _answer_plainly(phone: Served) -> None:
    await until(lambda: phone.count("connections_open") == 1)
    connection = next(iter(phone.transports.connections._by_number.values()))
    connection.write(RESPONSE)


@pytest.mark.parametrize("says_so", [True, False], ids=["close_notify", "fin"])
async def test_peer_that_ended_its_side_gets_its_response(server: Served, says_so: bool) -> None:
    """With close_notify, after which TLS lets the other side speak, or without."""
    with socket.create_connection(("127.0.0.1", server.port)) as plain:
        plain.setblocking(False)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = untrusting().wrap_bio(incoming, outgoing)
        await _exchange(plain, tls.do_handshake, incoming, outgoing)
        tls.write(REQUEST)
        if says_so:
            with pytest.raises(ssl.SSLWantReadError):
                tls.unwrap()
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(plain, outgoing.read())
        plain.shutdown(socket.SHUT_WR)
        _, flow = await server.next()
        await asyncio.sleep(0)
        server.send(flow, RESPONSE)
        while piece := await loop.sock_recv(plain, 65_536):
            incoming.write(piece)
        incoming.write_eof()
        if not says_so:
            assert tls.read(1_000) == RESPONSE
            assert tls.read(1_000) == b"", "the server says that it has ended its side"
        await until(lambda: server.count("connections_open") == 0)
        assert server.undelivered.empty()


async def _exchange(
    plain: socket.socket, step: object, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
) -> None:
    """Repeat a step of TLS until it is done."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            step()  # type: ignore[operator]
        except ssl.SSLWantReadError:
            await loop.sock_sendall(plain, outgoing.read())
            incoming.write(await loop.sock_recv(plain, 65_536))
        else:
            await loop.sock_sendall(plain, outgoing.read())
            return


async def test_new_certificate_is_shown_to_new_connections(tmp_path: Path) -> None:
    """Those that are open go on."""
    files = authority().served(tmp_path)
    certificates = Certificates(files)
    async with served("tls:127.0.0.1", certificates=certificates) as server:
        old = await server.connect(tls=authority().trusting())
        authority().files(tmp_path, "localhost", "new.example")
        certificates.read()
        new = await server.connect(tls=authority().trusting())
        assert _shown(new) == {"localhost", "new.example"}
        old.write(REQUEST)
        assert (await server.next())[1].remote == old.address


async def test_close_sends_what_was_written(server: Served) -> None:
    """And says so, that a phone can tell the end from an attack."""
    phone = await server.connect(tls=authority().trusting())
    phone.write(REQUEST)
    _, flow = await server.next()
    server.send(flow, b"last")
    await server.transports.close()
    assert await phone.rest() == b"last"


async def test_handshakes_over_the_rate_of_their_source_wait(tmp_path: Path) -> None:
    """Each takes as much CPU as several requests; other sources need not wait for them."""
    certificates = Certificates(authority().served(tmp_path))
    sources = SourceLimits(2 * HANDSHAKE)
    async with served("tls:127.0.0.1", certificates=certificates, sources=sources) as server:
        tls = untrusting()
        many = [asyncio.create_task(server.connect(tls=tls)) for _ in range(3)]
        await until(lambda: server.count("handshakes_delayed") == 1)
        await server.connect("127.0.0.2", tls=tls)
        assert server.count("handshakes_done") <= 3
        await asyncio.gather(*many)
        await until(lambda: server.count("handshakes_done") == 4)
