"""Who is let in, what goes wrong, and how it is told."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from structlog.testing import capture_logs

from dfks_rules.errors import StoreError
from dfks_rules.transport.inherited import DOORS
from dfks_rules.web.api import TABLE
from dfks_rules.web.bodies import MAX_BODY
from dfks_rules.web.caller import Scope
from dfks_rules.web.server import PENALTY
from dfks_rules.web.table import SMALL, Answer, Call, Operation, Streamed
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import MemoryOperations
from tests.helpers.transports import until
from tests.helpers.web import ALL, api, token_file

_ALICE = "/v1/presentities/sip:alice@example.com"
_ON = {"status": "on"}


async def test_nobody_learns_anything_without_a_token(tmp_path: Path) -> None:
    """401 comes before any look at path or body; what load balancers ask needs none."""
    tokens = token_file(tmp_path, desk=(ALL, ()))
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as web:
        for method, path in (("GET", _ALICE), ("GET", "/nothing"), ("DELETE", _ALICE)):
            got = await web.ask(method, path)
            assert (got.status, got.kind) == (401, "token-needed")
            assert got.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await web.ask("GET", "/healthz")).status == 200
        assert (
            await web.ask("GET", _ALICE, Authorization=f"Bearer {tokens['desk']}")
        ).status == 200


async def test_failures_are_told_in_the_language_that_is_asked_for(tmp_path: Path) -> None:
    """For people; programs read the type, which is the same in each."""
    token_file(tmp_path, desk=(ALL, ()))
    async with api(MemoryOperations()) as web:
        got = await web.ask("GET", "/v1/presentities/nobody", Accept_Language="de-DE, en;q=0.5")
        assert (got.kind, got.headers["Content-Language"]) == ("bad-presentity", "de")
        assert got.json["title"] == "Das ist keine Adresse eines Teilnehmers"
        got = await web.ask("GET", "/nothing", Accept_Language="de")
        assert got.json["detail"] == "`/nothing` gibt es nicht"
        for language in ("", "fr"):
            got = await web.ask("GET", "/v1/presentities/nobody", Accept_Language=language)
            assert got.headers["Content-Language"] == "en"
            assert got.json["title"] == "This is not an address of record"


async def test_caches_know_that_answers_depend_on_the_language() -> None:
    """What is kept of one reader must not be shown to the next."""
    async with api(MemoryOperations()) as web:
        for path in (_ALICE, "/nothing", "/v1/policies"):
            got = await web.ask("GET", path, Accept_Language="de")
            assert got.headers["Vary"] == "Accept-Language"
            assert got.headers["Content-Language"] == "de"


async def test_what_a_database_says_stands_within_a_german_sentence() -> None:
    """It speaks English, as libraries do."""
    operations = MemoryOperations()
    operations.studies.error = StoreError("store_unavailable", "disk I/O error")
    async with api(operations) as web:
        got = await web.ask("GET", "/v1/policies/findings", Accept_Language="de")
        assert got.json["title"] == "Der Speicher ist nicht erreichbar"
        assert got.json["detail"] == "gemeldet wurde: disk I/O error"


async def test_no_answer_names_the_versions_of_python_and_of_libraries() -> None:
    """Whoever looks for servers with a known hole finds none by that."""
    async with api(MemoryOperations()) as web:
        for path in ("/healthz", "/metrics", "/nothing", _ALICE):
            assert (await web.ask("GET", path)).headers["Server"] == "dfks-rules"
        url = urlsplit(web.url)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(b"NONSENSE\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert b"Server: dfks-rules\r\n" in head


async def test_a_token_does_what_its_scopes_say(tmp_path: Path) -> None:
    """The scope that is missing is named."""
    tokens = token_file(tmp_path, reader=(["features:read"], ()))
    operations = MemoryOperations()
    async with api(operations, TokenFile(tmp_path / "tokens.json")) as web:
        web.token = tokens["reader"]
        assert (await web.ask("GET", _ALICE)).status == 200
        got = await web.ask("PUT", f"{_ALICE}/features/DoNotDisturb", _ON)
        assert (got.status, got.kind, got.json["scope"]) == (403, "scope-missing", "features:write")
    assert not operations.states


async def test_another_domains_presentity_is_not_there(tmp_path: Path) -> None:
    """A tenant must not even learn that somebody exists."""
    tokens = token_file(tmp_path, acme=(ALL, ["acme.example"]))
    operations = MemoryOperations()
    async with api(operations, TokenFile(tmp_path / "tokens.json")) as web:
        web.token = tokens["acme"]
        for method, path, body in (
            ("GET", _ALICE, None),
            ("PUT", f"{_ALICE}/features/DoNotDisturb", _ON),
            ("PATCH", _ALICE, {"DoNotDisturb": _ON}),
            ("POST", f"{_ALICE}/notify", None),
            ("GET", "/v1/presentities?domain=example.com", None),
        ):
            got = await web.ask(method, path, body)
            assert (got.status, got.kind) == (404, "not-found"), path
        mine = "/v1/presentities/sip:alice@acme.example"
        assert (await web.ask("PUT", f"{mine}/features/DoNotDisturb", _ON)).status == 200
        await web.ask("GET", "/v1/presentities")
    assert [aor.domain for aor in operations.states] == ["acme.example"]


async def test_the_name_of_the_token_is_the_actor(tmp_path: Path) -> None:
    """The journal says who switched it on."""
    tokens = token_file(tmp_path, desk=(ALL, ()))
    operations = MemoryOperations()
    async with api(operations, TokenFile(tmp_path / "tokens.json")) as web:
        web.token = tokens["desk"]
        await web.ask("PUT", f"{_ALICE}/features/DoNotDisturb", _ON)
    assert operations.actors == ["desk"]


async def test_a_token_that_is_revoked_is_refused_at_once(tmp_path: Path) -> None:
    """Without a restart; a file that cannot be read leaves what was there."""
    tokens = token_file(tmp_path, desk=(ALL, ()))
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as web:
        web.token = tokens["desk"]
        assert (await web.ask("GET", _ALICE)).status == 200
        (tmp_path / "tokens.json").write_text("{")
        assert (await web.ask("GET", _ALICE)).status == 200
        token_file(tmp_path, other=(ALL, ()))
        assert (await web.ask("GET", _ALICE)).status == 401


async def test_a_web_page_that_rebinds_its_name_to_loopback_is_refused() -> None:
    """Without tokens, Host is what tells it from an operator."""
    async with api(MemoryOperations(), names=frozenset(["keys.example.com"])) as web:
        got = await web.ask("GET", _ALICE, Host="evil.example")
        assert (got.status, got.kind) == (403, "wrong-host")
        assert (await web.ask("GET", _ALICE, Host="keys.example.com")).status == 200
        assert (await web.ask("GET", _ALICE, Host="localhost:8080")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/nothing", 404, "not-found"),
        ("DELETE", "/v1/statistics", 405, "method-not-allowed"),
        ("GET", "/v1/presentities/alice", 400, "bad-presentity"),
        ("GET", "/v1/presentities?limit=0", 400, "bad-parameter"),
        ("GET", "/v1/presentities?domain=", 400, "bad-parameter"),
        ("GET", f"/v1/presentities?domain={'d' * 256}", 400, "bad-parameter"),
        ("GET", "/v1/presentities?limit=1&limit=2", 400, "bad-parameter"),
        ("GET", "/v1/presentities?colour=red", 400, "bad-parameter"),
        ("GET", "/v1/presentities?after=x", 400, "bad-cursor"),
        ("PUT", f"{_ALICE}/features/Nothing", 404, "no-such-feature"),
    ],
)
async def test_what_cannot_be_asked_is_said(method: str, path: str, status: int, kind: str) -> None:
    """Each mistake has a kind of its own."""
    async with api(MemoryOperations()) as web:
        got = await web.ask(method, path, _ON if method == "PUT" else None)
        assert (got.status, got.kind) == (status, kind)


@pytest.mark.parametrize(
    ("data", "content_type", "status", "kind"),
    [
        (b"{", "application/json", 400, "not-json"),
        (b"{}", "text/plain", 415, "wrong-content-type"),
        (b'{"status": "x"}', "application/json", 422, "invalid-body"),
        (b" " * (SMALL + 1), "application/json", 413, "too-large"),
        (b" " * (MAX_BODY + 1), "application/json", 413, "too-large"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused(
    data: bytes, content_type: str, status: int, kind: str
) -> None:
    """Before anything happens."""
    operations = MemoryOperations()
    async with api(operations) as web:
        path = f"{_ALICE}/features/DoNotDisturb"
        got = await web.ask("PUT", path, data=data, Content_Type=content_type)
        assert (got.status, got.kind) == (status, kind)
    assert not operations.states


async def test_a_token_that_asks_too_often_waits() -> None:
    """It is told for how long; phones come first."""
    async with api(MemoryOperations(), per_token=1) as web:
        answers = [await web.ask("GET", _ALICE) for _ in range(4)]
        assert [got.status for got in answers][:2] == [200, 200]
        assert answers[-1].kind == "too-many-requests"
        assert answers[-1].headers["Retry-After"] == "2"
        assert (await web.ask("GET", "/healthz")).status == 200


async def test_a_mistake_of_ours_is_one_answer_and_not_the_end() -> None:
    """The next request is served."""

    async def fail(_call: Call) -> Answer:
        raise RuntimeError("ours")

    async def disk(_call: Call) -> Answer:
        raise StoreError("store_unavailable", "disk is full")

    broken = Operation("fail", "GET", "/v1/fail", Scope.BULK, "Fails.", fail, ())
    full = Operation("disk", "GET", "/v1/disk", Scope.BULK, "Fails.", disk, ())
    async with api(MemoryOperations(), table=(*TABLE, broken, full)) as web:
        # Told to nobody here: to print it for people holds the loop so long that 429 would follow.
        with capture_logs() as told:
            got = await web.ask("GET", "/v1/fail")
        assert (got.status, got.kind) == (500, "internal-error")
        assert [(one["event"], one["operation"]) for one in told] == [
            ("web_request_failed", "fail")
        ]
        got = await web.ask("GET", "/v1/disk")
        assert (got.status, got.kind) == (503, "store-unavailable")
        assert got.headers["Retry-After"] == "2"
        assert (await web.ask("GET", "/healthz")).json == {"status": "ok"}
        assert web.server.served["fail", 500] == 1


async def test_an_answer_is_a_line() -> None:
    """The prompt of whoever tries it with curl stands below it."""
    async with api(MemoryOperations()) as web:
        for path in (_ALICE, "/nothing", "/openapi.json"):
            assert (await web.ask("GET", path)).body.endswith(b"}\n")


@pytest.mark.parametrize(
    "user", ["a%7Bb%7D", "a%2Fb", "a%25", "a%3Fb%23c", "%24", "a%5Cb", "a;b=c"]
)
async def test_a_user_may_be_called_anything(user: str) -> None:
    """A presentity is one part of a path, whatever is in it."""
    async with api(MemoryOperations()) as web:
        path = f"/v1/presentities/sip:{user}@example.com/features/DoNotDisturb"
        assert (await web.ask("PUT", path, _ON)).status == 200
        got = await web.ask("GET", "/v1/presentities")
        (found,) = got.json["items"]
        assert found["presentity"] == f"sip:{unquote(user)}@example.com"


async def test_head_is_get_without_a_body() -> None:
    """Load balancers ask like this."""
    async with api(MemoryOperations()) as web:
        got = await web.ask("HEAD", _ALICE)
        assert (got.status, got.headers["ETag"], got.body) == (200, '"0"', b"")


async def test_a_stop_lets_what_was_asked_be_answered() -> None:
    """And leaves nothing open."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call) -> Answer:
        begun.set()
        await go_on.wait()
        return Answer({"done": True})

    table = (Operation("slow", "GET", "/v1/slow", Scope.BULK, "Waits.", slow, ()),)
    async with api(MemoryOperations(), table=table) as web:
        asked = asyncio.create_task(web.ask("GET", "/v1/slow"))
        await begun.wait()
        closing = asyncio.create_task(web.server.close())
        await asyncio.sleep(0)
        go_on.set()
        assert (await asked).json == {"done": True}
        await closing


