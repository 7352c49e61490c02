"""The life of a process, in this one; what needs another one is in tests/e2e/test_hand_over.py."""

import asyncio
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic_ns
from typing import Any

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.handover.channel import BrokenOffError
from dfks_rules.app.handover.succession import Running, Succession
from dfks_rules.app.life import Life
from dfks_rules.app.server import Server
from dfks_rules.config.load import load_config
from dfks_rules.transport.inherited import CHANNEL, Inherited, Passed
from tests.helpers.stored import ask
from tests.helpers.transports import until


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


@pytest.mark.parametrize(
    "door", ["DFKS_SIP__LISTEN", "DFKS_MI__HTTP__LISTEN", "DFKS_MI__FIFO__PATH"]
)
async def test_start_that_fails_leaves_the_store_as_it_is(
    file: Path, tmp_path: Path, door: str
) -> None:
    """A service manager tries again and again: each life would take one of the terms that there are
    for CSeqs, and the first of them would make a planned stop a crash.
    """
    settings = {"DFKS_STORE": f"sqlite:{tmp_path}/s.db"}
    if door == "DFKS_MI__FIFO__PATH":
        settings["DFKS_MI__FIFO__REPLY_DIR"] = str(tmp_path)
        settings["DFKS_MI__FIFO__PATH"] = str(tmp_path / "other")

    def served(_server: Server, _: PolicyReloader) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    await Life(load_config(file, settings), {}).run(served)
    before = ask(tmp_path / "s.db", "SELECT * FROM server")
    (tmp_path / "fifo").touch()
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        closing(socket.socket(type=socket.SOCK_DGRAM)) as udp,
    ):
        port = other.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        taken = {
            "DFKS_SIP__LISTEN": f"udp:127.0.0.1:{port}",
            "DFKS_MI__HTTP__LISTEN": f"127.0.0.1:{port}",
            "DFKS_MI__FIFO__PATH": str(tmp_path / "fifo"),
        }
        life = Life(load_config(file, settings | {door: taken[door]}), {})
        with pytest.raises(OSError, match=r"in use|not a FIFO"):
            await life.run(lambda _server, _policies: None)
    assert ask(tmp_path / "s.db", "SELECT * FROM server") == before


@pytest.fixture
def predecessor(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The other end of what the server that ran before says."""
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(0)
    passed = Inherited([Passed(CHANNEL, ours)])
    monkeypatch.setattr("dfks_rules.app.life.inherited", lambda _environ: passed)
    with theirs, ours:
        yield theirs


async def test_server_takes_over_at_once_where_the_one_before_has_ended(
    file: Path, predecessor: socket.socket
) -> None:
    """What it held is free."""

    def served(_server: Server, _: PolicyReloader) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    predecessor.close()
    with capture_logs() as lines:
        await Life(load_config(file, {}), {}).run(served)
    reasons = [line["reason"] for line in lines if line["event"] == "predecessor_lost"]
    assert reasons == ["the other process has ended"]


async def test_server_gives_up_where_the_one_before_does_not_make_way(
    file: Path, predecessor: socket.socket
) -> None:
    """It lives, and has the store: two would serve, or none."""
    predecessor.send(b"wait")
    with pytest.raises(BrokenOffError) as caught:
        await Life(load_config(file, {}), {}).run(lambda _server, _policies: None)
    told = "the server that runs does not make way: `wait` in place of `stopped`"
    assert caught.value.message == told
    assert predecessor.recv(9) == b"ready"
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
def heir() -> Iterator["subprocess.Popen[bytes]"]:
    """The process that serves in place of this one."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


async def test_stop_that_comes_after_the_hand_over_ends_the_successor(
    file: Path, heir: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sent it meant the server, which is another process by then."""

    class Handed(Succession):
        async def prepare(self, *_: object) -> Any:
            return heir

        async def complete(self, server: Running, _: object) -> None:
            await server.release()
            await server.close(leaves=True)

    async def late(_: PolicyReloader) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.01)

    monkeypatch.setattr("dfks_rules.app.life.Succession", Handed)
    monkeypatch.setattr(PolicyReloader, "close", late)
    life = Life(load_config(file, {}), {})
    await life.run(lambda _server, _policies: os.kill(os.getpid(), signal.SIGUSR2))
    assert await asyncio.to_thread(heir.wait, 5) == -signal.SIGTERM


async def test_service_manager_is_told_when_files_are_read_again(
    file: Path, tmp_path: Path
) -> None:
    """`systemctl reload` returns when they have been, however often it was asked for."""
    path = str(tmp_path / "notify")
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(0)

        def hear() -> bool:
            with suppress(BlockingIOError):
                while True:
                    heard.append(manager.recv(99).decode())
            return heard[-1:] == ["READY=1"] and len(heard) > 1

        async def reload() -> None:
            before = monotonic_ns() // 1000
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGHUP)
                await asyncio.sleep(0)
            await until(hear)
            _, reloading, *_, ready = heard
            told, _, moment = reloading.partition("\nMONOTONIC_USEC=")
            assert (told, ready) == ("RELOADING=1", "READY=1")
            assert before <= int(moment) <= monotonic_ns() // 1000
            os.kill(os.getpid(), signal.SIGTERM)

        tasks: list[asyncio.Task[None]] = []

        def served(_server: Server, _: PolicyReloader) -> None:
            tasks.append(asyncio.create_task(reload()))

        await Life(load_config(file, {}), {"NOTIFY_SOCKET": path}).run(served)
        await tasks[0]
        hear()
    assert [one.split("=")[0] for one in heard if "RELOADING" not in one] == [
        "READY",
        "READY",
        "STOPPING",
    ]
