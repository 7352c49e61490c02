"""A scripted Asterisk: AMI on a free port of loopback, in front of an AstDB in memory.

It answers as the documentation of Asterisk says, and does to AstDB and device states what FreePBX's
dialplan does. It is no Asterisk.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

USER, SECRET = "dfks", "s3cret"
_LAMPS = {"DND": "DND", "CF": "CF"}


class ScriptedAsterisk:
    """AstDB, device states, and who is connected."""

    def __init__(self) -> None:
        self.port = 0
        self.database: dict[tuple[str, str], str] = {}
        """Family, key → value."""
        self.lamps: dict[str, str] = {}
        """Device state → `BUSY` or `NOT_INUSE`."""
        self.actions: list[str] = []
        """Each action that wrote something, as `DBPut DND/201 YES`."""
        self.logins = 0
        self.refuses: frozenset[str] = frozenset()
        """Actions that fail."""
        self.is_deaf = False
        """Whether it accepts connections and says nothing."""
        self._writers: set[asyncio.StreamWriter] = set()
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None

    def add(self, extension: str, devices: str | None = None) -> None:
        """A user of FreePBX."""
        self.database["AMPUSER", f"{extension}/device"] = devices or extension
        self.database["AMPUSER", f"{extension}/cidname"] = f"User {extension}"

    def get(self, family: str, extension: str) -> str | None:
        """A value in AstDB."""
        return self.database.get((family, extension))

    def dial(self, family: str, extension: str, value: str | None) -> None:
        """A user dials a star code: the dialplan writes AstDB, and lights a lamp if it has one."""
        if value is None:
            self.database.pop((family, extension), None)
        else:
            self.database[family, extension] = value
        if family in _LAMPS:
            self._call(self._light, f"Custom:{family}{extension}", "BUSY" if value else "NOT_INUSE")

    def hang_up(self) -> None:
        """All connections are lost."""
        self._call(self._drop)

    def stop(self) -> None:
        """It is gone, and connects nobody."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)

    def start(self) -> None:
        """It is there, at the same port."""
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    def run(self) -> None:
        """Run its loop until it is closed; in a thread of its own."""
        self._loop.run_forever()
        self._loop.close()

    def close(self) -> None:
        """End."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _call(self, function: object, *arguments: object) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)  # type: ignore[arg-type]

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._drop()
            await asyncio.gather(*self._open)
            await self._server.wait_closed()
            self._server = None

    def _drop(self) -> None:
        for writer in self._open.values():
            writer.transport.abort()

    def _light(self, name: str, value: str) -> None:
        self.lamps[name] = value
        told = {"Event": "DeviceStateChange", "Privilege": "call,all", "Device": name}
        for writer in self._writers:
            writer.write(_block({**told, "State": value}))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        if not self.is_deaf:
            writer.write(b"Asterisk Call Manager/7.0.3\r\n")
        try:
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = (line.partition(": ") for line in block.split("\r\n") if line)
                asked = {name: value for name, _, value in lines}
                for one in self._answers(asked, writer):
                    id_ = {"ActionID": asked["ActionID"]} if "ActionID" in asked else {}
                    writer.write(_block(one | id_))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
            del self._open[task]

    def _answers(
        self, asked: dict[str, str], writer: asyncio.StreamWriter
    ) -> Iterator[dict[str, str]]:
        action = asked["Action"]
        if action == "Login":
            if (asked["Username"], asked["Secret"]) != (USER, SECRET):
                yield _error("Authentication failed")
                return
            self._writers.add(writer)
            self.logins += 1
            yield {"Response": "Success", "Message": "Authentication accepted"}
            yield {"Event": "FullyBooted", "Privilege": "system,all", "Status": "Fully Booted"}
        elif writer not in self._writers or action in self.refuses:
            yield _error("Permission denied")
        elif action == "Ping":
            yield {"Response": "Success", "Ping": "Pong"}
        elif action.startswith("DB"):
            yield from self._of_database(action, asked)
        elif action == "Setvar":
            name = asked["Variable"].removeprefix("DEVICE_STATE(").removesuffix(")")
            self.actions.append(f"Setvar {name} {asked['Value']}")
            self._light(name, asked["Value"])
            yield {"Response": "Success", "Message": "Variable Set"}
        else:
            yield _error("Invalid/unknown command")

    def _of_database(self, action: str, asked: dict[str, str]) -> Iterator[dict[str, str]]:
        family, key = asked["Family"], asked.get("Key", "")
        is_there = (family, key) in self.database
        if action == "DBPut":
            self.database[family, key] = asked["Val"]
            self.actions.append(f"DBPut {family}/{key} {asked['Val']}")
            yield {"Response": "Success", "Message": "Updated database successfully"}
        elif action == "DBDel" and is_there:
            del self.database[family, key]
            self.actions.append(f"DBDel {family}/{key}")
            yield {"Response": "Success", "Message": "Key deleted successfully"}
        elif action == "DBDel":
            yield _error("Database entry could not be deleted")
        elif action == "DBGet" and not is_there:
            yield _error("Database entry not found")
        elif action == "DBGet":
            yield _LIST
            row = {"Event": "DBGetResponse", "Family": family, "Key": key}
            yield row | {"Val": self.database[family, key]}
            yield {"Event": "DBGetComplete", "EventList": "Complete", "ListItems": "1"}
        elif action == "DBGetTree":
            found = [(one, value) for (of, one), value in self.database.items() if of == family]
            yield _LIST
            for one, value in found:
                yield {"Event": "DBGetTreeResponse", "Key": f"/{family}/{one}", "Val": value}
            end = {"Event": "DBGetTreeComplete", "EventList": "Complete"}
            yield end | {"ListItems": str(len(found))}


_LIST = {"Response": "Success", "EventList": "start", "Message": "Result will follow"}


def _error(message: str) -> dict[str, str]:
    return {"Response": "Error", "Message": message}


def _block(message: dict[str, str]) -> bytes:
    return ("".join(f"{name}: {value}\r\n" for name, value in message.items()) + "\r\n").encode()


@contextmanager
def scripted_asterisk() -> Iterator[ScriptedAsterisk]:
    """One that runs until the block ends."""
    asterisk = ScriptedAsterisk()
    thread = threading.Thread(target=asterisk.run)
    thread.start()
    try:
        asterisk.start()
        yield asterisk
    finally:
        asterisk.close()
        thread.join()
