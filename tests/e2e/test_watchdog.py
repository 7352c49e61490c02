"""The watchdog of a service manager, which is the test itself: systemd's side of sd_notify(3)."""

import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from tests.helpers.server import START_WITHIN, serve
from tests.helpers.ua import Ua, dnd

pytestmark = pytest.mark.e2e

LIMIT = 3.0
"""`WatchdogSec=`."""


class _Manager:
    """What hears the server, and knows which process speaks."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(self._path)
        self.environment = {
            "NOTIFY_SOCKET": self._path,
            "WATCHDOG_USEC": str(int(LIMIT * 1e6)),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def hear(self, within: float) -> tuple[int, list[str]] | None:
        """The process that speaks next, and its lines; None when nobody does."""
        self._socket.settimeout(within)
        try:
            data, ancillary, _, _ = self._socket.recvmsg(4096, 64)
        except TimeoutError:
            return None
        (pid,) = struct.unpack_from("i", ancillary[0][2])
        return pid, data.decode().splitlines()

    def hear_main(self) -> Iterator[list[str]]:
        """What the main process says, until it has not been heard of for the limit.

        As systemd: others are not listened to, and what makes another one the main process counts.
        """
        heard = self.hear(START_WITHIN)
        assert heard is not None
        main, lines = heard
        deadline = time.monotonic() + START_WITHIN
        while True:
            if "WATCHDOG=1" in lines:
                deadline = time.monotonic() + LIMIT
            yield lines
            for line in lines:
                if line.startswith("MAINPID="):
                    main = int(line.removeprefix("MAINPID="))
            pid = -1
            while pid != main:
                heard = self.hear(max(0.001, deadline - time.monotonic()))
                if heard is None:
                    return
                pid, lines = heard


@contextmanager
def _managed(folder: Path) -> Iterator[tuple[_Manager, Iterator[list[str]], int, int]]:
    """A server that is watched: the manager, what it hears, the port, and the process."""
    store = {"store": f"sqlite:{folder}/dfks.db"}
    with _Manager(folder) as manager, serve(folder, store, environment=manager.environment) as one:
        heard = manager.hear_main()
        assert next(heard) == ["READY=1"]
        yield manager, heard, one.ports["udp"], one.pid


def test_server_that_is_stuck_is_noticed_shows_where_and_goes_on_after_a_restart(
    tmp_path: Path,
) -> None:
    """Phones that are subscribed stay so."""
    with _managed(tmp_path) as (_, heard, port, pid), Ua(port) as phone:
        phone.subscribe(dnd(True))
        for _ in range(3):
            assert next(heard) == ["WATCHDOG=1"]
        os.kill(pid, signal.SIGSTOP)
        assert next(heard, None) is None
        # `WatchdogSignal=`; a process whose loop is stuck is not stopped.
        os.kill(pid, signal.SIGABRT)
        os.kill(pid, signal.SIGCONT)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        stack = (tmp_path / "server.log").read_text()
        assert "Fatal Python error: Aborted" in stack
        assert 'asyncio/base_events.py", line' in stack
        listen = {"listen": [f"udp:127.0.0.1:{port}"]}
        with serve(tmp_path, {"store": f"sqlite:{tmp_path}/dfks.db", "sip": listen}):
            assert phone.subscribe().told["DoNotDisturb"] == "on"


@pytest.mark.long
def test_successor_is_watched_as_its_predecessor_was(tmp_path: Path) -> None:
    """A hand-over must not look like a server that is stuck."""
    with _managed(tmp_path) as (_, heard, port, pid):
        assert next(heard) == ["WATCHDOG=1"]
        os.kill(pid, signal.SIGUSR2)
        said = next(lines for lines in heard if lines[0].startswith("MAINPID="))
        assert said[1:] == ["READY=1", "WATCHDOG=1"]
        successor = int(said[0].removeprefix("MAINPID="))
        try:
            for _ in range(3):
                assert next(heard) == ["WATCHDOG=1"]
            with Ua(port) as phone:
                phone.subscribe()
        finally:
            os.kill(successor, signal.SIGTERM)
        assert next(heard) == ["STOPPING=1"]
