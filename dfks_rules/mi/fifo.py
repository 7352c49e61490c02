"""JSON-RPC over a FIFO: `communication_type=fifo` of opensips-cli."""

import asyncio
import errno
import os
import socket
import stat
from pathlib import Path

import structlog

from dfks_rules.mi.dispatch import Dispatcher
from dfks_rules.mi.framing import FifoFraming, FifoRequest
from dfks_rules.mi.under_way import finish

REPLY_TIMEOUT = 1.0
"""Seconds a client has to open its reply FIFO and read the reply."""
UNFINISHED_TIMEOUT = 1.0
"""Seconds without further data after which an unfinished request is abandoned."""
MAX_UNDER_WAY = 64
"""Most requests served at once; while there are this many, nothing is read."""

_READ_BYTES = 64 * 1024  # what a pipe holds
_RETRY = 0.005

_log = structlog.get_logger("dfks.mi.fifo")


class FifoServer:
    """Creates the FIFO, reads requests from it, and writes each reply to the client's own FIFO."""

    def __init__(self, path: Path, reply_dir: Path, dispatcher: Dispatcher) -> None:
        self._path = path
        self._reply_dir = reply_dir
        self._dispatcher = dispatcher
        self._framing = FifoFraming()
        self._tasks: set[asyncio.Task[None]] = set()
        self._give_up: asyncio.TimerHandle | None = None
        self._reader = self._writer = -1
        self._is_paused = False

    @property
    def address(self) -> str:
        """E.g. `fifo:run/dfks_fifo`."""
        return f"fifo:{self._path}"

    async def start(self, *, takes_over: bool = False) -> None:
        """Create the FIFO and read from it.

        Args:
            takes_over: whether the server that ran before has left its own, and still holds it.

        Raises:
            OSError: the FIFO cannot be created, or another server reads it.
        """
        make_fifo(self._path, self._reply_dir, takes_over=takes_over)
        self._reader = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # Without a writer of our own, we would read end-of-file whenever a client closes the FIFO.
        self._writer = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(self._reader, self._read)

    async def pause(self) -> None:
        """Read no more, and let requests under way finish: what is written from now on stays in the
        FIFO for the server that comes next.
        """
        self._is_paused = True
        if self._reader >= 0:
            asyncio.get_running_loop().remove_reader(self._reader)
        await finish(self._tasks)

    def sockets(self) -> list[tuple[str, socket.socket]]:
        """Nothing: whoever serves next opens the FIFO by its name."""
        return []

    async def close(self, *, leaves: bool = False) -> None:
        """Remove the FIFO, and let requests under way finish.

        Args:
            leaves: whether it stays, for the server that comes next.
        """
        if self._reader < 0:
            return
        asyncio.get_running_loop().remove_reader(self._reader)
        if not leaves:
            self._path.unlink(missing_ok=True)
        os.close(self._reader)
        os.close(self._writer)
        self._reader = self._writer = -1
        if self._give_up:
            self._give_up.cancel()
        await finish(self._tasks)

    def _read(self) -> None:
        try:
            data = os.read(self._reader, _READ_BYTES)
        except BlockingIOError:
            return
        self._serve(self._framing.receive(data))
        if self._give_up:
            self._give_up.cancel()
            self._give_up = None
        if self._framing.has_unfinished:
            loop = asyncio.get_running_loop()
            self._give_up = loop.call_later(UNFINISHED_TIMEOUT, self._flush)

    def _flush(self) -> None:
        self._give_up = None
        self._serve(self._framing.flush())

    def _serve(self, requests: list[FifoRequest]) -> None:
        loop = asyncio.get_running_loop()
        for request in requests:
            task = loop.create_task(self._answer(request))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        if len(self._tasks) >= MAX_UNDER_WAY:
            loop.remove_reader(self._reader)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        has_room_again = len(self._tasks) == MAX_UNDER_WAY - 1
        if has_room_again and self._reader >= 0 and not self._is_paused:
            asyncio.get_running_loop().add_reader(self._reader, self._read)

    async def _answer(self, request: FifoRequest) -> None:
        reply = await self._dispatcher.answer(request.body)
        if reply is None:
            return
        if request.reply_name is None:
            _log.warning(
                "mi_reply_without_name", request=request.body[:80].decode(errors="replace")
            )
            return
        path = self._reply_dir / request.reply_name
        try:
            async with asyncio.timeout(REPLY_TIMEOUT):
                await _write_reply(path, reply)
        except OSError as error:  # TimeoutError is one
            reason = error.strerror or "the client does not read"
            _log.warning("mi_reply_failed", path=str(path), reason=reason)


def make_fifo(path: Path, reply_dir: Path, *, takes_over: bool = False) -> None:
    """Create a FIFO for requests, and the folders for it and for replies.

    Args:
        path: of the FIFO.
        reply_dir: the folder for replies.
        takes_over: whether one that is there is left as it is.

    Raises:
        OSError: it cannot be created, or another server reads it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    reply_dir.mkdir(parents=True, exist_ok=True)
    if not (takes_over and path.is_fifo()):
        _remove_stale(path)
        os.mkfifo(path, 0o600)


async def _write_reply(path: Path, reply: bytes) -> None:
    """Write one reply to a client's FIFO, never blocking.

    Raises:
        OSError: the client went away, or the path is not a FIFO.
    """
    fd = await _open_reply(path)
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a FIFO")
        while reply:
            try:
                reply = reply[os.write(fd, reply) :]
            except BlockingIOError:
                await asyncio.sleep(_RETRY)
    finally:
        os.close(fd)


async def _open_reply(path: Path) -> int:
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            # The client opens it for reading only after writing its request.
            await asyncio.sleep(_RETRY)


def _remove_stale(path: Path) -> None:
    """Remove a FIFO left behind by a server that has ended."""
    try:
        is_fifo = stat.S_ISFIFO(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_fifo:
        raise FileExistsError(errno.EEXIST, "exists and is not a FIFO", str(path))
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        path.unlink()
        return
    raise OSError(errno.EADDRINUSE, "another server reads this FIFO", str(path))
