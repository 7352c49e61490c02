"""A server, and what stands before it."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.helpers.pages import WrittenFile, on_free_ports, steps
from tests.helpers.server import ROOT, Server, serve

PAGE = ROOT / "docs/howto/behind-kamailio.md"
WITHIN = 20.0
"""Seconds for each thing that must happen."""
STOP_WITHIN = 5.0
"""Seconds Kamailio has to stop before it is killed."""
_KAMAILIO = shutil.which("kamailio", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")


class Site(NamedTuple):
    """Where phones send to, and the server that answers them in the end."""

    server: Server
    ports: dict[str, int]
    """Port for each of `udp` and `tcp` on 127.0.0.1."""
    pbx: int = 0
    """Port for all that is not ours; 0 without a proxy."""

    def counts(self) -> Counter[str]:
        """What the server counts; 0 for what it does not show before it happens."""
        result = self.server.mi("get_statistics", statistics=["all"])["result"]
        return Counter({name: int(count) for name, count in result.items()})

    def once_all_have_ended(self) -> Counter[str]:
        """What the server counts, once nobody is subscribed."""
        deadline = time.monotonic() + WITHIN
        while True:
            counts = self.counts()
            if counts["presence:subscriptions"] == 0:
                return counts
            assert time.monotonic() < deadline, counts
            time.sleep(0.05)


@contextmanager
def alone(folder: Path) -> Iterator[Site]:
    """Run a server that phones reach themselves."""
    with serve(folder) as server:
        yield Site(server, server.ports)


@contextmanager
def behind_kamailio(folder: Path, transport: str) -> Iterator[Site]:
    """Run a server and Kamailio before it, as the page says, on free ports.

    Args:
        folder: for configurations and logs.
        transport: `udp` or `tcp`, what Kamailio speaks to the server.
    """
    if _KAMAILIO is None:
        pytest.skip("needs kamailio (Debian package kamailio)")
    page = on_free_ports(PAGE.read_text("utf-8"))
    files = {step.path: step.text for step in steps(page) if isinstance(step, WrittenFile)}
    text = files["/etc/kamailio/kamailio.cfg"]
    config = folder / "kamailio.cfg"
    config.write_text(text.replace("transport=udp", f"transport={transport}"))
    port, pbx = (
        int(text.split(before)[1][:5]) for before in ("tcp:127.0.0.1:", 'PBX "sip:127.0.0.1:')
    )
    with serve(folder, yaml.safe_load(files["dfks.yaml"])) as server, _kamailio(config, port):
        yield Site(server, {"udp": port, "tcp": port}, pbx)


@contextmanager
def _kamailio(config: Path, port: int) -> Iterator[None]:
    """Run Kamailio, a process with many children, until the block ends."""
    assert _KAMAILIO is not None
    log = config.with_name("kamailio.log")
    command = [_KAMAILIO, "-DD", "-E", "-f", str(config), "-Y", str(config.parent)]
    # One process each for UDP and TCP: several swap messages, and SIPp takes that for an error.
    command += ["-m", "64", "-n", "1", "-N", "1"]
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdout=errors, stderr=errors, start_new_session=True) as process,
    ):
        try:
            deadline = time.monotonic() + WITHIN
            while not _listens(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):  # sometimes it does not stop
                process.wait(STOP_WITHIN)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
