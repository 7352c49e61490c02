"""Waiting for what comes next."""

import signal
import subprocess
import sys
import time

import pytest

CODE = """
import sys
import time
from dfks_rules.cli.following import keep_looking
def look():
    print("round", flush=True)
    time.sleep(float(sys.argv[2]))
keep_looking(look, float(sys.argv[1]))
print("ended", file=sys.stderr)
"""


def _start(every: str, takes: str = "0") -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", CODE, every, takes]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_there_is_a_round_at_once_and_then_others() -> None:
    """What is there already is not waited for."""
    with _start("0.01") as process:
        assert process.stdout is not None
        for _ in range(3):
            assert process.stdout.readline() == b"round\n"
        process.kill()


@pytest.mark.parametrize(("every", "takes"), [("60", "0"), ("0", "60")])
def test_control_c_is_an_end_like_another(every: str, takes: str) -> None:
    """Not `Aborted!`, and no trace, whether it waits or looks."""
    with _start(every, takes) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=180)
    assert (process.returncode, errors) == (0, b"ended\n")


def test_it_ends_when_nobody_reads_any_more() -> None:
    """At once, also if there is nothing to write: `dfks history --follow | head -1`."""
    with _start("60") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b"ended\n"
