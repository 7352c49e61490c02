"""Processes that phones come before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfks_rules.app.desk import apart
from dfks_rules.app.desk.behind import command_of
from dfks_rules.app.worker import worker
from tests.helpers.server import ROOT

_ROOM = """\
import os
FOUND = os.nice(0), os.sched_getscheduler(0)
def main():
    print(*FOUND)
"""


def _found(folder: Path, before: str = "") -> list[int]:
    """Niceness and scheduler of such a process while it imports what it runs."""
    (folder / "room.py").write_text(_ROOM)
    code = f"{before}\nimport os, sys\nos.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, *command_of("room", 3)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{folder}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [int(part) for part in done.stdout.split()]


def test_a_process_yields_before_it_imports(tmp_path: Path) -> None:
    """It did so afterwards: a third of a second, in which the server was late by up to 50 ms."""
    assert _found(tmp_path) == [os.nice(0) + 3, os.SCHED_OTHER]


def test_a_process_does_not_keep_the_priority_of_the_server(tmp_path: Path) -> None:
    """Niceness counts for nothing at a real-time one."""
    before = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
    try:
        found = _found(tmp_path, before)
    except subprocess.CalledProcessError:
        pytest.skip("needs the right to a real-time priority")
    assert found[1] == os.SCHED_OTHER


def test_whoever_asks_waits_longer_than_a_reload() -> None:
    """And both come after phones."""
    assert 0 < apart.NICENESS < worker.NICENESS
