"""TCP on loopback."""

import asyncio
import os
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from dfks_rules.sip.flow import Flow, Hop, TransportName
from dfks_rules.transport.limits import ConnectionLimits
from tests.helpers.transports import REQUEST, RESPONSE, Served, served, until


@pytest.fixture
async def server() -> AsyncIterator[Served]:
    """It listens on TCP."""
    async with served("tcp:127.0.0.1") as one:
        yield one


def _flow(server: Served, port: int, host: str = "127.0.0.1", connection: int = 0) -> Flow:
    return Flow(server.listener, (host, port), connection)


async def test_answers_go_back_on_the_connection_of_the_request(server: Served) -> None:
    """Most phones cannot be connected to. A message may come in pieces."""
    phone = await server.connect()
    phone.write(REQUEST[:20])
    await phone.writer.drain()
    phone.write(REQUEST[20:] + REQUEST)
    for _ in range(2):
        data, flow = await server.next()
        assert data == REQUEST
        server.send(flow, b"answer")
    assert flow.remote == phone.address
    assert await phone.read(12) == b"answeranswer"


async def test_messages_to_one_peer_share_one_new_connection(server: Served) -> None:
    """Each of 200 NOTIFYs after a phone closed its connection once opened another one."""
    async with served("tcp:127.0.0.1") as phone:
        flow = _flow(server, phone.port, connection=999)
        for _ in range(50):
            server.send(flow, REQUEST)
        for _ in range(50):
            await phone.next()
        # And so once it is open, in both directions.
        server.send(flow, REQUEST)
        _, back = await phone.next()
        phone.send(back, RESPONSE)
        answer, _ = await server.next()
        assert answer == RESPONSE
        assert (server.count("connections_open"), phone.count("connections_open")) == (1, 1)


async def test_response_takes_a_new_connection_when_its_own_is_gone(server: Served) -> None:
    """RFC 3261 §18.2.2: to the source address, at the port in Via."""
    async with served("tcp:127.0.0.1") as proxy:
        phone = await server.connect()
        phone.write(REQUEST)
        _, flow = await server.next()
        phone.reset()
        await until(lambda: server.count("connections_open") == 0)
        server.send(flow._replace(remote=("127.0.0.1", proxy.port)), RESPONSE)
        assert (await proxy.next())[0] == RESPONSE


async def test_no_connection_is_opened_where_dns_has_to_be_asked_first(server: Served) -> None:
    """Its own connection is used while it lives; after that only DNS knows where it goes."""
    phone = await server.connect()
    phone.write(REQUEST)
    _, flow = await server.next()
    flow = flow._replace(
        remote=("phone.example", 5060), hop=Hop("phone.example", None, TransportName.TCP)
    )
    server.send(flow, b"answer")
    assert await phone.read(6) == b"answer"
    phone.reset()
    await until(lambda: server.count("connections_open") == 0)
    server.send(flow, REQUEST)
    assert server.undelivered.empty(), "never from within send"
    assert await server.lost() == REQUEST
    assert server.count("connections_opened") == 0


@pytest.mark.parametrize("port", [1, 99_999])
async def test_peer_that_cannot_be_connected_to_is_undelivered(server: Served, port: int) -> None:
    """RFC 3261 §18.4: the transaction need not wait 32 s. Via may hold a port above 65535."""
    flow = _flow(server, port)
    server.send(flow, b"one")
    server.send(flow, b"two")
    assert [await server.lost(), await server.lost()] == [b"one", b"two"]
    assert server.count("undelivered") == 2


async def test_what_was_not_written_when_a_connection_breaks_is_undelivered(
    server: Served,
) -> None:
    """The peer reads nothing, then it is gone: what left our hands is not known to be lost."""
    phone = await server.connect()
    phone.writer.transport.pause_reading()  # type: ignore[attr-defined]
    phone.write(REQUEST)
    _, flow = await server.next()
    written = 0
    while server.undelivered.empty() and written < 100:
        server.send(flow, b"x" * 500_000)
        written += 1
        await asyncio.sleep(0)
    assert await server.lost() == b"x" * 500_000
    assert server.count("undelivered") < written
    assert server.count("connections_open") == 0


async def test_a_full_table_lets_peers_wait_and_accepts_them_later() -> None:
    """No error line for each of them, and no descriptor."""
    limits = ConnectionLimits(in_all=2, per_source=2)
    async with served("tcp:127.0.0.1", limits=limits) as server:
        phones = [await server.connect(f"127.0.0.{number}") for number in (2, 3, 4)]
        for phone in phones:
            phone.write(REQUEST)
        await server.next()
        await server.next()
        assert server.received.empty()
        assert (server.count("connections_open"), server.count("accept_paused")) == (2, 1)
        phones[0].reset()
        assert (await server.next())[1].remote == phones[2].address


