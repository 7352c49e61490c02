"""Asterisk as a switch, scripted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dfks_rules.bridges.asterisk.switch import Asterisk, AsteriskSettings
from dfks_rules.bridges.ports import SwitchLostError, SwitchRefusedError
from dfks_rules.bridges.states import FEATURES, OFF, CallState
from tests.helpers.ami import SECRET, USER, ScriptedAsterisk, scripted_asterisk

DND, CFA, CFB, CFNA = FEATURES
ON, TO_202 = CallState(is_on=True), CallState(is_on=True, target="202")


@asynccontextmanager
async def _switch() -> AsyncIterator[tuple[Asterisk, ScriptedAsterisk, asyncio.Queue[str]]]:
    heard: asyncio.Queue[str] = asyncio.Queue()
    with scripted_asterisk() as asterisk:
        asterisk.add("201", "201&201m")
        settings = AsteriskSettings("127.0.0.1", asterisk.port, USER, SECRET)
        switch = Asterisk(settings, heard.put_nowait, lambda: None)
        await switch.connect()
        try:
            yield switch, asterisk, heard
        finally:
            await switch.close()


async def test_what_was_written_is_read() -> None:
    """One extension, and all of them."""
    async with _switch() as (switch, asterisk, _):
        await switch.write("201", CFNA, TO_202._replace(rings=9))
        await switch.write("201", DND, ON)
        wanted = {DND: ON, CFA: OFF, CFB: OFF, CFNA: TO_202}
        kept = await switch.read("201")
        assert kept is not None
        assert kept.states == wanted
        assert {name: one.states for name, one in (await switch.read_all()).items()} == {
            "201": wanted
        }
        await switch.write("201", DND, OFF)
        await switch.write("201", DND, OFF)
        assert asterisk.get("DND", "201") is None
        assert asterisk.lamps["Custom:DEVDND201m"] == "NOT_INUSE"


async def test_extension_that_is_not_there_is_none() -> None:
    """Its keys may be there, of an extension that was deleted."""
    async with _switch() as (switch, asterisk, _):
        asterisk.dial("CF", "999", "201")
        assert await switch.read("999") is None
        assert list(await switch.read_all()) == ["201"]


async def test_lamps_tell_of_their_extensions() -> None:
    """Those of devices as well, once their extension is known."""
    async with _switch() as (switch, asterisk, heard):
        asterisk.dial("DND", "201", "YES")
        assert await asyncio.wait_for(heard.get(), 10) == "201"
        await switch.read_all()
        asterisk.dial("CF", "201", None)
        assert await asyncio.wait_for(heard.get(), 10) == "201"


async def test_refusal_is_no_loss() -> None:
    """AMI users have rights: what is not read is not taken for empty."""
    async with _switch() as (switch, asterisk, _):
        asterisk.refuses = frozenset({"DBPut"})
        with pytest.raises(SwitchRefusedError, match="Permission denied"):
            await switch.write("201", DND, ON)
        asterisk.refuses = frozenset({"DBGet", "DBGetTree"})
        with pytest.raises(SwitchLostError, match="Permission denied"):
            await switch.read("201")
        with pytest.raises(SwitchLostError, match="DBGetTree AMPUSER: Permission denied"):
            await switch.read_all()
