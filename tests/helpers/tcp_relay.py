"""A bad way to a TCP server: it delays, stops, and resets what goes through it."""

import asyncio
import socket
from contextlib import suppress

PIECE = 65_536
KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""As the database has it: a connection whose other end is gone ends here, too."""


class TcpRelay:
    """Listens on a port, and passes on what comes to another one."""

    def __init__(self, target: tuple[str, int], port: int, host: str = "127.0.0.1") -> None:
        """Nothing listens yet; it will at `port` of `host`."""
        self.target, self.port, self.host = target, port, host
        """`target`: where new connections lead."""
        self.delay = 0.0
        """Seconds that each piece takes, in each direction."""
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, self.host, self.port)

    def freeze(self) -> None:
        """Pass on nothing until `thaw`; connections stay, as behind a cable that is cut."""
        self._is_open.clear()

    def thaw(self) -> None:
        """Pass everything on, also what came meanwhile."""
        self._is_open.set()

    def reset(self) -> None:
        """Break all connections; what is on its way is lost."""
        for writer in self._writers:
            writer.transport.abort()

    async def close(self) -> None:
        """Listen no more, and break all connections."""
        if self._server is not None:
            self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        accepted = writer.get_extra_info("socket")
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            accepted.setsockopt(socket.IPPROTO_TCP, option, value)
        ends = {writer}
        self._writers |= ends
        try:
            await self._is_open.wait()
            there, on = await asyncio.open_connection(*self.target)
            ends.add(on)
            self._writers.add(on)
            await asyncio.gather(self._pass(reader, on), self._pass(there, writer))
        except OSError:
            pass
        finally:
            for one in ends:
                one.transport.abort()
            self._writers -= ends

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(PIECE):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._is_open.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