async def test_peers_wait_while_the_kernel_has_no_descriptor(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was computed: somebody else may have opened files. They are accepted later."""
    monkeypatch.setattr("dfks_rules.transport.tcp.PAUSE", 0.05)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as phone:
        phone.setblocking(False)
        free = os.dup(phone.fileno())
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            await asyncio.get_running_loop().sock_connect(phone, ("127.0.0.1", server.port))
            await until(lambda: server.count("accept_paused") > 0)
            assert server.count("connections_open") == 0
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await until(lambda: server.count("connections_open") == 1)


async def test_one_address_cannot_take_every_place() -> None:
    """Half of them at most, whatever the setting says; the others still get in."""
    limits = ConnectionLimits(in_all=4, per_source=4)
    async with served("tcp:127.0.0.1", limits=limits) as server:
        greedy = [await server.connect("127.0.0.2") for _ in range(3)]
        assert await greedy[2].rest() == b""
        modest = await server.connect("127.0.0.3")
        modest.write(REQUEST)
        assert (await server.next())[1].remote == modest.address
        assert server.count("connections_refused") == 1


async def test_no_connection_is_opened_when_there_is_no_place() -> None:
    """A peer with many Contacts must not fill the table from within."""
    limits = ConnectionLimits(in_all=2)
    async with served("tcp:127.0.0.1", limits=limits) as server:
        await server.connect()
        await until(lambda: server.count("connections_open") == 1)
        server.send(_flow(server, 5060), REQUEST)
        assert server.undelivered.empty(), "never from within send"
        assert await server.lost() == REQUEST
        assert server.count("connections_refused") == 1


async def test_peers_that_never_answer_leave_room_for_others() -> None:
    """A datagram is enough to name one as Contact; a flood of them kept all phones out for good."""
    limits = ConnectionLimits(in_all=8)
    async with served("tcp:127.0.0.1", limits=limits) as server:
        with ExitStack() as deaf:
            for number in range(2, 8):
                host = f"127.0.0.{number}"
                listening = deaf.enter_context(socket.create_server((host, 0), backlog=0))
                for _ in range(2):  # The kernel keeps one of them, and leaves the others waiting.
                    calling = deaf.enter_context(socket.socket())
                    calling.setblocking(False)
                    calling.connect_ex(listening.getsockname())
                server.send(_flow(server, listening.getsockname()[1], host), REQUEST)
            for _ in range(4):
                await server.lost()
            assert server.count("connections_refused") == 4
            phone = await server.connect()
            phone.write(REQUEST)
            assert (await server.next())[1].remote == phone.address


async def test_stream_to_gives_a_live_connection(server: Served) -> None:
    """For a NOTIFY too long for UDP (RFC 3261 §18.1.1)."""
    async with served("tcp:127.0.0.1") as phone:
        remote = ("127.0.0.1", phone.port)
        assert server.transports.stream_to(remote) is None
        server.send(_flow(server, phone.port), REQUEST)
        assert (await phone.next())[0] == REQUEST
        await until(lambda: server.transports.stream_to(remote) is not None)
        flow = server.transports.stream_to(remote)
        assert flow is not None
        server.send(flow, REQUEST)
        assert (await phone.next())[0] == REQUEST
    await until(lambda: server.count("connections_open") == 0)
    assert server.transports.stream_to(remote) is None


async def test_a_stream_that_a_phone_opened_leads_to_no_port_for_datagrams(server: Served) -> None:
    """Another phone behind the same NAT may have that number; it must not get its NOTIFYs."""
    phone = await server.connect()
    phone.write(REQUEST)
    _, flow = await server.next()
    assert server.transports.is_open(flow.connection)
    assert server.transports.stream_to(phone.address) is None


async def test_a_stream_that_is_being_opened_is_not_live_yet(server: Served) -> None:
    """It may never be, and a NOTIFY that could go as a datagram would wait for it."""
    async with served("tcp:127.0.0.1") as phone:
        server.send(_flow(server, phone.port), REQUEST)
        remote = ("127.0.0.1", phone.port)
        assert server.transports.stream_to(remote) is None
        await phone.next()
        await until(lambda: server.transports.stream_to(remote) is not None)


async def test_wildcard_knows_the_address_that_was_asked() -> None:
    """A connection has its own local address."""
    async with served("tcp:0.0.0.0") as server:
        for host in ("127.0.0.1", "127.0.0.2"):
            with socket.create_connection((host, server.port)) as phone:
                phone.sendall(REQUEST)
                _, flow = await server.next()
                assert (flow.listener.host, flow.listener.port) == (host, server.port)
                assert flow.listener.sent_by == f"{host}:{server.port}".encode()


async def test_new_connection_comes_from_the_address_that_was_asked() -> None:
    """A firewall lets pass what it has seen the phone ask."""
    async with served("tcp:0.0.0.0") as server, served("tcp:127.0.0.1") as phone:
        server.answer = lambda _: RESPONSE
        with socket.create_connection(("127.0.0.2", server.port)) as asking:
            asking.sendall(REQUEST)
            _, flow = await server.next()
        await until(lambda: server.count("connections_open") == 0)
        server.send(flow._replace(remote=("127.0.0.1", phone.port)), REQUEST)
        assert (await phone.next())[1].remote[0] == "127.0.0.2"


async def test_close_sends_what_was_written(server: Served) -> None:
    """The last NOTIFY of a server that stops, also where a connection is being opened for it."""
    async with served("tcp:127.0.0.1") as other:
        phone = await server.connect()
        phone.write(REQUEST)
        _, flow = await server.next()
        server.send(flow, b"last")
        server.send(_flow(server, other.port), REQUEST)
        await server.transports.close()
        assert await phone.rest() == b"last"
        assert (await other.next())[0] == REQUEST