async def test_what_goes_on_for_a_client_ends_with_it() -> None:
    """A stream that nobody reads would be looked after for as long as the server runs."""
    ended = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"still here\n"
                await asyncio.sleep(0.001)
        finally:
            ended.set()

    async def stream(call: Call) -> Streamed:
        return Streamed(pieces(), "text/plain")

    operation = Operation("stream", "GET", "/stream", Scope.TRACE, "Goes on.", stream, ())
    async with api(MemoryOperations(), table=(operation,)) as web:
        where = urlsplit(web.url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"still here")
        writer.transport.abort()
        async with asyncio.timeout(5):
            await ended.wait()
        await until(lambda: bool(web.server.served))
        # It was not the server that failed.
        assert web.server.served == {("stream", 200): 1}


async def test_headers_that_are_not_utf8_are_refused() -> None:
    """An answer that told of them could not be written: it was 500 in plain text."""
    async with api(MemoryOperations()) as web:
        where = urlsplit(web.url)
        for header in (b"If-Match", b"Idempotency-Key", b"Content-Type", b"Authorization"):
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
            head = f"PUT {_ALICE}/features/DoNotDisturb HTTP/1.1\r\nHost: localhost\r\n".encode()
            writer.write(head + header + b": \xff\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            assert answer.startswith(b"HTTP/1.1 400")
            assert header in answer.partition(b"\r\n\r\n")[2]


async def test_what_needs_no_token_is_asked_no_faster_than_the_rest() -> None:
    """It is answered all the same: a load balancer must not think that the server is down."""
    async with api(MemoryOperations(), per_token=1) as web:
        begun = time.monotonic()
        answers = [await web.ask("GET", "/healthz") for _ in range(3)]
        assert [got.status for got in answers] == [200, 200, 200]
        assert time.monotonic() - begun >= PENALTY


async def test_what_is_not_there_is_asked_no_faster_than_the_rest() -> None:
    """No budget is charged for it: thousands of requests a second delayed phones."""
    async with api(MemoryOperations(), per_token=1) as web:
        begun = time.monotonic()
        for method, path in (("GET", "/nothing"), ("DELETE", "/healthz"), ("GET", "/no")):
            assert (await web.ask(method, path)).status in (404, 405)
        assert time.monotonic() - begun >= PENALTY


async def test_a_stream_ends_when_its_token_is_revoked(tmp_path: Path) -> None:
    """Nothing more is told: it could have been open for months."""
    tokens = token_file(tmp_path, desk=(ALL, ()))
    go_on = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"before"
        await go_on.wait()
        yield b"after"

    async def stream(_call: Call) -> Streamed:
        return Streamed(pieces(), "text/plain")

    table = (Operation("stream", "GET", "/stream", Scope.TRACE, "Goes on.", stream, ()),)
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json"), table=table) as web:
        where = urlsplit(web.url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        head = f"GET /stream HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {tokens['desk']}\r\n\r\n"
        writer.write(head.encode())
        await reader.readuntil(b"before")
        token_file(tmp_path, other=(ALL, ()))
        go_on.set()
        assert await reader.readuntil(b"0\r\n\r\n") == b"\r\n0\r\n\r\n"
        writer.close()
        await writer.wait_closed()


async def test_a_body_that_is_too_large_is_counted_as_such() -> None:
    """As 413: it was counted among failures of the server."""
    async with api(MemoryOperations()) as web:
        path = f"{_ALICE}/features/DoNotDisturb"
        body = b" " * (MAX_BODY + 1)
        got = await web.ask("PUT", path, data=body, Content_Type="application/json")
        assert (got.status, got.kind) == (413, "too-large")
        assert web.server.served == {("setFeature", 413): 1}


async def test_its_sockets_have_the_name_by_which_the_next_server_takes_them() -> None:
    """Otherwise another door on the same address could take them."""
    async with api(MemoryOperations()) as web:
        assert {name for name, _ in web.server.sockets()} <= DOORS


@pytest.mark.parametrize(
    ("error", "status"), [(StoreError("store_unavailable", "disk"), 503), (ValueError("bug"), 500)]
)
async def test_a_stream_that_fails_breaks_off(error: Exception, status: int) -> None:
    """A second answer within the first is no HTTP, and an end would make it look whole."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a row"
        raise error

    async def stream(_call: Call) -> Streamed:
        return Streamed(pieces(), "text/plain")

    table = (Operation("stream", "GET", "/stream", Scope.BULK, "Fails.", stream, ()),)
    async with api(MemoryOperations(), table=table) as web:
        where = urlsplit(web.url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with capture_logs():
            got = await reader.readuntil(b"a row\r\n")
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                got += await reader.readuntil(b"0\r\n\r\n")
        assert got.count(b"HTTP/1.1") == 1
        writer.close()
    assert web.server.served == {("stream", status): 1}
