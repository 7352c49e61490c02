"""What a service manager hears."""

import asyncio
import os
import socket
import time
from pathlib import Path

import pytest

from dfks_rules.app.handover.service_manager import ServiceManager


def test_service_manager_is_told_of_the_life_of_the_server(tmp_path: Path) -> None:
    """One datagram for each change."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        told = ServiceManager({"NOTIFY_SOCKET": str(path)})
        told.ready()
        told.reloading()
        told.succeeded_by(42)
        told.stopping()
        heard = [manager.recv(4096).decode() for _ in range(4)]
    assert heard[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert [heard[0], *heard[2:]] == ["READY=1", "MAINPID=42\nREADY=1\nWATCHDOG=1", "STOPPING=1"]


def test_address_may_be_abstract() -> None:
    """`@` stands for NUL."""
    name = f"dfks-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert manager.recv(4096) == b"READY=1"


def test_nobody_need_listen(tmp_path: Path) -> None:
    """Without a service manager, or with one that is gone."""
    ServiceManager({}).ready()
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "none")}).ready()


async def test_watchdog_is_fed_by_the_event_loop_and_by_nothing_else(tmp_path: Path) -> None:
    """A loop that is stuck says nothing, so the manager starts the server again."""
    path, loop = str(tmp_path / "notify"), asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.setblocking(False)
        environ = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000", "WATCHDOG_PID": "1"}
        ServiceManager(environ).keep_alive(loop)
        for _ in range(4):
            assert await asyncio.wait_for(loop.sock_recv(manager, 99), 5) == b"WATCHDOG=1"
        time.sleep(0.1)  # noqa: ASYNC251 - stuck
        with pytest.raises(BlockingIOError):
            manager.recv(99)
        assert await asyncio.wait_for(loop.sock_recv(manager, 99), 5) == b"WATCHDOG=1"


@pytest.mark.parametrize("limit", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}])
async def test_watchdog_that_nobody_set_is_not_fed(tmp_path: Path, limit: dict[str, str]) -> None:
    """Without `WatchdogSec=`, there is no variable."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.setblocking(False)
        ServiceManager({"NOTIFY_SOCKET": path, **limit}).keep_alive(asyncio.get_running_loop())
        with pytest.raises(BlockingIOError):
            manager.recv(99)
