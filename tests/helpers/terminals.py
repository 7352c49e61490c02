"""A program in a terminal, and what its screen shows."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pyte


class Terminal:
    """A terminal of any size, with a program in it."""

    def __init__(self, leader: int, process: "subprocess.Popen[bytes]", size: tuple[int, int]):
        self._leader = leader
        self._process = process
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def lines(self) -> list[str]:
        """What is on the screen."""
        return [line.rstrip() for line in self._screen.display]

    def until(self, holds: Callable[[list[str]], object], within: float = 30.0) -> list[str]:
        """Look until the screen shows something."""
        deadline = time.monotonic() + within
        while not holds(self.lines):
            assert time.monotonic() < deadline, "\n".join(self.lines)
            self.look(0.1)
        return self.lines

    def look(self, seconds: float) -> None:
        """Take what is written meanwhile."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._leader], [], [], left)[0]:
                try:
                    self._stream.feed(os.read(self._leader, 65_536))
                except OSError:
                    return  # The program has ended.

    def press(self, keys: str) -> None:
        """Somebody types."""
        os.write(self._leader, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Somebody pulls at the window."""
        fcntl.ioctl(self._leader, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._screen.resize(lines, columns)
        self._process.send_signal(signal.SIGWINCH)

    def wait(self) -> int:
        """Until the program has ended; its exit status."""
        deadline = time.monotonic() + 30
        while self._process.poll() is None:
            assert time.monotonic() < deadline
            self.look(0.05)
        return self._process.returncode


@contextmanager
def terminal(command: Sequence[str], columns: int = 120, lines: int = 40) -> Iterator[Terminal]:
    """Run a program in a terminal until the block ends."""
    leader, follower = pty.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environment = {
        name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")
    }
    with subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**environment, "TERM": "xterm-256color"},
        start_new_session=True,
    ) as process:
        os.close(follower)
        try:
            yield Terminal(leader, process, (columns, lines))
        finally:
            if process.poll() is None:
                process.kill()
            with contextlib.suppress(OSError):
                os.close(leader)
