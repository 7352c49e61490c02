"""Processes that are measured: the server, and the bare loop that is the floor."""

import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
"""Also for stores: a temporary folder may be in memory, where fsync costs nothing."""
_CPUS = os.sched_getaffinity(0)


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process so far, s, by the scheduler's clock."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    spent = [(thread / "schedstat").read_text(encoding="utf-8").split()[0] for thread in threads]
    return sum(map(int, spent)) / 1e9


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) * 1024


@contextlib.contextmanager
def on_its_own_cpu() -> Iterator[None]:
    """Processes started in here run on one CPU, and we on the others from then on.

    Phones are not on the server's machine: a load that the scheduler puts on the server's CPU, at
    each datagram, would be measured instead of the server.
    """
    measured, *others = sorted(_CPUS)
    os.sched_setaffinity(0, {measured})
    try:
        yield
    finally:
        os.sched_setaffinity(0, others or _CPUS)


class Served:
    """A server of ours in a folder of its own; a context manager."""

    def __init__(
        self,
        folder: Path,
        policies: Path | None = None,
        more: str = "",
        *,
        tree: Path | None = None,
        sip: str = 'listen: ["udp:127.0.0.1:0"]',
        store: str = "sqlite:dfks.db",
    ) -> None:
        """Start it.

        Args:
            folder: for its settings, its store and its log.
            policies: where its policies are; None for the default ones of its checkout.
            more: further settings.
            tree: checkout with `.venv` whose server it is; None for this one.
            sip: settings of SIP; it has to listen over UDP.
            store: as in the settings.
        """
        config = folder / "dfks.yaml"
        config.write_text(
            f"sip: {{{sip}}}\n"
            f'policies: ["{policies or (tree or REPOSITORY) / "policies/default"}"]\n'
            f'store: "{store}"\nmi: {{datagram: "udp:127.0.0.1:0"}}\n' + more,
            encoding="utf-8",
        )
        self._log = (folder / "log").open("w")
        python = sys.executable if tree is None else str(tree / ".venv/bin/python")
        command = [python, "-m", "dfks_rules", "serve", "--config", str(config)]
        with on_its_own_cpu():
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=self._log, text=True, cwd=tree or REPOSITORY
            )
        assert self.process.stdout is not None
        banner = ""
        while " dfks_set_feature" not in banner:
            line = self.process.stdout.readline()
            assert line, banner
            banner += line
        ports = [int(port) for port in re.findall(r"udp:127\.0\.0\.1:(\d+)", banner)]
        self.sip, self.mi = ("127.0.0.1", ports[0]), ("127.0.0.1", ports[1])
        api = re.search(r"^  api http://(\S+)$", banner, re.MULTILINE)
        self.api = api[1] if api else ""
        """HOST:PORT of the HTTP API; empty where the settings have none."""
        found = re.findall(r"^  sip (tcp|tls):127\.0\.0\.1:(\d+)$", banner, re.MULTILINE)
        self.streams = {name: ("127.0.0.1", int(port)) for name, port in found}
        """Where it listens for SIP over TCP and TLS."""
        self.pid = self.process.pid

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate()
        self._log.close()


class Bare:
    """The bare loop, in a process of its own; a context manager."""

    def __init__(self) -> None:
        reader, writer = os.pipe()
        code = f"from bench.server import bare_loop; bare_loop({writer})"
        with on_its_own_cpu():
            self.process = subprocess.Popen([sys.executable, "-c", code], pass_fds=[writer])
        os.close(writer)
        self.address = ("127.0.0.1", int(os.read(reader, 10)))
        os.close(reader)
        self.pid = self.process.pid

    def __enter__(self) -> "Bare":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def bare_loop(pipe: int) -> None:
    """Answer each datagram as a cycle does: receive, send, send, receive, nothing in between."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
    server.bind(("127.0.0.1", 0))
    os.write(pipe, str(server.getsockname()[1]).encode())
    answer, notify = b"x" * 400, b"y" * 1900
    while True:
        data, remote = server.recvfrom(65_535)
        if data.startswith(b"SUBSCRIBE"):
            server.sendto(answer, remote)
            server.sendto(notify, remote)
