"""The process that serves next, as the one that goes sees it."""

import asyncio
import contextlib
import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import NoReturn

from dfks_rules.app.handover.channel import Channel
from dfks_rules.transport.inherited import CHANNEL, FIRST, Inherited, Passed

_STARTER = f"""
import os, sys
for place, number in enumerate(map(int, sys.argv[1].split(",")), {FIRST}):
    os.dup2(number, place)
    os.close(number)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Puts descriptors where they are looked for, and says whose they are: nobody knows the number of
a process before it runs, and no code of ours may run between fork and exec of one with threads."""


def own_command() -> list[str]:
    """How this process was started; the program is found anew, so it may be another version."""
    return [sys.executable, *sys.orig_argv[1:]]


class Successor:
    """A process that was given copies of our sockets."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", channel: Channel, kept: list[Passed]
    ) -> None:
        self._process = process
        self.channel = channel
        """What it says, and is told."""
        self._kept = kept
        self.pid = process.pid
        """Its number."""

    @classmethod
    def start(
        cls, sockets: Sequence[tuple[str, socket.socket]], command: Sequence[str]
    ) -> "Successor":
        """Start it.

        Args:
            sockets: what it is given, each with a name.
            command: the program and its arguments.

        Raises:
            OSError: it cannot be started.
        """
        with contextlib.ExitStack() as opened:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            opened.enter_context(ours)
            passed = [*sockets, (CHANNEL, theirs)]
            above = FIRST + len(passed)
            kept = [Passed(name, _copy(one, above)) for name, one in passed]
            for _, one in kept:
                opened.enter_context(one)
            theirs.close()
            process = _started(kept, command)
            kept.pop().socket.close()  # Its end of the channel: we notice when it is closed.
            ours.settimeout(0)
            opened.pop_all()
        return cls(process, Channel(ours), kept)

    def left(self) -> Inherited:
        """The sockets, for a server in this process in place of the successor."""
        kept, self._kept = self._kept, []
        return Inherited(kept)

    async def kill(self) -> None:
        """End it; it never served."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        self.let_go()

    def let_go(self) -> None:
        """Close what was kept for it."""
        self._process.returncode = 0  # It outlives us: nobody here waits for its end.
        self.channel.close()
        self.left().close()


def _copy(one: socket.socket, at_least: int) -> socket.socket:
    """Another descriptor of a socket, with a number above those that the successor looks at."""
    return socket.socket(fileno=fcntl.fcntl(one.fileno(), fcntl.F_DUPFD_CLOEXEC, at_least))


def become(inherited: Inherited, command: Sequence[str]) -> NoReturn:
    """Have another program go on in this process.

    Args:
        inherited: the sockets that it is given.
        command: the program and its arguments.

    Raises:
        OSError: it cannot be started.
    """
    sockets = inherited.passed()
    passed = [Passed(name, _copy(one, FIRST + len(sockets))) for name, one in sockets]
    for _, one in passed:
        os.set_inheritable(one.fileno(), True)  # noqa: FBT003 - the library's signature
    os.execve(sys.executable, _starting(passed, command), _environment(passed))  # noqa: S606 - ours


def _started(passed: Sequence[Passed], command: Sequence[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - it is our own command line
        _starting(passed, command),
        pass_fds=[one.socket.fileno() for one in passed],
        env=_environment(passed),
    )


def _starting(passed: Sequence[Passed], command: Sequence[str]) -> list[str]:
    numbers = ",".join(str(one.socket.fileno()) for one in passed)
    return [sys.executable, "-I", "-S", "-c", _STARTER, numbers, *command]


def _environment(passed: Sequence[Passed]) -> dict[str, str]:
    names = ":".join(one.name for one in passed)
    return os.environ | {"LISTEN_FDS": str(len(passed)), "LISTEN_FDNAMES": names}
