"""A client of FreeSWITCH's event socket, for commands and their replies."""

import asyncio
from typing import NamedTuple

from dfks_rules.bridges.ports import SwitchLostError, SwitchRefusedError

WITHIN = 10.0
"""Seconds that FreeSWITCH has to answer."""
MOST_BYTES = 65_536
"""The most of an answer that is read."""


class EslSettings(NamedTuple):
    """How the event socket is reached."""

    host: str
    port: int
    password: str


class Esl:
    """One connection; commands are sent one at a time."""

    def __init__(self, settings: EslSettings) -> None:
        """Not connected."""
        self._settings = settings
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def connect(self) -> None:
        """Connect anew, and authenticate.

        Raises:
            SwitchLostError: that fails.
        """
        self.close()
        host, port, password = self._settings
        try:
            async with asyncio.timeout(WITHIN):
                self._streams = await asyncio.open_connection(host, port, limit=MOST_BYTES)
                greeting, _ = await _read(self._streams[0])
        except (OSError, TimeoutError, ValueError, EOFError) as error:
            self.close()
            raise SwitchLostError(f"FreeSWITCH at {host}:{port}: {error or 'no answer'}") from error
        if greeting.get("Content-Type") != "auth/request":
            self.close()
            raise SwitchLostError(f"{host}:{port} is no event socket, or does not let us in")
        reply = await self.ask(f"auth {password}")
        if not reply.startswith("+OK"):
            self.close()
            raise SwitchLostError(f"FreeSWITCH refuses the password: {reply}")

    async def ask(self, command: str, headers: tuple[str, ...] = ()) -> str:
        """The reply to a command.

        Args:
            command: its line.
            headers: further lines.

        Raises:
            SwitchLostError: there is no connection, or no answer.
            SwitchRefusedError: a line would be several.
        """
        lines = (command, *headers)
        if not all(line.isprintable() for line in lines):
            raise SwitchRefusedError(f"{command[:80]!r} cannot be sent to FreeSWITCH")
        if self._streams is None:
            raise SwitchLostError("FreeSWITCH is not connected")
        reader, writer = self._streams
        try:
            async with asyncio.timeout(WITHIN):
                writer.write(("\n".join(lines) + "\n\n").encode())
                await writer.drain()
                while True:
                    found, body = await _read(reader)
                    match found.get("Content-Type"):
                        case "command/reply":
                            return found.get("Reply-Text", "")
                        case "api/response":
                            return body.strip()
                        case "text/disconnect-notice":
                            raise EOFError("it has closed the connection")
                        case _:
                            continue
        except (OSError, TimeoutError, ValueError, EOFError) as error:
            # What comes from now on may be late, and is not to be believed.
            self.close()
            raise SwitchLostError(f"FreeSWITCH does not answer: {error}") from error

    def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _read(reader: asyncio.StreamReader) -> tuple[dict[str, str], str]:
    """A message: its headers, and its body, if it has one."""
    try:
        block = await reader.readuntil(b"\n\n")
    except asyncio.LimitOverrunError as error:
        message = "its answer is too long"
        raise ValueError(message) from error
    lines = block.decode(errors="replace").split("\n")
    pairs = (line.partition(":") for line in lines)
    found = {name: value.strip() for name, colon, value in pairs if colon}
    length = int(found.get("Content-Length", "0"))
    if not 0 <= length <= MOST_BYTES:
        message = "its answer is too long"
        raise ValueError(message)
    return found, (await reader.readexactly(length)).decode(errors="replace")
