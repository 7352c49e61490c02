"""The process itself: what it reads and writes, and what ends it."""

import io
import os
import signal
import subprocess
import sys
import time

from dfks_rules.app.worker.process import serve
from dfks_rules.app.worker.questions import LENGTH, CheckAll, Kind, asked
from dfks_rules.app.worker.worker import COMMAND


def answers(data: bytes) -> list[tuple[Kind, bytes]]:
    """The answers in what was written."""
    found = []
    while data:
        (length,) = LENGTH.unpack(data[: LENGTH.size])
        body, data = data[LENGTH.size :][:length], data[LENGTH.size + length :]
        found.append((Kind(body[:1]), body[1:]))
    return found


def test_questions_are_answered_in_order_until_there_are_none() -> None:
    """The first thing that it says is that it can be asked."""
    written = io.BytesIO()
    questions = b"".join([*asked(CheckAll("a")), *asked(CheckAll("b"))])
    limits: list[float] = []
    serve(io.BytesIO(questions + b"\0"), written, limits.append)
    assert len(limits) == 2
    assert answers(written.getvalue()) == [
        (Kind.READY, b""),
        (Kind.UNKNOWN, b"a"),
        (Kind.UNKNOWN, b"b"),
    ]


def test_it_ends_with_the_end_of_its_input() -> None:
    """A server that stops closes the pipe."""
    done = subprocess.run([*COMMAND, str(os.getpid())], input=b"", capture_output=True, timeout=180)
    assert (done.returncode, answers(done.stdout)) == (0, [(Kind.READY, b"")])


def test_it_does_not_serve_a_stranger() -> None:
    """Whoever started it has died before it could ask the kernel to be told."""
    done = subprocess.run([*COMMAND, "1"], input=b"", capture_output=True, timeout=180)
    assert done.returncode == 1
    assert b"has died" in done.stderr


def test_it_dies_with_its_server_also_while_it_is_busy() -> None:
    """Nobody closes the pipe, which another process holds, and it does not read it."""
    code = (
        "import os, signal, subprocess, sys, time\n"
        "code = 'import sys; from dfks_rules.app.worker.process import _end_with; "
        "_end_with(int(sys.argv[1])); print(1, flush=True)\\nwhile True: pass'\n"
        "busy = subprocess.Popen([sys.executable, '-c', code, str(os.getpid())], "
        "stdout=subprocess.PIPE)\n"
        "busy.stdout.read(1)\n"
        "print(busy.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=180)
    assert done.returncode == -signal.SIGKILL
    assert _is_gone(int(done.stdout))


def _is_gone(pid: int) -> bool:
    """Whether a process ends within some seconds; nobody may be there to wait for it."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False
