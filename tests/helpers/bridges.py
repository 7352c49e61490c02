"""A bridge as its operator runs it, and the API of the server that it bridges to."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.helpers.ami import SECRET, USER

WITHIN = 60.0
"""Seconds for anything to come about."""


def until(is_so: Callable[[], bool], what: Callable[[], object] = lambda: "") -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + WITHIN
    while not is_so():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


class Http:
    """`/v1` of a server on loopback."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What it answers."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(  # noqa: S310 - our own server's
            self.url + path, data, headers, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return json.load(response)

    def set(self, extension: str, feature: str, **state: Any) -> int:
        """Set a feature; gives the revision."""
        path = f"/v1/presentities/{extension}@example.com/features/{feature}"
        return int(self.ask("PUT", path, state)["revision"])

    def show(self, extension: str) -> Any:
        """What is stored."""
        return self.ask("GET", f"/v1/presentities/{extension}@example.com")

    def feature(self, extension: str, feature: str) -> Any:
        """The state of one."""
        return self.show(extension)["features"][feature]


class RunningBridge:
    """A bridge process."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process = process
        self._log = log

    def counts(self) -> dict[str, int]:
        """Its counters, as SIGUSR1 prints them."""
        self._process.send_signal(signal.SIGUSR1)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert "=" in line, line + self.log
        return {name: int(value) for name, _, value in (one.partition("=") for one in line.split())}

    @property
    def log(self) -> str:
        """What it wrote to stderr."""
        return self._log.read_text("utf-8")

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(WITHIN)

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        """It ends by itself; the exit status."""
        return self._process.wait(WITHIN)


@contextmanager
def bridge(
    folder: Path, kind: str, api: Http, settings: dict[str, Any], *, sweep: int = 3600
) -> Iterator[RunningBridge]:
    """Run a bridge until the block ends; what it remembers stays in the folder."""
    file = folder / "bridge.yaml"
    common = {"url": api.url, "domain": "example.com", "sweep": sweep}
    file.write_text(yaml.safe_dump(common | settings))
    command = [str(Path(sys.executable).with_name("dfks")), "bridge", kind, "--config", str(file)]
    log = folder / "bridge.log"
    with (
        log.open("ab") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            assert "is running" in process.stdout.readline(), log.read_text()
            yield RunningBridge(process, log)
        finally:
            if process.poll() is None:
                process.kill()


def ami_settings(folder: Path, port: int) -> dict[str, Any]:
    """The part of the settings about Asterisk."""
    (folder / "ami.secret").write_text(f"{SECRET}\n")
    return {"asterisk": {"port": port, "user": USER, "secret_file": "ami.secret"}}
