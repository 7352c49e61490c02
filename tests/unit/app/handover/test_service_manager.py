"""What a service manager hears."""

import os
import socket
from pathlib import Path

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
    assert [heard[0], *heard[2:]] == ["READY=1", "MAINPID=42\nREADY=1", "STOPPING=1"]


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
