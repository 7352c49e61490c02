"""How a server stops: at once, with everything said, and never by accident."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.helpers.server import ROOT, START_WITHIN, serve
from tests.helpers.ua import Ua

pytestmark = pytest.mark.e2e


@contextmanager
def _starting(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A server in a process group of its own that has begun to check its policies."""
    config = {
        "sip": {"listen": ["udp:127.0.0.1:0"]},
        "policies": [str(ROOT / "policies/default")],
        "store": "memory:",
    }
    (folder / "dfks.yaml").write_text(yaml.safe_dump(config))
    command = [str(Path(sys.executable).with_name("dfks")), "serve", "--config", "dfks.yaml"]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            deadline = time.monotonic() + START_WITHIN
            while not _children(process.pid) and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _children(pid: int) -> list[str]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return " ".join((thread / "children").read_text() for thread in threads).split()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_the_whole_process_group_during_the_start_is_a_stop(
    tmp_path: Path, number: signal.Signals
) -> None:
    """systemd, and Ctrl-C at a terminal; it says nothing about the policy files."""
    with _starting(tmp_path) as process:
        assert _children(process.pid)
        os.killpg(process.pid, number)
        out, errors = process.communicate(timeout=START_WITHIN)
    assert (process.returncode, out, errors) == (0, "stopped\n", "")


@pytest.mark.parametrize(
    ("store", "on_stop", "told"),
    [
        ("sqlite:{}/dfks.db", "keep", False),
        ("sqlite:{}/dfks.db", "deactivate", True),
        ("memory:", "keep", True),
    ],
)
def test_stop_tells_phones_where_their_subscriptions_end_with_it(
    tmp_path: Path, store: str, on_stop: str, *, told: bool
) -> None:
    """A store that lasts keeps them, unless the operator wants phones to go elsewhere."""
    config = {"store": store.format(tmp_path), "presence": {"on_stop": on_stop}}
    with serve(tmp_path, config) as server, Ua(server.ports["udp"]) as phone:
        phone.subscribe()
        assert server.stop() == 0
        if told:
            last = phone.notify(status=None)
            assert last.state.startswith("terminated;reason=deactivated")
        assert not phone.has_arrived()
