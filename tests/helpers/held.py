"""A server that measures how long its event loop is held: `python -m tests.helpers.held CONFIG`.

Its first line says where it listens. It answers each line on stdin with JSON: what has been
measured since the line before (see `Held.measured`).
"""

import asyncio
import gc
import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from dfks_rules.app import life
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.records import logs
from dfks_rules.app.server import Server
from dfks_rules.config import load_config

TICK = 0.001
"""Seconds between two ticks of the loop."""
_WITHIN = 120.0
"""Seconds that the server has to answer a line."""
_ADDRESS = re.compile(r"(api|sip udp)[ :]+(?:http://)?(127\.0\.0\.1):(\d+)")


class Lateness:
    """Counts ticks of the loop, and keeps by how much the worst was late.

    Time in which the thread could have run, and the machine had no processor for it, is not the
    server's: the kernel tells it (`run_delay` in `schedstat`).
    """

    def __init__(self) -> None:
        self._schedstat = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        gc.callbacks.append(self._collecting)
        self._collection = 0.0
        self._begun = 0.0
        self._reset()

    def _reset(self) -> None:
        self.worst = self.busy = self.collection = 0.0
        self.ticks = 0

    def take(self) -> dict[str, Any]:
        """What was measured; the next measurement begins."""
        told = {
            "worst_ms": round(self.worst * 1e3, 2),
            "busy_ms": round(self.busy * 1e3, 2),
            "collection_ms": round(self.collection * 1e3, 2),
            "ticks": self.ticks,
        }
        self._reset()
        return told

    async def watch(self) -> None:
        """Tick until cancelled."""
        while True:
            due, used = time.perf_counter() + TICK, time.thread_time()
            waited = self._waited()
            await asyncio.sleep(TICK)
            late = time.perf_counter() - due
            self.worst = max(self.worst, late - (self._waited() - waited))
            self.busy = max(self.busy, time.thread_time() - used)
            self.ticks += 1

    def _waited(self) -> float:
        """Seconds for which this thread has waited for a processor since its start."""
        return int(os.pread(self._schedstat, 100, 0).split()[1]) / 1e9

    def _collecting(self, phase: str, _info: Mapping[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._begun = now
        else:
            self.collection = max(self.collection, now - self._begun)


class Held:
    """Such a server, seen from the test."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self._process = process
        self.folder = folder
        """Its settings are there."""
        self.pid = process.pid
        found = {name: (host, int(port)) for name, host, port in _ADDRESS.findall(self._line())}
        self.sip = found["sip udp"]
        """Where it listens by UDP."""
        self.api = found["api"]
        """Where it serves `/v1`."""

    def measured(self) -> dict[str, Any]:
        """What has been measured since the last call.

        Returns:
            `worst_ms`: by how much the latest tick of the loop was late; `busy_ms`: most CPU time
            between two ticks; `collection_ms`: the longest collection of garbage; `ticks`.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._line())
        return told

    def _line(self) -> str:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _WITHIN)
        line = self._process.stdout.readline() if ready else b""
        assert line, "the server says nothing"
        return line.decode()


@contextmanager
def held(folder: Path, config: Mapping[str, Any]) -> Iterator[Held]:
    """Run a server with these settings until the block ends."""
    file = folder / "dfks.yaml"
    file.write_text(yaml.safe_dump(dict(config)))
    command = [sys.executable, "-m", "tests.helpers.held", str(file)]
    with (
        (folder / "server.log").open("ab") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        try:
            yield Held(process, folder)
        finally:
            process.kill()


async def _serve(file: Path) -> None:
    config = load_config(file)
    logs.set_up(config.log.level)
    loop, lateness = asyncio.get_running_loop(), Lateness()
    tasks = []

    def served(server: Server, _policies: PolicyReloader) -> None:
        _say(server.addresses())
        tasks.append(asyncio.create_task(lateness.watch()))

    def asked() -> None:
        if os.read(0, 100):
            _say(lateness.take())
        else:
            loop.remove_reader(0)

    loop.add_reader(0, asked)
    await life.Life(config, os.environ).run(served)


def _say(what: object) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
