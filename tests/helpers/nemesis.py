"""A server whose life is made hard: killed, paused, stopped, and kept from its disk."""

import asyncio
import os
import random
import resource
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import yaml

from tests.helpers.server import ROOT, START_WITHIN

PAUSE = 3.0, 9.0
"""Seconds between two faults, from and to."""


class Victim:
    """A server on fixed ports and one store, started again and again."""

    def __init__(self, folder: Path, policies: list[str], command: list[str] | None = None) -> None:
        """Choose its ports and write its settings.

        Args:
            folder: for settings, store and log; on a disk where fsync is real.
            policies: its policy files.
            command: what to run in place of `dfks`.
        """
        self.sip = "127.0.0.1", _free_port()
        self.mi_port = _free_port(socket.SOCK_STREAM)
        self.store = folder / "dfks.db"
        self.log = folder / "server.log"
        host, port = self.sip
        config = {
            "sip": {"listen": [f"udp:{host}:{port}", f"tcp:{host}:{port}"]},
            "policies": policies,
            "store": "sqlite:dfks.db",
            "mi": {"http": {"listen": f"127.0.0.1:{self.mi_port}", "root": "/mi"}},
        }
        self._config = folder / "dfks.yaml"
        self._config.write_text(yaml.safe_dump(config))
        self._command = command or [str(Path(sys.executable).with_name("dfks"))]
        self._process: asyncio.subprocess.Process | None = None
        self._reading: set[asyncio.Task[None]] = set()
        self.starts: list[float] = []
        """How long each start took until the server said that it runs, s."""

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it, and wait until it says that it runs.

        Raises:
            AssertionError: it stopped instead.
        """
        begin = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            *self._command, "serve", "--config", str(self._config),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        # Through a pipe, because a limit on the size of files is one of the faults.
        self._follow(self._logged(self._process.stderr))
        banner = b""
        async with asyncio.timeout(START_WITHIN):
            while b"try it" not in banner:
                line = await self._process.stdout.readline()
                assert line, f"no banner, but {banner.decode()!r}; see {self.log}"
                banner += line
        self.starts.append(time.monotonic() - begin)
        self._follow(_drained(self._process.stdout))

    def _follow(self, reading: Any) -> None:
        task = asyncio.create_task(reading)
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _logged(self, pipe: asyncio.StreamReader) -> None:
        with self.log.open("ab") as log:
            while piece := await pipe.read(65_536):
                log.write(piece)
                log.flush()

    async def end(self) -> None:
        """Make sure that nothing of it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await asyncio.gather(*self._reading)

    # --- What is done to it ---

    async def kill(self, dice: random.Random) -> None:
        """SIGKILL, and start it within a second."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        await asyncio.sleep(dice.uniform(0, 1))
        await self.start()

    async def pause(self, dice: random.Random) -> None:
        """SIGSTOP for some seconds."""
        os.kill(self.pid, signal.SIGSTOP)
        await asyncio.sleep(dice.uniform(1, 6))
        os.kill(self.pid, signal.SIGCONT)

    async def stop(self) -> None:
        """SIGTERM, until it is gone."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_WITHIN):
            assert await self._process.wait() == 0, self.log

    async def restart(self, _dice: random.Random) -> None:
        """SIGTERM, and start it."""
        await self.stop()
        await self.start()

    async def lock(self, dice: random.Random) -> None:
        """Another program writes to the store for some seconds."""
        with closing(sqlite3.connect(self.store, timeout=10, isolation_level=None)) as other:
            # It waits for commits of the server, whose loop is not ours.
            other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(dice.uniform(0.5, 4))
            other.execute("ROLLBACK")

    async def fill(self, dice: random.Random) -> None:
        """No file may grow beyond the size of the log of the store, as on a full disk."""
        log = self.store.with_name(self.store.name + "-wal")
        _, most = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        size = log.stat().st_size if log.exists() else 0
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, most))
        await asyncio.sleep(dice.uniform(0.5, 4))
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (most, most))

    async def fill_and_kill(self, dice: random.Random) -> None:
        """SIGKILL while the disk is full."""
        filling = asyncio.create_task(self.fill(dice))
        await asyncio.sleep(dice.uniform(0, 0.5))
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        filling.cancel()
        with suppress(asyncio.CancelledError):
            await filling
        await self.start()

    async def kill_while_starting(self, dice: random.Random) -> None:
        """SIGKILL, and again shortly after it runs."""
        for _ in range(2):
            await self.kill(dice)
            await asyncio.sleep(dice.uniform(0, 0.3))


Fault = Callable[[random.Random], Awaitable[None]]


def faults_of(victim: Victim) -> dict[str, tuple[Fault, int]]:
    """Name → fault, and how often among the others."""
    return {
        "kill": (victim.kill, 6),
        "kill_while_starting": (victim.kill_while_starting, 1),
        "pause": (victim.pause, 3),
        "restart": (victim.restart, 2),
        "lock": (victim.lock, 1),
        "fill": (victim.fill, 1),
        "fill_and_kill": (victim.fill_and_kill, 1),
    }


async def torment(
    victim: Victim, seconds: float, dice: random.Random, only: set[str] | None = None
) -> list[tuple[float, float, str]]:
    """Do one thing after the other to it; when each began and ended, and what it was."""
    faults = faults_of(victim)
    names = [name for name in faults if only is None or name in only]
    weights = [faults[name][1] for name in names]
    done, ends = [], time.monotonic() + seconds
    while (rest := dice.uniform(*PAUSE)) < ends - time.monotonic():
        await asyncio.sleep(rest)
        name = dice.choices(names, weights)[0]
        begin = time.time()
        await faults[name][0](dice)
        done.append((begin, time.time(), name))
    await asyncio.sleep(max(0.0, ends - time.monotonic()))
    return done


async def _drained(pipe: asyncio.StreamReader) -> None:
    while await pipe.read(65_536):
        pass


def _free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port that nobody has, for UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, kind) as one:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other, suppress(OSError):
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", port))
            return port
