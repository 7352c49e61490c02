"""What a bridge makes of the answers of `/v1`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from dfks_rules.bridges.server import (
    NOWHERE,
    ChangedError,
    RefusedError,
    Server,
    ServerAwayError,
    change_of,
    is_useless,
)
from dfks_rules.model.features import Feature
from dfks_rules.web.client import ApiClient, ApiError
from dfks_rules.web.problem import Problem
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import api

DND = Feature.DO_NOT_DISTURB
ALICE = "sip:alice@example.com"


@asynccontextmanager
async def _answering(status: int, kind: str = "") -> AsyncIterator[Server]:
    """A server that answers everything with one problem."""

    async def answer(_: web.BaseRequest) -> web.Response:
        told = Problem(kind).body if kind else {"title": "no"}
        return web.json_response(told, status=status)

    server = web.Server(answer)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with ApiClient(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            yield Server(client)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (403, "refused-by-policy", RefusedError),
        (422, "value-not-of-feature", RefusedError),
        (412, "changed-meanwhile", ChangedError),
        (409, "conflict", ChangedError),
        (503, "store-unavailable", ServerAwayError),
        (429, "too-many-requests", ServerAwayError),
        (502, "", ServerAwayError),
        (403, "scope-missing", ApiError),
        (404, "not-found", ApiError),
    ],
)
async def test_answers_to_a_set_are_told_apart(
    status: int, kind: str, error: type[Exception]
) -> None:
    """Whether to write back, look again, try again, or give up."""
    async with _answering(status, kind) as server:
        with pytest.raises(error):
            await server.set(ALICE, DND, {"status": "on"}, change_of(0))


@pytest.mark.parametrize(
    ("kind", "useless"),
    [("token-needed", True), ("scope-missing", True), ("not-kept", True), ("not-found", False)],
)
def test_what_no_request_mends_is_known(kind: str, useless: bool) -> None:
    """An operator has to do something."""
    assert is_useless(ApiError("no", 400, {"type": f"urn:dfks:problem:{kind}"})) is useless


async def test_nobody_at_the_port_is_away() -> None:
    """It may come back."""
    async with ApiClient("http://127.0.0.1:9") as client:
        with pytest.raises(ServerAwayError):
            await Server(client).show(ALICE)
        with pytest.raises(ServerAwayError):
            await anext(Server(client).events("example.com", ""))


def test_every_change_has_a_key_of_its_own() -> None:
    """What was refused once is asked anew."""
    assert change_of(1).key != change_of(1).key
    assert NOWHERE.isdecimal()


async def test_states_are_read_and_set() -> None:
    """With the real API; an old revision is not overwritten."""
    async with api(MemoryOperations()) as running, ApiClient(running.url) as client:
        server = Server(client)
        before = await server.show(ALICE)
        after = await server.set(ALICE, DND, {"status": "on"}, change_of(before.revision))
        assert (await server.show(ALICE)).features["DoNotDisturb"]["status"] == "on"
        assert after == before.revision + 1
        with pytest.raises(ChangedError):
            await server.set(ALICE, DND, {"status": "off"}, change_of(before.revision))
        assert ALICE in [uri async for uri, _ in server.every("example.com")]
