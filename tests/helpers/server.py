"""A server as its operator runs it: `dfks serve` in a separate process, on loopback."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DFKS = str(Path(sys.executable).with_name("dfks"))
"""This release."""
START_WITHIN = 90.0
"""Seconds a server has to print where it listens, or to stop."""
_LISTENS = re.compile(
    r"^  (?:sip (udp|tcp|tls):127(?:\.\d+){3}:(\d+)|mi  (http://\S+))$", re.MULTILINE
)


class Server:
    """A running server process; created by `serve`."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        banner = self.banner = self._banner()
        """What it printed when ready."""
        self.pid = process.pid
        self.ports = {found[1]: int(found[2]) for found in _LISTENS.finditer(banner) if found[1]}
        """Port of each of `udp`, `tcp` and `tls`."""
        self.mi_url = next(found[3] for found in _LISTENS.finditer(banner) if found[3])
        """URL of MI over HTTP."""

    def _banner(self) -> str:
        """What it prints until it listens everywhere."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + START_WITHIN
        banner = b""
        while b"try it" not in banner:
            wait = max(0, deadline - time.monotonic())
            ready, _, _ = select.select([self._process.stdout], [], [], wait)
            piece = os.read(self._process.stdout.fileno(), 65_536) if ready else b""
            if not piece:
                self.kill()
                raise AssertionError(f"no banner, but {banner.decode()!r}")
            banner += piece
        return banner.decode()

    def mi(self, method: str, **params: Any) -> dict[str, Any]:
        """The whole reply to one MI call over HTTP."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(  # noqa: S310 - the address is our own server's
            self.mi_url, json.dumps(call).encode(), head
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            reply: dict[str, Any] = json.load(response)
        return reply

    def hang_up(self) -> None:
        """SIGHUP: read policies and certificates again."""
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        """SIGTERM, as a service manager stops it; the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(START_WITHIN)

    def kill(self) -> None:
        """`kill -9`: what a power cut does to a process."""
        self._process.kill()
        self._process.wait()


@contextmanager
def serve(
    folder: Path,
    config: dict[str, Any] | None = None,
    *,
    files: int | None = None,
    environment: Mapping[str, str] | None = None,
    program: Sequence[str] | None = None,
) -> Iterator[Server]:
    """Run a server until the block ends.

    Args:
        folder: folder for its configuration and log.
        config: settings other than the defaults here: the default policy, states in memory, free
            ports for UDP, TCP and MI over HTTP.
        files: how many files it may have open (`ulimit -n`); None for the same limit as the test.
        environment: variables besides those of the test.
        program: what runs as `dfks`; None: this release.
    """
    defaults = {
        "sip": {"listen": ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]},
        "policies": [str(ROOT / "policies/default")],
        "store": "memory:",
        "mi": {"http": {"listen": "127.0.0.1:0", "root": "/mi"}},
    }
    file = folder / "dfks.yaml"
    file.write_text(yaml.safe_dump(defaults | (config or {})))
    dfks = [DFKS] if program is None else program
    command = [*dfks, "serve", "--config", str(file)]
    if files is not None:
        command = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
    with (
        (folder / "server.log").open("ab") as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **(environment or {})},
        ) as process,
    ):
        try:
            yield Server(process)
        finally:
            if process.poll() is None:
                process.kill()


def write_policy(folder: Path, rules: str) -> dict[str, Any]:
    """Write a policy with these rules; gives the configuration that serves it."""
    top = "apiVersion: dfks/v1\nkind: Policy\nmetadata: {name: p}\nrules:\n"
    (folder / "policy.yaml").write_text(top + indent(dedent(rules).strip("\n"), "  ") + "\n")
    return {"policies": [str(folder / "policy.yaml")]}
