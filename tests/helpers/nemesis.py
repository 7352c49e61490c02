"""A server whose life is made hard: killed, paused, stopped, and kept from its disk."""

import asyncio
import os
import random
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path

import yaml

from tests.helpers.faults import Machine
from tests.helpers.ports import free_port
from tests.helpers.server import ROOT, START_WITHIN

_HANDED_OVER = re.compile(rb'"event":"handed_over"[^\n]*"successor":(\d+)')
PAUSE = 3.0, 9.0
"""Seconds between two faults, from and to."""


class Victim:
    """A server on fixed ports and one store, started again and again."""

    def __init__(self, folder: Path, policies: list[str], command: list[str] | None = None) -> None:
        """Choose its ports and write its settings.

        Args:
            folder: for settings, store and log.
            policies: its policy files.
            command: what to run in place of `dfks`.
        """
        self.sip = "127.0.0.1", free_port()
        self.mi_port = free_port()
        self.machine = Machine(folder)
        self.store = self.machine.disk / "dfks.db"
        self.log = folder / "server.log"
        host, port = self.sip
        config = {
            "sip": {"listen": [f"udp:{host}:{port}", f"tcp:{host}:{port}"]},
            "policies": policies,
            "store": f"sqlite:{self.store}",
            "mi": {"http": {"listen": f"127.0.0.1:{self.mi_port}", "root": "/mi"}},
        }
        self._config = folder / "dfks.yaml"
        self._config.write_text(yaml.safe_dump(config))
        self._command = command or [str(Path(sys.executable).with_name("dfks"))]
        self.pid = 0
        """Of the running process."""
        self.starts: list[float] = []
        """How long each start took until the server said that it runs, s."""

    async def start(self) -> None:
        """Start it, and wait until it says that it runs.

        Raises:
            AssertionError: it stopped instead.
        """
        begin = time.monotonic()
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._command, "serve", "--config", str(self._config), cwd=ROOT,
                stdout=asyncio.subprocess.PIPE, stderr=log,
                env={**os.environ, **self.machine.environment},
            )  # fmt: skip
        self.pid = process.pid
        assert process.stdout is not None
        banner = b""
        async with asyncio.timeout(START_WITHIN):
            while b"try it" not in banner:
                line = await process.stdout.readline()
                assert line, f"no banner, but {banner.decode()!r}; see {self.log}"
                banner += line
        self.starts.append(time.monotonic() - begin)

    async def end(self) -> None:
        """Make sure that nothing of it runs."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)
                await self._signal(signal.SIGKILL)

    async def _signal(self, number: signal.Signals) -> None:
        """Send it, and wait until the process is gone: it need not be our child."""
        descriptor, gone = os.pidfd_open(self.pid), asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(descriptor, gone.set)
        try:
            signal.pidfd_send_signal(descriptor, number)
            async with asyncio.timeout(START_WITHIN):
                await gone.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    # --- What is done to it ---

    async def kill(self, dice: random.Random) -> None:
        """SIGKILL, and start it within a second."""
        await self._signal(signal.SIGKILL)
        await asyncio.sleep(dice.uniform(0, 1))
        await self.start()

    async def kill_soon_again(self, dice: random.Random) -> None:
        """SIGKILL, and again shortly after it runs: it may still be reading what it knew."""
        for _ in range(3):
            await self.kill(dice)
            await asyncio.sleep(dice.uniform(0, 0.3))

    async def cut_power(self, dice: random.Random) -> None:
        """SIGKILL, and what was not synced is gone, or is there in part."""
        await self._signal(signal.SIGKILL)
        self.machine.cut_power(dice)
        await self.start()

    async def pause(self, dice: random.Random) -> None:
        """SIGSTOP for some seconds."""
        os.kill(self.pid, signal.SIGSTOP)
        await asyncio.sleep(dice.uniform(1, 6))
        os.kill(self.pid, signal.SIGCONT)

    async def stop(self) -> None:
        """SIGTERM, until it is gone."""
        await self._signal(signal.SIGTERM)

    async def restart(self, _dice: random.Random) -> None:
        """SIGTERM, and start it."""
        await self.stop()
        await self.start()

    async def hand_over(self, _dice: random.Random) -> None:
        """SIGUSR2: another process takes its place."""
        seen = self.log.stat().st_size
        os.kill(self.pid, signal.SIGUSR2)
        async with asyncio.timeout(START_WITHIN):
            while not (found := _HANDED_OVER.search(self.log.read_bytes(), seen)):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.02)
        self.pid = int(found[1])

    async def lock(self, dice: random.Random) -> None:
        """Another program writes to the store for some seconds."""
        with closing(sqlite3.connect(self.store, timeout=10, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(dice.uniform(0.5, 4))
            other.execute("ROLLBACK")

    async def fill(self, dice: random.Random) -> None:
        """The disk is full, or fails to write, or is slow, for some seconds."""
        machine = self.machine
        broken: list[Callable[[], AbstractContextManager[None]]] = [
            machine.full, machine.bad_writes, machine.read_only, machine.slow,
        ]  # fmt: skip
        with dice.choice(broken)():
            await asyncio.sleep(dice.uniform(0.5, 4))

    async def fill_and_kill(self, dice: random.Random) -> None:
        """SIGKILL while the disk is full."""
        with self.machine.full(dice.randrange(100_000)):
            await asyncio.sleep(dice.uniform(0, 2))
            await self._signal(signal.SIGKILL)
        await self.start()


Fault = Callable[[random.Random], Awaitable[None]]


def faults_of(victim: Victim) -> dict[str, tuple[Fault, int]]:
    """Name → fault, and how often among the others."""
    return {
        "kill": (victim.kill, 6),
        "kill_soon_again": (victim.kill_soon_again, 1),
        "cut_power": (victim.cut_power, 2),
        "pause": (victim.pause, 3),
        "restart": (victim.restart, 2),
        "hand_over": (victim.hand_over, 2),
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
