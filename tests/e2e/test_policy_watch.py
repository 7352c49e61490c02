"""`dfks policy test --watch` in a terminal of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

POLICY = """apiVersion: dfks/v1
kind: Policy
metadata: {name: p}
rules:
  - {id: r, when: {op: get}, then: {status: 1}}
"""
CASES = """apiVersion: dfks/v1
kind: PolicyTest
policies: [p.yaml]
tests:
  - name: a get is on
    given: {op: get, feature: DoNotDisturb}
    expect: {status: 1}
"""


def until(process: "subprocess.Popen[str]", end: str) -> list[str]:
    """Lines of output up to one that is so."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if lines[-1] == end:
            return lines
    raise AssertionError(lines)


def save(file: Path, text: str) -> None:
    """As editors do: a new file in place of the old one."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def test_cases_run_again_when_an_editor_saves_until_ctrl_c(tmp_path: Path) -> None:
    """An author keeps it open beside the editor: a broken file is waited out, the end is silent."""
    policy = tmp_path / "p.yaml"
    policy.write_text(POLICY)
    (tmp_path / "cases.yaml").write_text(CASES)
    command = [sys.executable, "-m", "dfks_rules", "policy", "test", "--watch", str(tmp_path)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        end = "watching; press Ctrl-C to stop"
        assert until(process, end) == ["1 case: 1 passed, 0 failed", end]
        save(policy, POLICY.replace("status: 1", "status: 0"))
        assert "1 case: 0 passed, 1 failed" in until(process, end)
        save(policy, POLICY.replace("op: get", "opp: get"))
        assert any("did you mean `op`?" in line for line in until(process, end))
        save(policy, POLICY)
        assert "1 case: 1 passed, 0 failed" in until(process, end)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert process.returncode == 0
