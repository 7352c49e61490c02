"""Datagrams, by real sockets."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from dfks_rules.mi.client import call, open_url
from dfks_rules.mi.datagram import DatagramServer
from tests.helpers.mi import dispatcher, request


@pytest.fixture(params=["udp", "udp6", "unix"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DatagramServer]:
    """A server on each kind of address."""
    addresses: dict[str, tuple[str, int] | Path] = {
        "udp": ("127.0.0.1", 0),
        "udp6": ("::1", 0),
        "unix": tmp_path / "run" / "sock",
    }
    server = DatagramServer(addresses[request.param], dispatcher())
    try:
        await server.start()
    except OSError:
        pytest.skip("no IPv6 loopback here")
    yield server
    await server.close()


async def _call(server: DatagramServer, method: str, params: Any = None) -> Any:
    return await asyncio.to_thread(call, open_url(server.address), method, params or {})


async def _exchange(server: DatagramServer, data: bytes) -> Any:
    return json.loads(await asyncio.to_thread(open_url(server.address), data))


async def test_call_is_answered_to_its_sender(server: DatagramServer) -> None:
    """Over UDP, IPv6 and Unix sockets."""
    assert await _call(server, "presence:cleanup") == "OK"


@pytest.mark.parametrize("body", [b"", b"{}", b'"which"', b"[]", b"hello", b"\xff", b'{"id": 1'])
async def test_bad_requests_are_answered(server: DatagramServer, body: bytes) -> None:
    """Some kill an OpenSIPS process."""
    assert (await _exchange(server, body))["error"]["code"] in (-32700, -32600)
    assert await _call(server, "presence:cleanup") == "OK"


async def test_simultaneous_clients_get_their_own_replies(server: DatagramServer) -> None:
    """Each reply goes to the address that asked."""
    names = ["ps", "version", "uptime", "log_level"] * 5
    replies = await asyncio.gather(*(_call(server, "help", [name]) for name in names))
    assert [reply["Aliases"] for reply in replies] == [[name] for name in names]


async def test_request_too_long_is_told(tmp_path: Path) -> None:
    """Only a Unix socket can carry one."""
    server = DatagramServer(tmp_path / "sock", dispatcher())
    await server.start()
    assert (await _exchange(server, b" " * (64 * 1024 + 1)))["error"]["code"] == 413
    await server.close()


async def test_reply_too_long_is_an_error() -> None:
    """A UDP datagram ends at 65,507 bytes; the client would wait for nothing."""
    server = DatagramServer(("127.0.0.1", 0), dispatcher())
    await server.start()
    batch = b"[" + b",".join([request("help")] * 64) + b"]"
    assert (await _exchange(server, batch))["error"]["code"] == 413
    await server.close()


async def test_flood_is_answered_503_and_ends() -> None:
    """What is under way is bounded."""
    server = DatagramServer(("127.0.0.1", 0), dispatcher())
    await server.start()
    host, port = server.address.removeprefix("udp:").split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for _ in range(100):
            client.sendto(request("ps"), (host, int(port)))
        client.settimeout(5)
        codes = set()
        for _ in range(100):
            reply = json.loads(await asyncio.to_thread(client.recv, 65536))
            codes.add(reply.get("error", {}).get("code"))
    assert None in codes
    assert codes <= {None, 503}
    await server.close()


async def test_unix_socket_is_private_and_goes_with_the_server(tmp_path: Path) -> None:
    """Who may write to it may forward anybody's calls."""
    path = tmp_path / "sock"
    server = DatagramServer(path, dispatcher())
    await server.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await server.close()
    await server.close()
    assert not path.exists()


async def test_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    """A killed server leaves one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        left.bind(str(tmp_path / "sock"))
    server = DatagramServer(tmp_path / "sock", dispatcher())
    await server.start()
    assert await _call(server, "presence:cleanup") == "OK"
    await server.close()


def _make_file(path: Path) -> None:
    path.write_text("precious")


@pytest.mark.parametrize("make", [_make_file, os.mkfifo])
async def test_file_that_is_no_socket_is_left_alone(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """A mistaken path must not cost a file."""
    path = tmp_path / "sock"
    make(path)
    with pytest.raises(FileExistsError, match="not a socket"):
        await DatagramServer(path, dispatcher()).start()
    assert path.exists()


async def test_socket_of_a_living_server_is_not_taken_over(tmp_path: Path) -> None:
    """The first one would go deaf without a word."""
    first = DatagramServer(tmp_path / "sock", dispatcher())
    await first.start()
    with pytest.raises(OSError, match="in use"):
        await DatagramServer(tmp_path / "sock", dispatcher()).start()
    assert await _call(first, "presence:cleanup") == "OK"
    await first.close()


async def test_unix_client_without_a_name_does_not_disturb(tmp_path: Path) -> None:
    """There is nowhere to reply to."""
    server = DatagramServer(tmp_path / "sock", dispatcher())
    await server.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.sendto(request("ps"), str(tmp_path / "sock"))
    assert await _call(server, "presence:cleanup") == "OK"
    await server.close()


async def test_unix_client_that_does_not_read_does_not_hold_up_others(tmp_path: Path) -> None:
    """Its queue is full, and only its own replies wait for room."""
    server = DatagramServer(tmp_path / "sock", dispatcher())
    await server.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.bind(str(tmp_path / "deaf"))
        for _ in range(40):
            client.sendto(request("help"), str(tmp_path / "sock"))
            await asyncio.sleep(0)
        assert await _call(server, "presence:cleanup") == "OK"
    await server.close()
