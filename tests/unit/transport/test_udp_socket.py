"""A bound UDP socket, before anybody serves."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from dfks_rules.transport import udp_socket
from dfks_rules.transport.inherited import Inherited, Passed
from dfks_rules.transport.limits import ConnectionLimits
from dfks_rules.transport.udp_socket import UdpSocket
from tests.helpers.transports import Served, until


@pytest.fixture
def bound() -> Iterator[socket.socket]:
    """A socket of a server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(0)
        one.bind(("127.0.0.1", 0))
        yield one


def _send(numbers: range, bound: socket.socket) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for number in numbers:
            peer.sendto(b"%d" % number, bound.getsockname())


async def test_what_comes_early_is_served_first_and_in_order(bound: socket.socket) -> None:
    """The server before has stopped, this one has not begun, and phones go on."""
    server = Served(ConnectionLimits())
    host, port = bound.getsockname()
    await server.transports.open([("udp", host, port)], Inherited([Passed("udp", bound)]))
    server.transports.gather()
    [waiting] = server.transports._bound
    assert isinstance(waiting.bound, UdpSocket)
    early = waiting.bound.early
    _send(range(1500), bound)  # More than is read in one go.
    await until(lambda: len(early) == 1500)
    assert server.received.empty()
    server.serve()
    _send(range(1500, 1600), bound)
    assert [int((await server.next())[0]) for _ in range(1600)] == list(range(1600))
    assert server.count("datagrams_received") == 1600
    await server.transports.close()


async def test_early_datagrams_are_bounded(
    bound: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that come then stay in the kernel; nothing that fits there is lost."""
    monkeypatch.setattr(udp_socket, "MAX_EARLY", 10)
    monkeypatch.setattr(udp_socket, "PORTION", 5)
    one = UdpSocket(bound, is_wildcard=False)
    one.gather()
    _send(range(15), bound)
    await until(lambda: len(one.early) == 10)
    assert not asyncio.get_running_loop().remove_reader(bound), "it still reads"
    assert [int(data) for data, _ in one.early] == list(range(10))
    assert [int(bound.recv(9)) for _ in range(5)] == list(range(10, 15))


def test_larger_buffer_of_whoever_passed_the_socket_stays(
    bound: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service manager may make it as large as it likes; we may not, and would make it small."""
    UdpSocket(bound, is_wildcard=False)
    size = bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    monkeypatch.setattr(udp_socket, "BUFFER", udp_socket.BUFFER // 4)
    UdpSocket(bound, is_wildcard=False)
    assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == size
