"""A hand-over, with real processes and a server that notes what is asked of it."""

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dfks_rules.app.handover.service_manager import ServiceManager
from dfks_rules.app.handover.succession import Succession

_SPEAKS = """
import os, socket
from dfks_rules.transport.inherited import inherited
channel = inherited(os.environ).channel()
channel.settimeout(10)
"""
_FOLLOWS = (
    _SPEAKS
    + """
channel.send(b"ready")
assert channel.recv(9) == b"stopped"
assert channel.recv(9) == b"yours"
channel.send(b"serving")
"""
)
_DIES_LATE = _SPEAKS + 'channel.send(b"ready"); channel.recv(9); channel.recv(9)'
_DIES_EARLY = _SPEAKS
_HANGS = _SPEAKS + "channel.recv(9)"


class _Server:
    """Serves on one socket."""

    def __init__(self, one: socket.socket) -> None:
        self.asked: list[str] = []
        self.is_failing = False
        self._one = one

    def sockets(self) -> list[tuple[str, socket.socket]]:
        return [("udp", self._one)]

    async def pause(self) -> None:
        self.asked.append("pause")

    async def release(self) -> None:
        if "release" not in self.asked:
            self.asked.append("release")

    async def close(self, *, leaves: bool = False) -> None:
        self.asked.append(f"close {leaves=}")


@pytest.fixture
def server() -> Iterator[_Server]:
    """It listens somewhere."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        yield _Server(one)


def _succession(code: str) -> Succession:
    return Succession(ServiceManager({}), lambda: [sys.executable, "-c", code])


async def test_server_closes_once_the_successor_follows(server: _Server) -> None:
    """In the order of the words."""
    succession = _succession(_FOLLOWS)
    successor = await succession.prepare(server, asyncio.Event())
    assert successor is not None
    assert server.asked == []
    assert await succession.complete(server, successor) is None
    assert server.asked == ["pause", "release", "close leaves=True"]
    assert succession.counts == {"handovers_failed": 0}
    assert await asyncio.to_thread(os.waitpid, successor.pid, 0) == (successor.pid, 0)


async def test_server_goes_on_where_the_successor_fails_at_its_start(server: _Server) -> None:
    """Settings or policies that are broken: nobody notices, but it is counted."""
    succession = _succession(_DIES_EARLY)
    assert await succession.prepare(server, asyncio.Event()) is None
    assert (server.asked, succession.counts) == ([], {"handovers_failed": 1})


async def test_sockets_are_left_where_the_successor_fails_at_the_store(server: _Server) -> None:
    """This process serves again."""
    succession = _succession(_DIES_LATE)
    successor = await succession.prepare(server, asyncio.Event())
    assert successor is not None
    left = await succession.complete(server, successor)
    assert left is not None
    assert len(left.close()) == 1
    assert server.asked == ["pause", "release", "close leaves=True"]
    assert succession.counts == {"handovers_failed": 1}


async def test_stop_ends_a_successor_that_is_not_ready(server: _Server) -> None:
    """Whoever stops the server does not wait for it."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, stop.set)
    assert await _succession(_HANGS).prepare(server, stop) is None


async def test_program_that_cannot_be_started_changes_nothing(
    server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade that has removed the interpreter."""
    succession = _succession("")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert await succession.prepare(server, asyncio.Event()) is None
    assert succession.counts == {"handovers_failed": 1}


async def test_process_1_is_not_handed_over(
    server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container ends with it."""
    monkeypatch.setattr("os.getpid", lambda: 1)
    assert await _succession(_FOLLOWS).prepare(server, asyncio.Event()) is None


async def test_server_whose_store_fails_is_not_handed_over(server: _Server) -> None:
    """Nobody could open it again."""
    server.is_failing = True
    assert await _succession(_FOLLOWS).prepare(server, asyncio.Event()) is None
    assert server.asked == []


@pytest.mark.parametrize(("code", "told"), [(_DIES_EARLY, True), (_DIES_LATE, False)])
async def test_service_manager_is_told_that_the_server_is_ready_only_where_it_is(
    server: _Server, tmp_path: Path, code: str, told: bool
) -> None:
    """Once the store is closed, it serves again only when it has opened it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(0)
        notified = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        succession = Succession(notified, lambda: [sys.executable, "-c", code])
        successor = await succession.prepare(server, asyncio.Event())
        if successor is not None:
            left = await succession.complete(server, successor)
            assert left is not None
            left.close()
        heard = [manager.recv(99).partition(b"=")[0]]
        with suppress(BlockingIOError):
            heard.append(manager.recv(99))
    assert heard == [b"RELOADING", b"READY=1"][: 1 + told]
