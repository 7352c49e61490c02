"""The FIFO, by real files."""

import asyncio
import contextlib
import json
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dfks_rules.mi import fifo
from dfks_rules.mi.client import call, open_url
from dfks_rules.mi.fifo import FifoServer
from tests.helpers.mi import dispatcher, request
from tests.helpers.operations import MemoryOperations, subscription
from tests.helpers.transports import until


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[FifoServer]:
    """A server that reads tmp_path/run/fifo."""
    operations = MemoryOperations()
    operations.rows = [subscription(number) for number in range(500)]
    server = FifoServer(tmp_path / "run" / "fifo", tmp_path / "run", dispatcher(operations))
    await server.start()
    yield server
    await server.close()


async def _call(server: FifoServer, method: str, params: Any = None) -> Any:
    return await asyncio.to_thread(call, open_url(server.address), method, params or {})


def _write(server: FifoServer, data: bytes) -> None:
    fd = os.open(server.address.removeprefix("fifo:"), os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


class _Waiting:
    """A client that waits on its reply FIFO."""

    def __init__(self, folder: Path, name: str) -> None:
        os.mkfifo(folder / name)
        self._fd = os.open(folder / name, os.O_RDONLY | os.O_NONBLOCK)

    async def read(self) -> Any:
        """The reply; asked for until it is there or the test's time is over."""
        data = b""
        while not (data and _is_whole(data)):
            await asyncio.sleep(0.001)
            with contextlib.suppress(BlockingIOError):
                data += os.read(self._fd, 65536)
        os.close(self._fd)
        return json.loads(data)


def _is_whole(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


async def test_calls_are_answered_one_after_another(server: FifoServer) -> None:
    """The server must outlive the first client's close."""
    for _ in range(3):
        assert await _call(server, "presence:cleanup") == "OK"


async def test_fifo_is_private_and_goes_with_the_server(tmp_path: Path) -> None:
    """Who may write to it may forward anybody's calls."""
    path = tmp_path / "fifo"
    server = FifoServer(path, tmp_path, dispatcher())
    await server.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert server.address == f"fifo:{path}"
    await server.close()
    await server.close()
    assert not path.exists()


async def test_stale_fifo_is_replaced(tmp_path: Path) -> None:
    """A killed server leaves one."""
    os.mkfifo(tmp_path / "fifo")
    server = FifoServer(tmp_path / "fifo", tmp_path, dispatcher())
    await server.start()
    assert await _call(server, "presence:cleanup") == "OK"
    await server.close()


async def test_file_that_is_no_fifo_is_left_alone(tmp_path: Path) -> None:
    """A mistaken path must not cost a file."""
    path = tmp_path / "fifo"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="not a FIFO"):
        await FifoServer(path, tmp_path, dispatcher()).start()
    assert path.read_text() == "precious"


async def test_fifo_of_a_living_server_is_not_taken_over(server: FifoServer) -> None:
    """Two servers on one path would share requests by chance."""
    path = Path(server.address.removeprefix("fifo:"))
    with pytest.raises(OSError, match="another server"):
        await FifoServer(path, path.parent, dispatcher()).start()
    assert await _call(server, "presence:cleanup") == "OK"


async def test_several_requests_in_one_write_are_all_answered(
    server: FifoServer, tmp_path: Path
) -> None:
    """Two clients may write before the server reads."""
    clients = [_Waiting(tmp_path / "run", f"r{number}") for number in range(3)]
    _write(server, b"".join(b":r%d:%s" % (number, request("ps")) for number in range(3)))
    for client in clients:
        assert (await client.read())["id"] == "7"


async def test_request_in_pieces_is_answered(server: FifoServer, tmp_path: Path) -> None:
    """A pipe gives what is there, wherever that ends."""
    client = _Waiting(tmp_path / "run", "r1")
    reply = asyncio.create_task(client.read())
    for byte in b":r1:" + request("ps"):
        _write(server, bytes([byte]))
        await asyncio.sleep(0)
    assert "result" in await reply


@pytest.mark.parametrize("body", [b"{}", b'"which"', b"[]", b"hello", b'{"id": 1'])
async def test_bad_requests_are_answered(server: FifoServer, tmp_path: Path, body: bytes) -> None:
    """Some kill an OpenSIPS process; the last is given up after a time limit."""
    client = _Waiting(tmp_path / "run", "r1")
    _write(server, b":r1:" + body)
    assert (await client.read())["error"]["code"] in (-32700, -32600)
    assert await _call(server, "presence:cleanup") == "OK"


async def test_client_that_went_away_does_not_hold_up_others(
    server: FifoServer, tmp_path: Path
) -> None:
    """Its reply FIFO has no reader, or is not there."""
    os.mkfifo(tmp_path / "run" / "gone")
    _write(server, b":gone:" + request("ps") + b":missing:" + request("ps"))
    assert await _call(server, "presence:cleanup") == "OK"


async def test_reply_goes_only_into_a_fifo(server: FifoServer, tmp_path: Path) -> None:
    """A plain name may still be a file, or a link to one."""
    victim = tmp_path / "run" / "victim"
    victim.write_text("precious")
    (tmp_path / "run" / "link").symlink_to(victim)
    _write(server, b":victim:" + request("ps") + b":link:" + request("ps"))
    assert await _call(server, "presence:cleanup") == "OK"
    assert victim.read_text() == "precious"


async def test_request_at_the_limit_fits_and_one_beyond_is_told(
    server: FifoServer, tmp_path: Path
) -> None:
    """What is kept in memory is bounded, and the client learns of it."""
    client = _Waiting(tmp_path / "run", "r1")
    reply = asyncio.create_task(client.read())
    await asyncio.to_thread((tmp_path / "run" / "fifo").write_bytes, b":r1:{" + b" " * (64 * 1024))
    assert (await reply)["error"]["code"] == 413


async def test_more_requests_than_are_served_at_once_are_all_answered(server: FifoServer) -> None:
    """Reading pauses and goes on."""
    silent = b"::" + request("ps")
    _write(server, silent * 600)
    assert await _call(server, "presence:cleanup") == "OK"


async def test_a_server_that_leaves_reads_no_more_even_when_it_has_room_again(
    server: FifoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written from then on is for the server that comes next."""
    monkeypatch.setattr(fifo, "REPLY_TIMEOUT", 0.05)
    os.mkfifo(tmp_path / "run" / "nobody")
    _write(server, (b":nobody:" + request("ps")) * fifo.MAX_UNDER_WAY)
    await until(lambda: len(server._tasks) == fifo.MAX_UNDER_WAY)
    await server.pause()
    _write(server, b"::" + request("ps"))
    await until(lambda: not server._tasks)
    await asyncio.sleep(0.01)
    assert os.read(server._reader, 1 << 16) == b"::" + request("ps")


async def test_long_reply_arrives_whole(server: FifoServer) -> None:
    """A list takes several writes when the client reads slowly."""
    listing = await _call(server, "subs_phtable_list")
    assert len(listing["subscriptions"]) + listing["more"] == 500
