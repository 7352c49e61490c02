"""What is delivered beside the program: the units of systemd."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.published import ROOT

UNIT = ROOT / "deploy/systemd/dfks.service"
BRIDGE = ROOT / "deploy/systemd/dfks-bridge@.service"
EXPOSURE = 2.0
"""The most that systemd may think of it, from 0 to 10."""


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze (systemd)")
@pytest.mark.parametrize("unit", [UNIT, BRIDGE], ids=lambda unit: unit.name)
def test_unit_exposes_little(unit: Path) -> None:
    """`systemd-analyze security` weighs what it leaves open."""
    threshold = f"--threshold={EXPOSURE * 10:.0f}"
    command = ["systemd-analyze", "security", "--no-pager", "--offline=true", threshold]
    done = subprocess.run([*command, str(unit)], capture_output=True, text=True, check=False)
    assert "Overall exposure level for dfks" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout


def test_unit_lets_the_server_do_what_it_does() -> None:
    """Each of these would score better, and would break something."""
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    # The process that checks policies calls setrlimit and nice.
    assert "SystemCallFilter=~@resources" not in lines
    # The clock of the last life is recognised by the boot id, which is not a file of a process.
    assert "ProcSubset=pid" not in lines
    # A capability in a namespace of its own would not reach the ports of the host.
    assert "PrivateUsers=yes" not in lines
    assert "Type=notify" in lines
    assert [one for one in lines if one.startswith("WatchdogSec=")]
