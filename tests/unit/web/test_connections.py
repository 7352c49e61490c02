"""Clients that are many, slow, or speak no HTTP."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from dfks_rules.web import bodies, connections, server
from dfks_rules.web.caller import Scope
from dfks_rules.web.table import Answer, Call, Operation, Reply
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import ALL, Api, api, token_file

_GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
_ALICE = b"/v1/presentities/sip:alice@example.com"


class _Wire(NamedTuple):
    """One connection, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower case) and body of the next answer."""
        self.writer.write(data)
        return await self.answer()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
            }
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(first.split()[1]), headers, body

    async def rest(self) -> bytes:
        """What comes until the server closes."""
        async with asyncio.timeout(10):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


@asynccontextmanager
async def _wire(web: Api, source: str = "127.0.0.1") -> AsyncIterator[_Wire]:
    host, _, port = web.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=(source, 0))
    try:
        yield _Wire(reader, writer)
    finally:
        writer.close()


def _kind(headers: dict[str, str], body: bytes) -> str:
    assert headers["content-type"] == "application/problem+json"
    return str(orjson.loads(body)["type"].rpartition(":")[2])


async def test_one_connection_too_many_is_told_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are there go on; when one has gone, the next is served."""
    monkeypatch.setattr(connections, "MOST", 2)
    async with api(MemoryOperations()) as web, _wire(web) as one:
        async with _wire(web) as other:
            for wire in (one, other):
                assert (await wire.ask(_GET))[0] == 200
            async with _wire(web) as third:
                status, headers, body = await third.answer()
                assert (status, _kind(headers, body)) == (503, "too-many-connections")
                assert headers["retry-after"] == "2"
                assert await third.rest() == b""
            assert (await one.ask(_GET))[0] == 200
            assert web.server.counts["connections_refused"] == 1
            assert web.server.counts["connections"] == 2
        while web.server.counts["connections"] > 1:  # noqa: ASYNC110 - the socket says when
            await asyncio.sleep(0.01)
        async with _wire(web) as fourth:
            assert (await fourth.ask(_GET))[0] == 200


async def test_whoever_sends_no_whole_head_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slowly, or nothing at all; one that was served keeps its connection."""
    monkeypatch.setattr(connections, "HEAD_WITHIN", 0.2)
    async with api(MemoryOperations()) as web:
        async with _wire(web) as served, _wire(web) as slow, _wire(web) as silent:
            assert (await served.ask(_GET))[0] == 200
            slow.writer.write(_GET[:-2])
            assert await slow.rest() == b""
            assert await silent.rest() == b""
            assert (await served.ask(_GET))[0] == 200
        assert web.server.counts["connections_cut"] == 2


async def test_whoever_is_slow_with_a_further_head_is_cut_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one that is idle."""
    monkeypatch.setattr(connections, "KEEP_ALIVE", 0.3)
    async with api(MemoryOperations()) as web, _wire(web) as wire:
        assert (await wire.ask(_GET))[0] == 200
        wire.writer.write(_GET[:-2])
        assert await wire.rest() == b""


