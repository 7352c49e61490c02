"""How far a proof is."""

import os
import pty
import signal
import subprocess
import sys

import pytest

from dfks_rules.cli.policy import proving_bar

_PROGRAM = """
import time
from dfks_rules.cli.policy import proving_bar
proving_bar.AFTER = {after}
with proving_bar.proving_bar() as show:
    show(3, 30, "questions, 1,234 differences")
    print("begun", flush=True)
    time.sleep({sleep})
"""


def _run(after: float, sleep: float, *, interrupt: bool = False) -> tuple[int, bytes]:
    """The exit code, and what a terminal has shown by the end."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM.format(after=after, sleep=sleep)],
        stdout=subprocess.PIPE,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(follower)
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        shown = b""
        try:
            while piece := os.read(leader, 65_536):
                shown += piece
                if interrupt and b"1,234 differences" in shown:
                    process.send_signal(signal.SIGINT)
                    interrupt = False
        except OSError:
            pass  # The end of a terminal.
    os.close(leader)
    return process.returncode, shown


def test_who_waits_sees_how_far_it_is_and_for_how_long() -> None:
    """Before the first question is settled, too: one may take long."""
    code, shown = _run(after=0.01, sleep=1.0)
    assert code == 0
    assert b"3 of 30 questions, 1,234 differences" in shown
    assert b"0:00:00" in shown


def test_who_does_not_wait_sees_nothing() -> None:
    """Most proofs take milliseconds."""
    assert _run(after=60.0, sleep=0.0) == (0, b"")


def test_ctrl_c_ends_it_with_a_code_of_its_own() -> None:
    """1 would say that something was found; the cursor comes back, and there is no traceback."""
    code, shown = _run(after=0.01, sleep=60.0, interrupt=True)
    assert code == 130
    assert shown.rstrip().endswith(b"interrupted: nothing is proved")
    assert b"\x1b[?25h" in shown
    assert b"Traceback" not in shown


def test_without_a_terminal_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """A log of a build stays readable."""
    with proving_bar.proving_bar() as show:
        show(1, 2, "questions")
    assert capsys.readouterr() == ("", "")
