"""What a service manager is told of the life of the server.

Reference: sd_notify(3), sd_watchdog_enabled(3)
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Mapping


class ServiceManager:
    """The one that has started the server, if it wants to know."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        limit = environ.get("WATCHDOG_USEC", "")
        # WATCHDOG_PID does not matter: a successor has that of its predecessor.
        self._every = int(limit) / 3e6 if limit.isdecimal() else 0.0

    def keep_alive(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say that the event loop turns, now and for as long as it does.

        Args:
            loop: once stuck, it says nothing any more, and the watchdog ends this process.
        """
        if self._every:
            self._tell("WATCHDOG=1")
            loop.call_later(self._every, self.keep_alive, loop)

    def ready(self) -> None:
        """Phones and operators are served."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """Something is made anew until the next `ready`."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The server ends, as it was told to."""
        self._tell("STOPPING=1")

    def succeeded_by(self, pid: int) -> None:
        """This process ends, and another one is the service from now on."""
        self._tell(f"MAINPID={pid}", "READY=1", "WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        data = "\n".join(lines).encode()
        # Whoever does not listen any more must not stop the server.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.settimeout(0)
            one.sendto(data, os.fsencode(self._address))
