"""A bridge at work."""

import asyncio
from pathlib import Path

import pytest

from dfks_rules.bridges.counts import Counts
from dfks_rules.bridges.memory import Memory
from dfks_rules.bridges.numbering import numbering_of
from dfks_rules.bridges.running import WAITING, Bridge, Inbox, Sweep
from dfks_rules.bridges.server import Server
from dfks_rules.bridges.states import FEATURES, CallState
from dfks_rules.model.identity import Aor
from dfks_rules.web.client import ApiClient, ApiError, Event
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import MemoryOperations
from tests.helpers.switches import SwitchInMemory
from tests.helpers.web import api, token_file

LIGHT, FULL = Sweep(is_full=False), Sweep(is_full=True)


async def test_work_is_taken_in_order_and_hints_once() -> None:
    """A hint that comes while its extension is looked at is work anew."""
    inbox = Inbox()
    for extension in ("201", "202", "201"):
        inbox.hint(extension)
    event = Event("1", "feature-changed", {})
    await inbox.event(event)
    for sweep in (LIGHT, FULL, LIGHT):
        inbox.sweep(sweep)
    assert await inbox.take() == "201"
    inbox.hint("201")
    assert [await inbox.take() for _ in range(5)] == ["202", event, LIGHT, FULL, "201"]


async def test_storm_of_hints_becomes_a_sweep() -> None:
    """The inbox is bounded, and nothing is lost: the next sweep finds it."""
    inbox = Inbox()
    for number in range(WAITING + 10):
        inbox.hint(str(number))
    for _ in range(WAITING):
        await inbox.take()
    inbox.hint("1")
    assert await inbox.take() == "1"


def _bridge(folder: Path, client: ApiClient, switch: SwitchInMemory) -> Bridge:
    memory, numbering = Memory(folder / "bridge.db"), numbering_of("{ext}@{domain}", "example.com")
    return Bridge(Server(client), switch, memory, numbering, Counts(), Inbox(), 3600.0)


async def test_first_thing_is_a_full_sweep(tmp_path: Path) -> None:
    """Until it is stopped, when the switch is let go."""
    switch = SwitchInMemory("201")
    switch.kept["201"][FEATURES[0]] = CallState(is_on=True)
    async with api(MemoryOperations()) as running, ApiClient(running.url) as client:
        bridge = _bridge(tmp_path, client, switch)
        task = asyncio.create_task(bridge.run())
        async with asyncio.timeout(10):
            while not bridge.counts.to_server:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (switch.connects, switch.is_closed) == (1, True)
        bridge.memory.close()


async def test_place_in_the_journal_is_kept_though_nothing_is_to_be_done(tmp_path: Path) -> None:
    """What others have changed may be purged: a bridge that comes back has missed nothing."""
    operations = MemoryOperations()
    for _ in range(3):
        operations.journal.add(Aor("alice", "elsewhere.example"))
    async with api(operations) as running, ApiClient(running.url) as client:
        bridge = _bridge(tmp_path, client, SwitchInMemory("201"))
        task = asyncio.create_task(bridge.run())
        async with asyncio.timeout(10):
            while bridge.memory.last_event != "3":  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        bridge.memory.close()


async def test_it_ends_where_it_may_not_listen(tmp_path: Path) -> None:
    """With what the server says."""
    tokens = token_file(tmp_path, writer=(["features:read", "features:write"], ()))
    async with (
        api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as running,
        ApiClient(running.url, tokens["writer"]) as client,
    ):
        bridge = _bridge(tmp_path, client, SwitchInMemory("201"))
        with pytest.raises(ApiError, match="events:read"):
            await asyncio.wait_for(bridge.run(), 10)
        bridge.memory.close()
