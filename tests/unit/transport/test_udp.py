"""UDP on loopback."""

import asyncio
import random
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest

from dfks_rules.sip.flow import Flow
from dfks_rules.transport import udp, udp_socket
from dfks_rules.transport.limits import SourceLimits
from dfks_rules.transport.rates import REFUSALS
from tests.helpers.network import NoNetworkError, network
from tests.helpers.transports import REQUEST, WITHIN, Served, read, served, until


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    """A socket of somebody else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, udp_socket.BUFFER)
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
        yield one


@pytest.fixture
def slow_device() -> Iterator[None]:
    """What goes to 127.0.1.1 waits in a queue for a device that takes 1 KB a second."""
    try:
        with network(random.Random(1), ["127.0.0.2"], ["127.0.1.1"]):
            slow = "tc qdisc add dev tun0 root tbf rate 8kbit burst 2000 limit 3000"
            if subprocess.run(slow.split(), capture_output=True, check=False).returncode:
                pytest.skip(f"cannot `{slow}`")
            yield
    except NoNetworkError as error:
        pytest.skip(f"needs network namespaces: {error}")


@pytest.fixture
async def server() -> AsyncIterator[Served]:
    """It listens on UDP."""
    async with served("udp:127.0.0.1") as one:
        yield one


async def test_datagrams_come_with_their_source_and_answers_go_back(
    server: Served, peer: socket.socket
) -> None:
    """What a listener is for."""
    server.answer = bytes.upper
    peer.sendto(b"hello", ("127.0.0.1", server.port))
    assert await read(peer) == (b"HELLO", ("127.0.0.1", server.port))
    assert (await server.next())[1] == Flow(server.listener, peer.getsockname())


async def test_largest_datagram_is_taken_whole(server: Served, peer: socket.socket) -> None:
    """RFC 3261 §18.1.1: whatever fits into one."""
    largest = b"x" * (65_535 - 20 - 8)
    peer.sendto(largest, ("127.0.0.1", server.port))
    assert (await server.next())[0] == largest


async def test_one_flow_serves_all_messages_of_a_peer(server: Served, peer: socket.socket) -> None:
    """Each of its subscriptions keeps one; and no more of them are kept than is good."""
    for _ in range(2):
        peer.sendto(b"hello", ("127.0.0.1", server.port))
    (_, one), (_, other) = await server.next(), await server.next()
    assert one is other


async def test_flows_are_bounded(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends from a new port each time must not fill the memory."""
    monkeypatch.setattr(udp, "MAX_FLOWS", 10)
    for _ in range(25):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.sendto(b"hello", ("127.0.0.1", server.port))
            assert (await server.next())[1].remote == ("127.0.0.1", phone.getsockname()[1])
    transport = server.transports._opened[0]
    assert isinstance(transport, udp.UdpTransport)
    assert len(transport._flows) <= 10


async def test_burst_of_1000_sends_is_all_delivered_in_order(
    server: Served, peer: socket.socket
) -> None:
    """A change on a presentity with many watchers, or the end of the server's day."""
    flow = Flow(server.listener, peer.getsockname())
    for number in range(1000):
        server.send(flow, b"%d" % number)
    assert [int((await read(peer))[0]) for _ in range(1000)] == list(range(1000))
    assert server.count("datagrams_sent") == 1000


async def test_close_sends_what_waits(server: Served, peer: socket.socket) -> None:
    """The last NOTIFYs of a server that stops, more than a portion of them."""
    for number in range(300):
        server.send(Flow(server.listener, peer.getsockname()), b"%d" % number)
    await server.transports.close()
    assert [int((await read(peer))[0]) for _ in range(300)] == list(range(300))


