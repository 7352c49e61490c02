"""A program that is told by webhooks, on a free port of loopback; it may misbehave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import orjson

Behave = Callable[["Got", asyncio.StreamWriter], Awaitable[None]]


class Got(NamedTuple):
    """A request as it came."""

    head: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        """The CloudEvent."""
        return orjson.loads(self.body)


def answering(status: str, *headers: str, body: bytes = b"") -> Behave:
    """Answers like this, and keeps the connection."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]

    async def behave(_got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join(lines).encode() + body)

    return behave


OK = answering("200 OK")


class Receiver:
    """Takes requests, and answers as the test says."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/dfks"
        self.got: list[Got] = []
        self.behave: Behave = OK
        self.connections = 0

    async def until(self, count: int) -> None:
        """Wait until so many requests have come."""
        while len(self.got) < count:  # noqa: ASYNC110 - it is not an event
            await asyncio.sleep(0.01)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            while (got := await _read(reader)) is not None:
                self.got.append(got)
                await self.behave(got, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Got | None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head:
        return None
    first, *lines = head.decode().split("\r\n")
    headers = {
        name.lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in lines)
        if colon
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Got(first, headers, body)


@asynccontextmanager
async def receiving(ssl: Any = None) -> AsyncIterator[Receiver]:
    """Receive until the block ends."""
    receiver = Receiver(0)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=ssl)
    receiver.port = server.sockets[0].getsockname()[1]
    receiver.url = f"http{'s' if ssl else ''}://127.0.0.1:{receiver.port}/dfks"
    try:
        yield receiver
    finally:
        server.close()
        tasks = [one for one in asyncio.all_tasks() if one.get_coro().__name__ == "serve"]  # type: ignore[union-attr]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
