"""Who listens to events."""

import asyncio
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

from dfks_rules.web.api.events import _pieces
from dfks_rules.web.audience import Filter, Listening
from dfks_rules.web.caller import LOCAL
from dfks_rules.web.client import ApiClient
from dfks_rules.web.tokens import TokenFile
from tests.helpers.journal import ALICE
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import ALL, Api, api, token_file

PATH = "/v1/events/streams"
_TOKENS = {
    "desk": (),
    "acme": ("acme.example",),
    "other": ("other.example",),
    "both": ("acme.example", "other.example"),
}


async def _rows(web: Api, count: int) -> list[dict[str, Any]]:
    """All, once there are so many that have been sent what there is."""
    async with asyncio.timeout(10):
        while True:
            got = await web.ask("GET", PATH)
            rows: list[dict[str, Any]] = got.json["items"]
            if len(rows) == count:
                return rows
            await asyncio.sleep(0.01)


async def test_a_bridge_is_listed_while_it_listens_and_when_it_has_gone() -> None:
    """By its name and what it asked for; then with what it will have to catch up on."""
    operations = MemoryOperations()
    for _ in range(3):
        operations.journal.add(ALICE)
    async with api(operations) as web:
        assert await _rows(web, 0) == []
        async with ApiClient(web.url, program="dfks-bridge-asterisk") as client:
            query = {"types": "feature-changed", "domain": "example.com"}
            async with aclosing(client.events("/v1/events", query=query, last="1")) as events:
                assert (await anext(events)).id == "2"
                [row] = await _rows(web, 1)
        assert row["agent"].startswith("dfks-bridge-asterisk/")
        assert (row["token"], row["address"]) == ("api", "127.0.0.1")
        assert (row["types"], row["domain"]) == (["feature-changed"], "example.com")
        assert (row["until"], row["ending"], row["times"]) == (None, None, 1)
        assert {row["lastId"] + row["behind"]} == {3}
        async with asyncio.timeout(10):
            while row["until"] is None:
                [row] = await _rows(web, 1)
        assert row["ending"] == "left"
        operations.journal.add(ALICE)
        [gone] = await _rows(web, 1)
        assert gone["behind"] == row["behind"] + 1


async def test_whoever_is_told_nothing_falls_behind() -> None:
    """Nothing counts as sent before it was written."""
    operations = MemoryOperations()
    operations.journal.add(ALICE)
    listening = Listening(LOCAL, Filter())
    pieces = _pieces(operations.events, 0, lambda _: True, listening)
    await anext(pieces)
    assert listening.place == 0
    assert b"feature-changed" in await anext(pieces)
    assert listening.place == 0
    going_on = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(0)
    assert listening.place == 1
    going_on.cancel()
    await asyncio.wait([going_on])
    await pieces.aclose()


async def test_a_stream_that_has_lost_events_says_so() -> None:
    """A bridge that reads everything anew again and again is slow, or its place is gone."""
    operations = MemoryOperations()
    operations.journal.add(ALICE)
    async with (
        api(operations) as web,
        ApiClient(web.url) as client,
        aclosing(client.events("/v1/events", last="99")) as events,
        asyncio.timeout(10),
    ):
        assert (await anext(events)).type == "gap"
        while not (await _rows(web, 1))[0]["gaps"]:
            pass


async def test_a_tenant_sees_who_listens_to_his_domains_only(tmp_path: Path) -> None:
    """Whoever sees all also hears of others."""
    given = {name: (ALL, domains) for name, domains in _TOKENS.items()}
    tokens = token_file(tmp_path, **given)
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as web:
        web.token = tokens["desk"]
        async with AsyncExitStack() as stack:
            for name in _TOKENS:
                client = await stack.enter_async_context(ApiClient(web.url, tokens[name]))
                events = client.events("/v1/events", with_places=True)
                await anext(await stack.enter_async_context(aclosing(events)))
            assert {one["token"] for one in await _rows(web, 4)} == set(_TOKENS)
            web.token = tokens["acme"]
            [row] = await _rows(web, 1)
            assert (row["token"], row["domains"]) == ("acme", ["acme.example"])
            web.token = tokens["both"]
            assert {one["token"] for one in await _rows(web, 3)} == {"acme", "other", "both"}


async def test_where_no_changes_are_kept_nobody_can_listen() -> None:
    """The list says so as events do."""
    operations = MemoryOperations()
    operations.journal.is_broken = True
    async with api(operations) as web:
        assert (await web.ask("GET", PATH)).kind == "store-unavailable"
