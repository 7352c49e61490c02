"""Host names to addresses, on threads of their own."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

MAX_LOOKUPS = 100
"""Most names looked up at once: a flood of Contacts with dead names must not fill the memory."""
THREADS = 4
"""Dead names hold these for seconds, and not the threads that read policy files."""


class Resolver:
    """Looks up A and AAAA records, as the C library does."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "resolver")
        self._waiting = 0

    async def resolve(self, name: str, port: int, family: socket.AddressFamily) -> tuple[str, int]:
        """The first address of a name.

        Raises:
            OSError: there is none, the name is malformed, or too many lookups are under way.
        """
        if self._waiting >= MAX_LOOKUPS:
            raise OSError("too many lookups")
        self._waiting += 1
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, _resolve, name, port, family)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Give up what is being looked up."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _resolve(name: str, port: int, family: socket.AddressFamily) -> tuple[str, int]:
    try:
        found = socket.getaddrinfo(name, port, family=family, type=socket.SOCK_DGRAM)
    except UnicodeError as error:
        # An empty or over-long label (`a..b`) does not get as far as DNS.
        raise OSError(f"malformed host name: {error}") from None
    return str(found[0][4][0]), int(found[0][4][1])