@pytest.mark.parametrize("address", ["udp:127.0.0.1", "udp:0.0.0.0"])
async def test_datagram_that_nobody_takes_is_told_and_costs_the_next_nothing(address: str) -> None:
    """The kernel reports it at the next call, which is about another phone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = closed.getsockname()
    async with served(address) as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind(("127.0.0.1", 0))
            phone.setblocking(False)
            listener = server.transports._opened[0].at("127.0.0.1")
            for _ in range(5):
                server.send(Flow(listener, nobody), b"lost")
                server.send(Flow(listener, phone.getsockname()), b"arrives")
            for _ in range(5):
                assert (await read(phone))[0] == b"arrives"
        async with asyncio.timeout(WITHIN):
            for _ in range(5):
                assert await server.bounced.get() == b"lost"
        assert (server.count("datagrams_bounced"), server.count("undelivered")) == (5, 0)
        assert server.count("datagrams_sent") == 10


async def test_datagram_that_cannot_be_sent_is_undelivered_and_does_not_stop_the_next(
    server: Served, peer: socket.socket
) -> None:
    """Too long, nobody there, or a port that a Via made up, which was a traceback."""
    flow = Flow(server.listener, peer.getsockname())
    bad = [
        (b"x" * 70_000, flow),
        (b"nowhere", flow._replace(remote=("127.0.0.1", 0))),
        (b"no port", flow._replace(remote=("127.0.0.1", 99_999))),
        (b"no way", flow._replace(remote=("2001:db8::1", 5060))),
    ]
    for data, way in bad:
        server.send(way, data)
    assert server.undelivered.empty(), "never from within send"
    server.send(flow, b"next")
    assert (await read(peer))[0] == b"next"
    assert [await server.lost() for _ in bad] == [data for data, _ in bad]
    assert (server.count("undelivered"), server.count("datagrams_sent")) == (4, 1)


@pytest.mark.usefixtures("slow_device")
async def test_datagram_that_finds_the_queue_of_the_device_full_is_lost() -> None:
    """It was undelivered: its NOTIFY was told again after 64 s in place of half a second."""
    async with served("udp:127.0.0.2") as server:
        for _ in range(10):
            server.send(Flow(server.listener, ("127.0.1.1", 5060)), b"x" * 1000)
        await until(lambda: server.count("datagrams_unsent") > 0)
        assert server.undelivered.empty()


async def test_datagram_that_raises_does_not_cost_those_that_came_with_it(
    server: Served, peer: socket.socket
) -> None:
    """All that waits is read before any of it is worked on."""
    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: raised.append(what))

    def answer(data: bytes) -> bytes:
        if data == b"bad":
            raise ValueError
        return data

    server.answer = answer
    for data in (b"one", b"bad", b"two"):
        peer.sendto(data, ("127.0.0.1", server.port))
    assert [(await read(peer))[0] for _ in range(2)] == [b"one", b"two"]
    assert len(raised) == 1
    assert server.count("datagrams_received") == 3


async def test_datagrams_that_found_the_queue_full_are_counted(
    server: Served, peer: socket.socket
) -> None:
    """The kernel drops them without a word."""
    transport = server.transports._opened[0]
    assert isinstance(transport, udp.UdpTransport)
    transport._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(100):
        peer.sendto(b"x" * 1000, ("127.0.0.1", server.port))
    await until(lambda: server.count("datagrams_received") > 0)
    counts = server.transports.counts
    assert counts["datagrams_received"] + counts["datagrams_dropped"] == 100
    assert counts["datagrams_dropped"] > 0


async def test_wildcard_answers_from_the_address_that_was_asked(peer: socket.socket) -> None:
    """RFC 3581 §4: NAT and firewalls drop what comes from another one."""
    async with served("udp:0.0.0.0") as server:
        server.answer = bytes.upper
        for host in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):
            peer.sendto(b"hello", (host, server.port))
            assert await read(peer) == (b"HELLO", (host, server.port))
            _, flow = await server.next()
            assert flow.listener.sent_by == f"{host}:{server.port}".encode()
        # And later requests in the dialog come from there, too.
        server.send(flow._replace(remote=peer.getsockname()), b"notify")
        assert await read(peer) == (b"notify", ("127.0.0.1", server.port))


async def test_one_source_over_its_rate_costs_another_nothing(peer: socket.socket) -> None:
    """Before anything is parsed: what is too much of it is refused, or dropped."""
    async with served("udp:127.0.0.1", sources=SourceLimits(50)) as server:
        server.answer = bytes.upper
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flooder:
            flooder.bind(("127.0.0.66", 0))
            for number in range(1000):
                flooder.sendto(REQUEST, ("127.0.0.1", server.port))
                if number % 100 == 0:
                    peer.sendto(b"phone", ("127.0.0.1", server.port))
            for _ in range(10):
                assert (await read(peer))[0] == b"PHONE"
            await until(lambda: server.count("datagrams_received") == 1010)
        assert server.refused.qsize() == server.count("rate_refused") >= REFUSALS
        assert server.count("rate_dropped") > 800


async def test_datagrams_that_wait_are_all_worked_on(server: Served, peer: socket.socket) -> None:
    """A burst of one source alone is nobody's loss."""
    for number in range(500):
        peer.sendto(b"%d" % number, ("127.0.0.1", server.port))
    assert [int((await server.next())[0]) for _ in range(500)] == list(range(500))


async def test_who_may_has_buffers_of_the_size_it_asks_for_in_both_directions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Datagrams to machines that are not there fill a small one, and then nobody is answered."""
    size = 16 * 1024 * 1024
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, 32, size)  # SO_SNDBUFFORCE
        except PermissionError:
            pytest.skip("needs CAP_NET_ADMIN")
        granted = probe.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    monkeypatch.setattr(udp_socket, "BUFFER", size)
    async with served("udp:127.0.0.1") as one:
        (transport,) = one.transports._opened
        sock = transport._socket  # type: ignore[attr-defined]
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            assert sock.getsockopt(socket.SOL_SOCKET, option) == granted


async def test_what_a_datagram_leads_to_is_sent_without_another_turn(
    server: Served, peer: socket.socket
) -> None:
    """A look at all sockets for nothing would cost as much as reading it."""
    loop = asyncio.get_running_loop()
    transport = server.transports._opened[0]
    assert isinstance(transport, udp.UdpTransport)
    found: asyncio.Future[tuple[bytes, bool]] = loop.create_future()

    def answer(data: bytes) -> bytes:
        loop.call_soon(lambda: found.set_result((peer.recv(100), transport._flushing)))
        return data.upper()

    server.answer = answer
    peer.sendto(b"hello", ("127.0.0.1", server.port))
    async with asyncio.timeout(WITHIN):
        assert await found == (b"HELLO", False)
