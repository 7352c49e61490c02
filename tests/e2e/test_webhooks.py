"""Webhooks of a real server, told to a real receiver."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from dfks_rules.web.client import ApiClient
from tests.helpers.published import ROOT
from tests.helpers.receiver import Receiver, answering, receiving
from tests.helpers.server import Server, serve
from tests.helpers.ua import Ua, dnd

pytestmark = pytest.mark.e2e

WITHIN = 30.0
"""Seconds."""


def _config(folder: Path) -> dict[str, object]:
    return {
        "store": f"sqlite:{folder / 'dfks.db'}",
        "http": {"listen": "127.0.0.1:0"},
        "webhooks": {"allow_networks": ["127.0.0.0/8"]},
    }


@asynccontextmanager
async def _api(server: Server) -> AsyncIterator[ApiClient]:
    found = re.search(r"^  api (http://\S+)$", server.banner, re.MULTILINE)
    assert found is not None
    async with ApiClient(found[1]) as client:
        yield client


async def _set(api: ApiClient, user: str, number: int) -> int:
    """Forward a user to a number; gives the revision."""
    path = f"/v1/presentities/{user}@example.com/features/CallForwardingAlways"
    body = {"status": "on", "forwardTo": str(2000 + number)}
    told = await api.ask("PUT", path, body=body)
    return int(told["revision"])


def _in_order(receiver: Receiver) -> dict[str, list[int]]:
    """Subject → revisions as they came, each once."""
    found: dict[str, list[int]] = {}
    for got in receiver.got:
        told = got.told
        revisions = found.setdefault(told["subject"], [])
        if told["data"]["revision"] not in revisions:
            revisions.append(told["data"]["revision"])
    return found


async def _until(receiver: Receiver, newest: dict[str, int]) -> None:
    """Wait until every last state has come."""
    async with asyncio.timeout(WITHIN):
        while {who: numbers[-1] for who, numbers in _in_order(receiver).items()} != newest:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_key_that_is_pressed_arrives_signed(tmp_path: Path) -> None:
    """With all states, who did it, and by which decision; a foreign library verifies it."""
    async with receiving() as receiver:
        with serve(tmp_path, _config(tmp_path)) as server:
            async with _api(server) as api:
                made = await api.ask("POST", "/v1/webhooks", body={"url": receiver.url})
                with Ua(server.ports["udp"], "sip:alice@example.com") as phone:
                    phone.request(body=dnd(True))
                    assert phone.response().status == 200
                async with asyncio.timeout(WITHIN):
                    await receiver.until(1)
            [got] = receiver.got
            assert Webhook(made["secret"]).verify(got.body, got.headers) == got.told
            told: dict[str, Any] = got.told
            assert told["type"] == "dfks.feature.changed.v1"
            assert told["subject"] == "sip:alice@example.com"
            data = told["data"]
            assert data["revision"] == 1
            assert data["features"]["DoNotDisturb"] == {"status": "on"}
            assert len(data["features"]) >= 4
            assert [one["feature"] for one in data["changed"]] == ["DoNotDisturb"]
            assert (data["origin"], data["actor"]) == ("watcher", "sip:alice@example.com")
            assert told["id"].partition("-")[0] == data["decision"].partition("-")[0]


async def test_kill_9_loses_nothing_and_keeps_the_order(tmp_path: Path) -> None:
    """Neither while events are under way, nor while the receiver is away; ids stay the same."""
    newest: dict[str, int] = {}
    config = _config(tmp_path)
    async with receiving() as receiver:
        for life in range(4):
            with serve(tmp_path, config) as server:
                async with _api(server) as api:
                    if life == 0:
                        await api.ask("POST", "/v1/webhooks", body={"url": receiver.url})
                    if life == 1:
                        receiver.behave = answering("503 Down", "Retry-After: 0")
                    if life == 2:
                        receiver.behave = answering("200 OK")
                    for number in range(60):
                        user = f"user{number % 12}"
                        uri = f"sip:{user}@example.com"
                        newest[uri] = await _set(api, user, 100 * life + number)
                if life < 3:
                    server.kill()
                else:
                    await _until(receiver, newest)
    taken = list(receiver.got)
    for revisions in _in_order(receiver).values():
        assert revisions == list(range(1, 21))
    names = {(got.told["subject"], got.told["data"]["revision"]): got.told["id"] for got in taken}
    assert len(set(names.values())) == len(names) == 240
    assert all(
        got.headers["webhook-id"] == names[got.told["subject"], got.told["data"]["revision"]]
        for got in taken
    )


async def test_a_receiver_that_does_anything_harms_nobody(tmp_path: Path) -> None:
    """Phones and the other receiver are served while one sleeps, babbles and hangs up."""
    turn = iter(range(1_000_000))

    async def anything(_got: object, writer: asyncio.StreamWriter) -> None:
        match next(turn) % 4:
            case 0:
                await asyncio.sleep(60)
            case 1:
                writer.write(b"\x00\x01garbage\r\n\r\n")
                writer.close()
            case 2:
                writer.close()
            case _:
                writer.write(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")

    async with receiving() as bad, receiving() as good:
        bad.behave = anything
        with serve(tmp_path, _config(tmp_path)) as server:
            async with _api(server) as api:
                for receiver in (bad, good):
                    await api.ask("POST", "/v1/webhooks", body={"url": receiver.url})
                newest = {}
                for number in range(60):
                    user = f"user{number % 12}"
                    newest[f"sip:{user}@example.com"] = await _set(api, user, number)
                await _until(good, newest)
                rows = (await api.ask("GET", "/v1/webhooks"))["items"]
                assert rows[0]["failingLanes"] + rows[0]["lag"] > 0
                assert (rows[1]["lag"], rows[1]["results"]["delivered"]) == (0, 60)
                assert bad.got


async def test_an_endpoint_is_told_again_after_it_was_replaced(tmp_path: Path) -> None:
    """410 switches it off in the store; a new life does not ask it, until somebody says so."""
    config = _config(tmp_path)
    async with receiving() as receiver:
        receiver.behave = answering("410 Gone")
        with serve(tmp_path, config) as server:
            async with _api(server) as api:
                made = await api.ask("POST", "/v1/webhooks", body={"url": receiver.url})
                path = f"/v1/webhooks/{made['id']}"
                await _set(api, "alice", 1)
                async with asyncio.timeout(WITHIN):
                    while (await api.ask("GET", path))["active"]:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
            assert server.stop() == 0
        receiver.behave = answering("200 OK")
        with serve(tmp_path, config) as server:
            async with _api(server) as api:
                assert (await api.ask("GET", path))["offReason"] == "it answered 410 Gone"
                await _set(api, "alice", 2)
                assert len(receiver.got) == 1
                await api.ask("PATCH", path, body={"active": True})
                await _until(receiver, {"sip:alice@example.com": 2})
            assert server.stop() == 0
    assert [got.told["data"]["revision"] for got in receiver.got] == [1, 1, 2]


async def test_the_receiver_of_the_how_to_verifies_what_it_prints(tmp_path: Path) -> None:
    """It is run as it stands there; what somebody else has signed gets 401."""
    page = (ROOT / "docs/howto/webhooks.md").read_text("utf-8")
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(code.splitlines()) - code.count("\n\n") <= 22
    (tmp_path / "receiver.py").write_text(code)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serve(tmp_path, _config(tmp_path)) as server:
        async with _api(server) as api:
            body = {"url": f"http://127.0.0.1:{port}/dfks"}
            made = await api.ask("POST", "/v1/webhooks", body=body)
            await _set(api, "alice", 1)
            env = {**os.environ, "WEBHOOK_SECRET": made["secret"], "PORT": str(port)}
            process = await asyncio.create_subprocess_exec(
                sys.executable, str(tmp_path / "receiver.py"), env=env, stdout=subprocess.PIPE
            )
            try:
                assert process.stdout is not None
                async with asyncio.timeout(WITHIN):
                    assert await process.stdout.readline() == b"sip:alice@example.com off\n"
                path = f"/v1/webhooks/{made['id']}"
                assert (await api.ask("POST", f"{path}/test"))["status"] == 200
                forger = await api.ask("POST", "/v1/webhooks", body=body)
                told = await api.ask("POST", f"/v1/webhooks/{forger['id']}/test")
                assert (told["result"], told["status"]) == ("refused", 401)
            finally:
                process.kill()
                await process.wait()
