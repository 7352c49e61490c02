"""The client of our own commands."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dfks_rules.web.caller import Scope
from dfks_rules.web.client import ApiClient, ApiError, _event
from dfks_rules.web.table import Answer, Call, Operation, Reply
from tests.helpers.journal import ALICE
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations
from tests.helpers.web import api

_ALICE = "/v1/presentities/sip:alice@example.com"


async def test_it_gives_json_and_takes_json() -> None:
    """What the server answers."""
    async with api(MemoryOperations()) as web, ApiClient(web.url) as client:
        path = f"{_ALICE}/features/DoNotDisturb"
        told = await client.ask("PUT", path, body={"status": "on"}, headers={"Dfks-Param": "t"})
        assert told["revision"] == 1
        found = await client.ask("GET", "/v1/presentities", query={"on": "DoNotDisturb"})
        assert [one["presentity"] for one in found["items"]] == ["sip:alice@example.com"]


async def test_a_problem_is_an_error_that_says_which() -> None:
    """With all its members."""
    async with api(MemoryOperations()) as web, ApiClient(web.url) as client:
        body = {"status": "on", "forwardTo": REFUSED_TARGET}
        with pytest.raises(ApiError) as refused:
            await client.ask("PUT", f"{_ALICE}/features/CallForwardingAlways", body=body)
        error = refused.value
        assert (error.status, error.kind) == (403, "refused-by-policy")
        assert error.problem["rule"] == "default/no-premium"
        assert str(error).startswith("403 A policy refuses this: ")


async def test_a_server_that_is_not_there_is_an_error_too() -> None:
    """In words, with its address."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        async with ApiClient(url) as client:
            with pytest.raises(
                ApiError, match=f"^cannot reach {url}: connection refused$"
            ) as failed:
                await client.ask("GET", "/healthz")
            assert (failed.value.status, failed.value.kind) == (0, "")


@pytest.mark.parametrize("url", ["not-a-url", "ftp://example.com", "127.0.0.1:8080"])
async def test_what_is_no_url_is_said_to_be_none(url: str) -> None:
    """Nobody has to guess what is wrong with it."""
    async with ApiClient(url) as client:
        with pytest.raises(ApiError, match=rf"^cannot reach {url}: not a URL such as "):
            await client.ask("GET", "/healthz")


async def test_it_reads_a_list_page_by_page() -> None:
    """To its end."""
    operations = MemoryOperations()
    async with api(operations) as web, ApiClient(web.url) as client:
        for name in ("anna", "bob", "carla"):
            path = f"/v1/presentities/{name}@example.com/features/DoNotDisturb"
            await client.ask("PUT", path, body={"status": "on"})
        found = [one async for one in client.pages("/v1/presentities", {"limit": 2})]
        assert [one["presentity"] for one in found] == [
            "sip:anna@example.com",
            "sip:bob@example.com",
            "sip:carla@example.com",
        ]


async def test_it_goes_on_after_the_last_event_that_it_knows() -> None:
    """By its id."""
    operations = MemoryOperations()
    for _ in range(3):
        operations.journal.add(ALICE)
    async with api(operations) as web, ApiClient(web.url) as client:
        async for event in client.events("/v1/events", last="2"):
            assert (event.id, event.type) == ("3", "feature-changed")
            break


async def test_an_answer_that_is_no_problem_is_an_error_with_its_status() -> None:
    """As of a proxy in between."""

    async def odd(_call: Call) -> Answer:
        return Answer(b"[bad gateway", 502)

    table = (Operation("odd", "GET", "/v1/odd", Scope.BULK, "Odd.", odd, (Reply(502, "Odd."),)),)
    async with api(MemoryOperations(), table=table) as web, ApiClient(web.url) as client:
        with pytest.raises(ApiError, match="502 status 502"):
            await client.ask("GET", "/v1/odd")


def test_a_block_of_lines_is_an_event_unless_it_has_no_data() -> None:
    """As the specification of EventSource says; a comment is none."""
    event = _event('id: 7\nevent: gap\ndata: {"a":\ndata: 1}')
    assert event is not None
    assert (event.id, event.type, event.data) == ("7", "gap", {"a": 1})
    assert _event(": alive") is None
    assert _event("retry: 2000") is None


@asynccontextmanager
async def _always(answer: bytes) -> AsyncIterator[ApiClient]:
    """A client of a server that answers this to everything, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, ApiClient(f"http://127.0.0.1:{port}") as client:
        yield client


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
async def test_an_answer_that_breaks_off_is_an_error(status: str) -> None:
    """A bridge would end by it, and a command with a traceback."""
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 100\r\n\r\n[1".encode()
    async with _always(answer) as client:
        with pytest.raises(ApiError, match=r"^the answer of \S+ broke off$") as broken:
            await client.ask("GET", "/v1/statistics")
        assert broken.value.status == 0
        with pytest.raises(ApiError, match="broke off"):
            await client.send("POST", "/v1/imports", b"a", "text/csv")


async def test_an_answer_that_is_not_json_is_an_error() -> None:
    """As of a proxy that has a page for everything."""
    async with _always(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>") as client:
        with pytest.raises(ApiError, match="did not answer with JSON"):
            await client.ask("GET", "/v1/statistics")
