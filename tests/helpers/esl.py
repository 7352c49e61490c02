"""A scripted FreeSWITCH: its event socket, on a free port of loopback. It is no FreeSWITCH."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PASSWORD = "ClueCon"  # noqa: S105 - that of every new FreeSWITCH


class ScriptedFreeSwitch:
    """Answers commands, as mod_event_socket says it does."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        """Each command but `auth`, with its headers."""
        self.greeting = b"Content-Type: auth/request\n\n"
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def hang_up(self) -> None:
        """All connections are lost."""
        for writer in self._open.values():
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        writer.write(self.greeting)
        try:
            while True:
                asked = (await reader.readuntil(b"\n\n")).decode().rstrip("\n")
                if not asked.startswith("auth "):
                    self.asked.append(asked)
                for one in self._answers(asked):
                    writer.write(one.encode())
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            del self._open[task]

    async def end(self) -> None:
        """End all connections."""
        self.hang_up()
        await asyncio.gather(*self._open)

    def _answers(self, asked: str) -> list[str]:
        if asked.startswith("auth "):
            is_right = asked == f"auth {PASSWORD}"
            text = "+OK accepted" if is_right else "-ERR invalid"
            return [f"Content-Type: command/reply\nReply-Text: {text}\n\n"]
        if asked.startswith("api "):
            # Something that nobody asked for comes first.
            log = "Content-Type: log/data\nContent-Length: 4\n\nlog\n"
            return [log, "Content-Type: api/response\nContent-Length: 4\n\n+OK\n"]
        if asked == "exit":
            return ["Content-Type: text/disconnect-notice\nContent-Length: 0\n\n"]
        return ["Content-Type: command/reply\nReply-Text: +OK\n\n"]


@asynccontextmanager
async def scripted_freeswitch() -> AsyncIterator[ScriptedFreeSwitch]:
    """One that runs until the block ends."""
    switch = ScriptedFreeSwitch()
    server = await asyncio.start_server(switch.serve, "127.0.0.1", 0)
    switch.port = server.sockets[0].getsockname()[1]
    try:
        yield switch
    finally:
        server.close()
        await switch.end()
        await server.wait_closed()
