"""UDP on loopback."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from dfks_rules.sip.flow import Flow
from dfks_rules.transport.udp import BUFFER, UdpTransport, reachable


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    """A socket of somebody else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
        yield one


async def _read(peer: socket.socket) -> bytes:
    async with asyncio.timeout(10):
        return await asyncio.get_running_loop().sock_recv(peer, 65_535)


async def test_datagrams_come_with_their_source_and_answers_go_back(peer: socket.socket) -> None:
    """What a listener is for."""
    udp = UdpTransport("127.0.0.1", 0, lambda data, flow: udp.send(flow, data.upper()))
    peer.sendto(b"hello", ("127.0.0.1", udp.listener.port))
    assert await _read(peer) == b"HELLO"
    udp.close()


async def test_burst_of_1000_sends_is_all_delivered_in_order(peer: socket.socket) -> None:
    """A change on a presentity with many watchers, or the end of the server's day."""
    udp = UdpTransport("127.0.0.1", 0, lambda data, flow: None)
    flow = Flow(udp.listener, peer.getsockname())
    for number in range(1000):
        udp.send(flow, b"%d" % number)
    assert [int(await _read(peer)) for _ in range(1000)] == list(range(1000))
    udp.close()


async def test_close_sends_what_waits(peer: socket.socket) -> None:
    """The last NOTIFY of a server that stops."""
    udp = UdpTransport("127.0.0.1", 0, lambda data, flow: None)
    udp.send(Flow(udp.listener, peer.getsockname()), b"last")
    udp.close()
    assert await _read(peer) == b"last"


async def test_host_names_are_resolved(peer: socket.socket) -> None:
    """A Contact may name one; one that nobody knows is a lost datagram."""
    udp = UdpTransport("127.0.0.1", 0, lambda data, flow: None)
    udp.send(Flow(udp.listener, ("a..b", 5060), resolve=True), b"lost")
    udp.send(Flow(udp.listener, ("localhost", peer.getsockname()[1]), resolve=True), b"found")
    assert await _read(peer) == b"found"
    udp.close()


async def test_datagram_that_cannot_be_sent_does_not_stop_the_next(peer: socket.socket) -> None:
    """Too long, or nobody there: the transaction repeats it, others are not held up."""
    udp = UdpTransport("127.0.0.1", 0, lambda data, flow: None)
    flow = Flow(udp.listener, peer.getsockname())
    udp.send(flow, b"x" * 70_000)
    udp.send(Flow(udp.listener, ("127.0.0.1", 0)), b"nowhere")
    udp.send(flow, b"next")
    assert await _read(peer) == b"next"
    udp.close()


async def test_address_in_use_is_an_error_at_once(peer: socket.socket) -> None:
    """Else a second server would start and hear nothing."""
    with pytest.raises(OSError, match="in use"):
        UdpTransport("127.0.0.1", peer.getsockname()[1], lambda data, flow: None)


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1", "2001:db8::1"])
def test_bound_address_is_the_one_to_name(host: str) -> None:
    """The operator chose it."""
    assert reachable(host) == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_wildcard_is_never_named(host: str) -> None:
    """A phone that reads it in Contact would send to itself."""
    assert reachable(host) not in ("0.0.0.0", "::", "")


async def test_datagram_that_raises_does_not_cost_those_that_came_with_it(
    peer: socket.socket,
) -> None:
    """All that waits is read before any of it is worked on."""
    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: raised.append(what))

    def receive(data: bytes, flow: Flow) -> None:
        if data == b"bad":
            raise ValueError
        udp.send(flow, data)

    udp = UdpTransport("127.0.0.1", 0, receive)
    for data in (b"one", b"bad", b"two"):
        peer.sendto(data, ("127.0.0.1", udp.listener.port))
    assert [await _read(peer) for _ in range(2)] == [b"one", b"two"]
    assert len(raised) == 1
    udp.close()
