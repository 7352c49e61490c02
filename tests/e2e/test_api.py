"""The HTTP API of a real server, over restarts and `kill -9`."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dfks_rules.web.client import ApiClient, ApiError, Event
from tests.helpers.server import Server, serve
from tests.helpers.ua import Ua
from tests.helpers.web import api_url

pytestmark = pytest.mark.e2e
_ALICE = "/v1/presentities/sip:alice@example.com"
_DND = f"{_ALICE}/features/DoNotDisturb"


def _config(folder: Path) -> dict[str, Any]:
    return {"store": f"sqlite:{folder / 'dfks.db'}", "http": {"listen": "127.0.0.1:0"}}


async def _put(url: str, status: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with ApiClient(url) as client:
        return await client.ask("PUT", _DND, body={"status": status}, headers=named)


def test_an_answer_is_given_again_after_kill_9(tmp_path: Path) -> None:
    """The client that heard nothing asks again; nothing happens twice."""
    with serve(tmp_path, _config(tmp_path)) as server:
        first = asyncio.run(_put(api_url(server), "on", Idempotency_Key="k-1", If_Match='"0"'))
        server.kill()
    with serve(tmp_path, _config(tmp_path)) as server:
        url = api_url(server)
        again = asyncio.run(_put(url, "on", Idempotency_Key="k-1", If_Match='"0"'))
        assert again == first
        with pytest.raises(ApiError) as reused:
            asyncio.run(_put(url, "off", Idempotency_Key="k-1", If_Match='"0"'))
        assert reused.value.kind == "idempotency-key-reused"
        with pytest.raises(ApiError) as stale:
            asyncio.run(_put(url, "off", If_Match='"0"'))
        assert (stale.value.status, stale.value.kind) == (412, "changed-meanwhile")


async def _press(url: str) -> None:
    """Switch it on and off until the server is gone, or has enough of it."""
    async with ApiClient(url) as client:
        for number in range(10_000):
            await client.ask("PUT", _DND, body={"status": "off" if number % 2 else "on"})


async def _revisions(url: str, after: int, seen: list[int], enough: int) -> None:
    """Listen until a revision has come."""
    async with ApiClient(url) as client, asyncio.timeout(20):
        async for event in client.events("/v1/events", last=str(after)):
            seen.append(event.data["revision"])
            # One change of one feature at a time.
            assert event.id == str(seen[-1])
            if seen[-1] >= enough:
                return


async def _kill_while_pressing(server: Server, seen: list[int]) -> None:
    url = api_url(server)
    pressing = asyncio.create_task(_press(url))
    await _revisions(url, 0, seen, enough=10)
    listening = asyncio.create_task(_revisions(url, seen[-1], seen, enough=10_000))
    await asyncio.sleep(0.1)
    server.kill()
    for task in (pressing, listening):
        with pytest.raises(ApiError):
            await task


def test_a_listener_misses_no_change_over_kill_9(tmp_path: Path) -> None:
    """He comes back with the id of the last event, and is told each change once, in order."""
    config, seen = _config(tmp_path), list[int]()
    with serve(tmp_path, config) as server:
        asyncio.run(_kill_while_pressing(server, seen))
    with serve(tmp_path, config) as server:
        url = api_url(server)
        body = {"CallForwardingAlways": {"status": "on", "forwardTo": "201"}}

        async def set_one_more() -> int:
            async with ApiClient(url) as client:
                told = await client.ask("PATCH", _ALICE, body=body)
                return int(told["revision"])

        last = asyncio.run(set_one_more())
        asyncio.run(_revisions(url, seen[-1], seen, enough=last))
    assert seen == list(range(1, last + 1))


async def _come_and_go(url: str, phone: Ua) -> list[Event]:
    """What is told of a phone that subscribes, and ends it."""
    found: list[Event] = []
    async with ApiClient(url) as client, asyncio.timeout(20):
        stream = client.events("/v1/events", query={"presentity": phone.aor})
        come = asyncio.ensure_future(anext(stream))
        while not (await client.ask("GET", "/v1/statistics"))["events:listeners"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.to_thread(phone.subscribe)
        listed = await client.ask("GET", "/v1/subscriptions")
        assert [one["presentity"] for one in listed["items"]] == [phone.aor]
        await asyncio.to_thread(phone.subscribe, expires=0)
        found += [await come, await anext(stream)]
        assert (await client.ask("GET", "/v1/subscriptions"))["items"] == []
    return found


def test_a_phone_that_comes_and_goes_is_an_event(tmp_path: Path) -> None:
    """And it is in the list as long as it is there."""
    with serve(tmp_path, _config(tmp_path)) as server, Ua(server.ports["udp"]) as phone:
        come, gone = asyncio.run(_come_and_go(api_url(server), phone))
    assert (come.type, come.data["watcher"]) == ("subscription-started", phone.aor)
    assert (gone.type, gone.data["reason"]) == ("subscription-ended", "timeout")
    assert come.data["callId"] == gone.data["callId"] == phone.call_id
