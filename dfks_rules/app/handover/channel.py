"""What the server that goes and the one that comes say to each other.

| who goes                                | who comes                                          |
|-----------------------------------------|----------------------------------------------------|
| starts the other with its sockets       | reads settings, compiles policies, opens addresses |
|                                         | `ready`                                            |
| stops reading; `stopped`                | reads datagrams; they wait                         |
| finishes, closes the store; `yours`     | opens the store, serves                            |
|                                         | `serving`                                          |
| ends                                    |                                                    |
"""

import asyncio
import enum
import socket

from dfks_rules.errors import DfksError

HAND_OVER_WITHIN = 60.0
"""Seconds that the other has for each word."""


class Word(enum.Enum):
    """One message."""

    READY = b"ready"
    """Who comes could serve at once."""
    STOPPED = b"stopped"
    """Who goes reads no datagram any more."""
    YOURS = b"yours"
    """Who goes has closed the store."""
    SERVING = b"serving"
    """Who comes answers."""


class BrokenOffError(DfksError):
    """The hand-over does not go on; the text says why."""

    def __init__(self, why: str) -> None:
        super().__init__("hand_over_failed", why)


class EndedError(BrokenOffError):
    """So it is because the other process has ended: what it held is free."""

    def __init__(self) -> None:
        super().__init__("the other process has ended")


class Channel:
    """One end of the connection between the two."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    async def say(self, word: Word) -> None:
        """Tell the other.

        Raises:
            EndedError: it is gone.
        """
        try:
            await asyncio.get_running_loop().sock_sendall(self._end, word.value)
        except OSError as error:
            raise EndedError from error

    async def hear(self, word: Word, within: float = HAND_OVER_WITHIN) -> None:
        """Wait until the other says this.

        Raises:
            EndedError: it is gone; that is found out at once.
            BrokenOffError: it says something else, or nothing within so many seconds.
        """
        try:
            async with asyncio.timeout(within):
                heard = await asyncio.get_running_loop().sock_recv(self._end, 64)
        except TimeoutError as error:
            raise BrokenOffError(f"no `{word.value.decode()}` within {within:g} s") from error
        except OSError as error:
            raise EndedError from error
        if not heard:
            raise EndedError
        if heard != word.value:
            text = heard.decode("ascii", "replace")
            raise BrokenOffError(f"`{text}` in place of `{word.value.decode()}`")

    def close(self) -> None:
        """Say and hear nothing more."""
        self._end.close()
