"""The AMI client against a scripted Asterisk."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from dfks_rules.bridges.asterisk import ami
from dfks_rules.bridges.asterisk.ami import Ami
from dfks_rules.bridges.asterisk.messages import Message
from dfks_rules.bridges.ports import SwitchLostError, SwitchRefusedError
from tests.helpers.ami import SECRET, USER, ScriptedAsterisk, scripted_asterisk


@pytest.fixture
def asterisk() -> Iterator[ScriptedAsterisk]:
    """With one user."""
    with scripted_asterisk() as one:
        one.add("201")
        yield one


class _Ears:
    def __init__(self) -> None:
        self.heard: asyncio.Queue[Message] = asyncio.Queue()
        self.lost = asyncio.Event()


@asynccontextmanager
async def _connected(asterisk: ScriptedAsterisk) -> AsyncIterator[tuple[Ami, _Ears]]:
    ears = _Ears()
    client = Ami(ears.heard.put_nowait, ears.lost.set)
    await client.connect("127.0.0.1", asterisk.port, USER, SECRET)
    try:
        yield client, ears
    finally:
        await client.close()


async def test_answers_find_their_actions(asterisk: ScriptedAsterisk) -> None:
    """Many at once, with events between them."""
    async with _connected(asterisk) as (client, ears):
        for number in range(20):
            asterisk.dial("DND", str(300 + number), "YES")
        asked = [{"Family": "DND", "Key": str(300 + number)} for number in range(20)]
        answers = await asyncio.gather(*(client.act("DBGet", one) for one in asked))
        assert [one[1]["Key"] for one in answers] == [one["Key"] for one in asked]
        assert all(
            [m.get("EventList") for m in one] == ["start", None, "Complete"] for one in answers
        )
        heard = [await ears.heard.get() for _ in range(20)]
        devices = [one["Device"] for one in heard if one["Event"] == "DeviceStateChange"]
        assert devices[0] == "Custom:DND300"
        assert not ears.lost.is_set()


async def test_login_that_is_refused_is_told(asterisk: ScriptedAsterisk) -> None:
    """With the reason that Asterisk gives."""
    client = Ami(lambda _: None, lambda: None)
    with pytest.raises(SwitchLostError, match="Authentication failed"):
        await client.connect("127.0.0.1", asterisk.port, USER, "wrong")
    with pytest.raises(SwitchLostError, match="not connected"):
        await client.act("Ping", {})


async def test_port_of_something_else_is_no_asterisk() -> None:
    """As when the port was mistyped; and nobody is there at all."""

    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Ami(lambda _: None, lambda: None)
    with pytest.raises(SwitchLostError, match="no Asterisk Call Manager"):
        await client.connect("127.0.0.1", port, USER, SECRET)
    server.close()
    await server.wait_closed()
    with pytest.raises(SwitchLostError, match=str(port)):
        await client.connect("127.0.0.1", port, USER, SECRET)


async def test_lost_connection_is_told_once(asterisk: ScriptedAsterisk) -> None:
    """Who waits for an answer is told as well."""
    async with _connected(asterisk) as (client, ears):
        asterisk.hang_up()
        await asyncio.wait_for(ears.lost.wait(), 10)
        with pytest.raises(SwitchLostError):
            await client.act("Ping", {})


async def test_silence_is_a_lost_connection(
    asterisk: ScriptedAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A switch that hangs is as good as none."""
    monkeypatch.setattr(ami, "WITHIN", 0.05)
    asterisk.is_deaf = True
    client = Ami(lambda _: None, lambda: None)
    with pytest.raises(SwitchLostError, match=str(asterisk.port)):
        await client.connect("127.0.0.1", asterisk.port, USER, SECRET)


async def test_dead_connection_is_found_by_a_ping(
    asterisk: ScriptedAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing else is sent."""
    monkeypatch.setattr(ami, "ALIVE", 0.01)
    async with _connected(asterisk) as (_, ears):
        monkeypatch.setattr(ami, "WITHIN", 0.0)
        await asyncio.wait_for(ears.lost.wait(), 10)


async def test_line_breaks_are_not_sent(asterisk: ScriptedAsterisk) -> None:
    """The connection is none the worse."""
    async with _connected(asterisk) as (client, _):
        with pytest.raises(SwitchRefusedError):
            await client.act("DBPut", {"Family": "CF", "Key": "201", "Val": "1\r\nAction: Logoff"})
        assert (await client.act("Ping", {}))[0]["Response"] == "Success"
