"""A client of the Asterisk Manager Interface."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable

from dfks_rules.bridges.asterisk.messages import Message, decoded, encoded, ends_list, is_list
from dfks_rules.bridges.ports import SwitchLostError

WITHIN = 10.0
"""Seconds that Asterisk has to answer."""
MOST_BYTES = 65_536
"""The longest message; a longer one is none of ours."""
ALIVE = 30.0
"""Seconds between two pings: a connection that is cut off silently is noticed."""


class Ami:
    """One connection; it is used up when it is lost."""

    def __init__(self, hear: Callable[[Message], None], lose: Callable[[], None]) -> None:
        """Not connected.

        Args:
            hear: is called with each event that answers no action of ours.
            lose: is called once, when an established connection is lost.
        """
        self._hear = hear
        self._lose = lose
        self._ids = (str(number) for number in itertools.count(1))
        self._waiting: dict[str, tuple[list[Message], asyncio.Future[list[Message]]]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, host: str, port: int, user: str, secret: str) -> None:
        """Connect and log in.

        Raises:
            SwitchLostError: that fails.
        """
        try:
            async with asyncio.timeout(WITHIN):
                reader, self._writer = await asyncio.open_connection(host, port, limit=MOST_BYTES)
                greeting = await reader.readline()
        except (OSError, TimeoutError, ValueError) as error:
            await self.close()
            raise SwitchLostError(f"Asterisk at {host}:{port}: {error or 'no answer'}") from error
        if not greeting.startswith(b"Asterisk Call Manager"):
            await self.close()
            raise SwitchLostError(f"{host}:{port} is no Asterisk Call Manager")
        self._tasks = [asyncio.create_task(self._read(reader))]
        login = {"Username": user, "Secret": secret, "Events": "call"}
        answer = await self.act("Login", login)
        if answer[0].get("Response") != "Success":
            await self.close()
            raise SwitchLostError(f"Asterisk refuses the login: {answer[0].get('Message', '')}")
        self._tasks.append(asyncio.create_task(self._keep_alive()))

    async def act(self, action: str, headers: Message) -> list[Message]:
        """The response to an action, and the events that belong to it.

        Raises:
            SwitchLostError: there is no connection, or no answer.
            SwitchRefusedError: it cannot be sent.
        """
        if self._writer is None:
            raise SwitchLostError("Asterisk is not connected")
        id_ = next(self._ids)
        data = encoded({"Action": action, "ActionID": id_, **headers})
        future: asyncio.Future[list[Message]] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = ([], future)
        try:
            async with asyncio.timeout(WITHIN):
                self._writer.write(data)
                await self._writer.drain()
                return await future
        except (OSError, TimeoutError) as error:
            # What comes from now on may be late, and is not to be believed.
            await self.close()
            raise SwitchLostError(f"Asterisk does not answer {action}: {error}") from error
        finally:
            self._waiting.pop(id_, None)

    async def close(self) -> None:
        """Close it; nobody is told."""
        me = asyncio.current_task()
        for task in self._tasks:
            if task is not me:
                task.cancel()
        self._tasks.clear()
        self._end("the connection is closed")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        reason = "Asterisk has closed the connection"
        try:
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                self._take(decoded(block))
        except (OSError, asyncio.IncompleteReadError):
            pass
        except asyncio.LimitOverrunError:
            reason = f"Asterisk sent a message of more than {MOST_BYTES} bytes"
        self._end(reason)
        self._lose()

    def _take(self, message: Message) -> None:
        found = self._waiting.get(message.get("ActionID", ""))
        if found is None:
            if "Event" in message:
                self._hear(message)
            return
        messages, future = found
        messages.append(message)
        is_last = ends_list(message) if "Event" in message else not is_list(message)
        if is_last and not future.done():
            future.set_result(messages)

    async def _keep_alive(self) -> None:
        with contextlib.suppress(SwitchLostError):
            while True:
                await asyncio.sleep(ALIVE)
                await self.act("Ping", {})
        self._lose()

    def _end(self, reason: str) -> None:
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(SwitchLostError(reason))
        if self._writer is not None:
            self._writer.close()
            self._writer = None
