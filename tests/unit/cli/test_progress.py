"""How far something is."""

import os
import pty
import subprocess
import sys

import pytest

from dfks_rules.cli.progress import progress

_PROGRAM = """
from dfks_rules.cli.progress import progress
with progress("import", 200) as shown:
    shown.update(50, "5 rows")
    shown.note("the server [bold] waits")
    shown.update(200, "20 rows, 1 refused")
"""


def test_without_a_terminal_there_are_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """A log of a night job stays readable."""
    with progress("import", 200) as shown:
        for done in range(0, 201, 10):
            shown.update(done, f"{done} rows")
            if done < 20:
                continue
            shown.note("no server")
            shown.note("no server")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "import: 0 %, 0 rows"
    assert "import: 100 %, 200 rows" in lines
    assert len(lines) == 2 + 19


def test_of_nothing_to_do_everything_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    """No division by zero."""
    with progress("import", 0) as shown:
        shown.update(0, "0 rows")
    assert capsys.readouterr().err == "import: 0 %, 0 rows\n"


def test_in_a_terminal_there_is_a_bar() -> None:
    """Text of a server is no markup."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(follower)
        shown = b""
        try:
            while piece := os.read(leader, 65_536):
                shown += piece
        except OSError:
            pass  # The end of a terminal.
    os.close(leader)
    assert process.returncode == 0
    assert "━".encode() in shown
    assert b"20 rows, 1 refused" in shown
    assert b"100%" in shown
