"""The life of a process, in this one; what needs another one is in tests/e2e/test_hand_over.py."""

import asyncio
import json
import os
import signal
import socket
from pathlib import Path

import pytest

from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.life import Life
from dfks_rules.app.server import Server
from dfks_rules.config.load import load_config


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Settings of a small server."""
    found = tmp_path / "dfks.yaml"
    settings = {"sip": {"listen": ["udp:127.0.0.1:0"]}, "policies": [], "store": "memory:"}
    found.write_text(json.dumps(settings))
    return found


async def test_service_manager_is_told_of_the_beginning_and_the_end(
    file: Path, tmp_path: Path
) -> None:
    """`Type=notify`."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        heard: list[bytes] = []

        def served(server: Server, _: PolicyReloader) -> None:
            assert server.addresses()[0].startswith("sip udp:127.0.0.1:")
            heard.append(manager.recv(99))
            os.kill(os.getpid(), signal.SIGTERM)

        await Life(load_config(file, {}), {"NOTIFY_SOCKET": path}).run(served)
        heard.append(manager.recv(99))
    assert heard == [b"READY=1", b"STOPPING=1"]


async def test_address_in_use_ends_the_start(file: Path) -> None:
    """And everything is closed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        where = f"udp:127.0.0.1:{other.getsockname()[1]}"
        life = Life(load_config(file, {"DFKS_SIP__LISTEN": where}), {})
        with pytest.raises(OSError, match="in use") as caught:
            await life.run(lambda _server, _policies: None)
    assert caught.value.filename == where
    assert asyncio.all_tasks() == {asyncio.current_task()}
