"""The HTTP API in a thread, for commands that run an event loop of their own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from dfks_rules.operations.ports import Operations
from tests.helpers.web import api


class Door(NamedTuple):
    """A running API."""

    url: str
    do: Callable[[Callable[[], None]], None]
    """Does something in its thread, and waits until it is done."""


@contextmanager
def served(operations: Operations) -> Iterator[Door]:
    """Serve until the block ends."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    is_up = threading.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with api(operations) as door:
            urls.append(door.url)
            is_up.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    is_up.wait(10)

    def do(what: Callable[[], None]) -> None:
        async def done() -> None:
            what()

        asyncio.run_coroutine_threadsafe(done(), loop).result(10)

    try:
        yield Door(urls[0], do)
    finally:
        do(stop.set)
        thread.join()
        loop.close()
