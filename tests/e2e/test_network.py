"""The network that loses what tests send: packets, TCP and cuts, in namespaces of the kernel."""

import asyncio
import random
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.helpers.network import Network, NoNetworkError, network

pytestmark = pytest.mark.e2e
HERE, THERE = "127.0.0.2", "127.0.1.1"
PORT = 5060
_ECHO = """
import socket, sys, threading
def datagrams():
    while True:
        one.sendto(*one.recvfrom(9999))
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind((sys.argv[1], int(sys.argv[2])))
threading.Thread(target=datagrams, daemon=True).start()
with socket.create_server((sys.argv[1], int(sys.argv[2]))) as listening:
    print("listens", flush=True)
    stream, _ = listening.accept()
    while data := stream.recv(9999):
        stream.sendall(data)
"""


@pytest.fixture
def net() -> Iterator[Network]:
    """Two hosts with ways between them; the test is on the first one."""
    try:
        with network(random.Random(1), [HERE], [THERE]) as made:
            made.way(HERE, THERE)
            made.way(THERE, HERE)
            yield made
    except NoNetworkError as error:
        pytest.skip(f"needs network namespaces: {error}")


@asynccontextmanager
async def _echo(net: Network) -> AsyncIterator[None]:
    """A program on the other host that sends back whatever it gets."""
    net.open()
    command = [*net.hosts[1].command, sys.executable, "-c", _ECHO, THERE, str(PORT)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"listens\n"
        yield
    finally:
        process.kill()
        await process.wait()


async def _echoed(count: int, size: int = 100) -> int:
    """How many of some datagrams come back."""
    loop = asyncio.get_running_loop()
    back = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        one.connect((THERE, PORT))
        for _ in range(count):
            await loop.sock_sendall(one, b"x" * size)
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(5):
                while back < count:
                    assert len(await loop.sock_recv(one, 9999)) == size
                    back += 1
        except TimeoutError:
            pass
    return back


async def test_packets_are_passed_on_and_lost_as_a_way_says(net: Network) -> None:
    """Also those of a datagram that is larger than a packet; none where the way is cut."""
    there, back = net.way(HERE, THERE), net.way(THERE, HERE)
    async with _echo(net):
        assert await _echoed(20) == 20
        assert await _echoed(5, size=4000) == 5
        there.loss = 0.5
        assert 20 < await _echoed(100) < 80
        there.loss, back.loss = 0.0, 1.0
        lost = net.lost
        assert await _echoed(10) == 0
        assert net.lost == lost + 10


async def test_a_connection_outlives_losses_and_overtaking_packets(net: Network) -> None:
    """TCP of the kernel mends what the network does."""
    for way in (net.way(HERE, THERE), net.way(THERE, HERE)):
        way.loss, way.delay = 0.05, (0.0, 0.02)
    sent = random.Random(2).randbytes(200_000)
    async with _echo(net):
        reader, writer = await asyncio.open_connection(THERE, PORT)
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent
        writer.close()
    assert net.lost > 10


def test_whoever_made_it_is_back_where_it_was() -> None:
    """Nothing is left of it, and nothing was changed outside."""
    here = Path("/proc/thread-self/ns/net").readlink()
    devices = socket.if_nameindex()
    try:
        with network(random.Random(1), [HERE], [THERE]):
            assert Path("/proc/thread-self/ns/net").readlink() != here
            assert [name for _, name in socket.if_nameindex()] != [name for _, name in devices]
    except NoNetworkError as error:
        pytest.skip(f"needs network namespaces: {error}")
    assert Path("/proc/thread-self/ns/net").readlink() == here
    assert socket.if_nameindex() == devices