async def test_a_body_that_does_not_come_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set."""
    monkeypatch.setattr(bodies, "WITHIN", 0.1)
    operations = MemoryOperations()
    async with api(operations) as web, _wire(web) as wire:
        status, headers, body = await wire.ask(
            b"PUT " + _ALICE + b"/features/DoNotDisturb HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{"
        )
        assert (status, _kind(headers, body)) == (408, "too-slow")
        assert headers["connection"] == "close"
    assert not operations.states


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"2\r\n{}}", b"fffffffffffffffff\r\n"])
async def test_a_body_that_is_no_http_is_told_so_at_once(chunk: bytes) -> None:
    """Whoever would wait for the rest of it would wait for nothing."""
    operations = MemoryOperations()
    head = (
        b"PUT " + _ALICE + b"/features/DoNotDisturb HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    async with api(operations) as web, _wire(web) as wire:
        wire.writer.write(head + b"1\r\n{\r\n")
        while not web.server.counts["connections"]:  # noqa: ASYNC110 - the socket says when
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # Its head is taken before the rest comes.
        status, headers, body = await wire.ask(chunk)
        assert (status, _kind(headers, body)) == (400, "not-json")
        assert headers["connection"] == "close"
        assert await wire.rest() == b""
    assert not operations.states


@pytest.mark.parametrize("path", [_ALICE, b"/nowhere"])
@pytest.mark.parametrize(
    ("expect", "status", "kind"),
    [(b"wonders", 417, "expectation-failed"), (b"\xff", 400, "bad-parameter")],
)
async def test_what_cannot_be_expected_is_a_problem(
    path: bytes, expect: bytes, status: int, kind: str
) -> None:
    """RFC 9110 §10.1.1; as every other mistake."""
    async with api(MemoryOperations()) as web, _wire(web) as wire:
        data = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nExpect: " + expect + b"\r\n\r\n"
        told, headers, body = await wire.ask(data)
        assert (told, _kind(headers, body)) == (status, kind)
        assert (await wire.ask(_GET))[0] == 200


async def test_whoever_waits_for_100_is_told_to_go_on() -> None:
    """RFC 9110 §10.1.1."""
    operations = MemoryOperations()
    async with api(operations) as web, _wire(web) as wire:
        status, _, _ = await wire.ask(
            b"PUT " + _ALICE + b"/features/DoNotDisturb HTTP/1.1\r\nHost: localhost\r\n"
            b"Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
        )
        assert status == 100
        assert (await wire.ask(b'{"status":"on"}'))[0] == 200
    assert operations.states


def _much() -> Operation:
    async def much(_call: Call) -> Answer:
        return Answer(b"x" * 32_000_000, headers={"Content-Type": "text/plain"})

    return Operation("much", "GET", "/v1/much", Scope.BULK, "M.", much, (Reply(200, "Much."),))


async def test_whoever_does_not_read_his_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of his answer is free again."""
    monkeypatch.setattr(connections, "STALLED", 0.3)
    async with api(MemoryOperations(), table=(_much(),)) as web, _wire(web) as wire:
        wire.writer.write(b"GET /v1/much HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await wire.reader.readexactly(1)
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(10):
            while web.server.counts["connections"]:  # noqa: ASYNC110 - the socket says when
                await asyncio.sleep(0.05)
        assert web.server.counts["connections_cut"] == 1


async def test_many_requests_at_once_are_answered_in_their_order() -> None:
    """Pipelining, of which there is no end either."""
    async with api(MemoryOperations()) as web, _wire(web) as wire:
        count = 300
        wire.writer.write(
            b"".join(b"GET /v1/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % n for n in range(count))
        )
        for number in range(count):
            status, headers, body = await wire.answer()
            assert (status, _kind(headers, body)) == (404, "not-found")
            assert f"/v1/{number}`" in orjson.loads(body)["detail"]


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET " + b"/" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 500 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX\0: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["tls", "version", "url", "header", "headers", "nul", "negative", "twice", "smuggled"],
)
async def test_what_is_no_http_is_a_problem_and_the_end_of_its_connection(data: bytes) -> None:
    """Nobody's log is filled by it."""
    async with api(MemoryOperations()) as web, _wire(web) as wire:
        status, headers, body = await wire.ask(data)
        assert (status, _kind(headers, body)) == (400, "bad-request")
        assert await wire.rest() == b""
        assert web.server.counts["requests_malformed"] == 1


@pytest.mark.parametrize(
    "path",
    [
        b"/v1/presentities/%",
        b"/v1/presentities/%zz",
        b"/v1/presentities/a%00b@example.com",
        b"/v1/presentities/a%0d%0ab@example.com",
        b"/v1/presentities/..%2f..%2fetc@",
        b"/v1/presentities/alice@%F0%9F%93%9E",
        b"/v1/presentities?on=%ff",
        b"/v1/presentities?%ff=%ff",
        b"/v1/presentities?domain=%00",
        b"/v1/presentities?after=%ff",
        b"/v1/history?since=%00",
        b"/v1/%ff",
        b"//v1/presentities",
    ],
)
async def test_odd_paths_are_mistakes_of_the_caller(path: bytes) -> None:
    """400 or 404, as a problem, and the connection goes on."""
    async with api(MemoryOperations()) as web, _wire(web) as wire:
        status, headers, body = await wire.ask(
            b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        assert status in (400, 404), body
        assert _kind(headers, body)
        assert (await wire.ask(_GET))[0] == 200


@pytest.mark.parametrize("header", [b"Host: \xff\xfe", b"Host: localhost\r\nIf-None-Match: \xff"])
async def test_headers_that_are_no_utf_8_are_nobodys_end(header: bytes) -> None:
    """They come as they are, and are told as what can be told."""
    async with api(MemoryOperations()) as web, _wire(web) as wire:
        data = b"GET " + _ALICE + b" HTTP/1.1\r\n" + header + b"\r\n\r\n"
        status, _, body = await wire.ask(data)
        assert status in (200, 400, 403), body


@pytest.mark.parametrize("method", [b"TRACE", b"OPTIONS", b"PROPFIND"])
async def test_other_methods_are_405_with_what_can_be_done(method: bytes) -> None:
    """TRACE echoes nothing."""
    async with api(MemoryOperations()) as web, _wire(web) as wire:
        data = method + b" " + _ALICE + b" HTTP/1.1\r\nHost: localhost\r\nX-Secret: s\r\n\r\n"
        status, headers, body = await wire.ask(data)
        assert (status, _kind(headers, body)) == (405, "method-not-allowed")
        assert headers["allow"] == "DELETE, GET, HEAD, PATCH"
        assert b"X-Secret" not in body


async def test_head_of_a_stream_listens_to_nothing() -> None:
    """There is nobody who would close it."""
    operations = MemoryOperations()
    async with api(operations) as web:
        assert (await web.ask("HEAD", "/v1/events")).status == 200
        assert operations.events.counts["listeners"] == 0
        assert web.server.counts["streams"] == 0


async def test_only_so_many_listen_and_the_others_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A place that is given up is free."""
    monkeypatch.setattr(server, "MOST_STREAMS", 1)
    listen = b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with api(MemoryOperations()) as web:
        async with _wire(web) as one, _wire(web) as other:
            one.writer.write(listen)
            await one.reader.readuntil(b"retry: 2000")
            status, headers, body = await other.ask(listen)
            assert (status, _kind(headers, body)) == (503, "too-many-listeners")
            assert (await other.ask(_GET))[0] == 200
            assert web.server.counts["streams_refused"] == 1
        async with asyncio.timeout(10):
            while web.server.counts["streams"]:  # noqa: ASYNC110 - the socket says when
                await asyncio.sleep(0.05)
        async with _wire(web) as third:
            third.writer.write(listen)
            await third.reader.readuntil(b"retry: 2000")


async def test_a_token_that_listens_as_often_as_it_may_keeps_nobody_out(tmp_path: Path) -> None:
    """Without a bound of its own, a tenant's token took all places, and an operator saw nothing."""
    tokens = token_file(tmp_path, tenant=(["events:read"], ["x.example"]), all=(ALL, ()))
    async with (
        api(MemoryOperations(), TokenFile(tmp_path / "tokens.json"), streams_per_token=2) as web,
        AsyncExitStack() as stack,
    ):

        async def listen(token: str) -> _Wire:
            wire = await stack.enter_async_context(_wire(web))
            head = f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
            wire.writer.write(head.encode())
            return wire

        for name in ("tenant", "tenant", "all"):
            await (await listen(tokens[name])).reader.readuntil(b"retry: 2000")
        status, headers, body = await (await listen(tokens["tenant"])).ask(b"")
        assert (status, _kind(headers, body)) == (429, "too-many-streams")
        assert headers["retry-after"] == "2"
        assert web.server.counts["streams_refused_token"] == 1


async def test_without_tokens_an_address_counts_as_one() -> None:
    """Nobody says who he is."""
    listen = b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with (
        api(MemoryOperations(), streams_per_token=1) as web,
        _wire(web) as one,
        _wire(web) as other,
    ):
        one.writer.write(listen)
        await one.reader.readuntil(b"retry: 2000")
        status, headers, body = await other.ask(listen)
        assert (status, _kind(headers, body)) == (429, "too-many-streams")


async def test_one_address_leaves_connections_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reaches the port needs no token to hold connections."""
    monkeypatch.setattr(connections, "MOST_OF_ADDRESS", 2)
    async with api(MemoryOperations()) as web:
        async with _wire(web) as one, _wire(web) as two:
            for wire in (one, two):
                assert (await wire.ask(_GET))[0] == 200
            async with _wire(web) as three, _wire(web, "127.0.0.2") as other:
                assert (await three.answer())[0] == 503
                assert (await other.ask(_GET))[0] == 200
            assert web.server.counts["connections_refused"] == 1
        async with asyncio.timeout(10):
            while web.server.counts["connections"]:  # noqa: ASYNC110 - the socket says when
                await asyncio.sleep(0.05)
        async with _wire(web) as again:
            assert (await again.ask(_GET))[0] == 200


async def test_whoever_is_turned_away_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection cannot ask in vain as fast as it likes."""
    monkeypatch.setattr(server, "PENALTY", 0.2)
    loop = asyncio.get_running_loop()
    async with api(MemoryOperations(), per_token=0.5) as web:
        assert (await web.ask("GET", _ALICE.decode())).status == 200
        begun = loop.time()
        assert (await web.ask("GET", _ALICE.decode())).kind == "too-many-requests"
        assert loop.time() - begun >= 0.2


async def test_a_connection_that_ends_is_gone_without_the_collector() -> None:
    """The collector looks at new cycles only, and a client may stay for days."""

    def is_there(peer: object) -> bool:
        # Those of tests before this one come and go as they like.
        return any(
            type(one).__name__ == "_SelectorSocketTransport"
            and one.get_extra_info("peername") == peer
            for one in gc.get_objects()
        )

    async with api(MemoryOperations()) as web:
        host, _, port = web.url.removeprefix("http://").partition(":")
        gc.collect()
        gc.disable()
        try:
            async with asyncio.timeout(10):
                with socket.create_connection((host, int(port))) as client:
                    peer = client.getsockname()
                    client.sendall(_GET)
                    while not is_there(peer):  # noqa: ASYNC110 - it is not an event
                        await asyncio.sleep(0.01)
                while is_there(peer):  # noqa: ASYNC110 - it is not an event
                    await asyncio.sleep(0.01)
        finally:
            gc.enable()
