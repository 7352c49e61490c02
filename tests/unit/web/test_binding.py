"""Parameters and bodies are checked before anything happens."""

import asyncio
import gzip
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from structlog.testing import capture_logs

from dfks_rules.model.identity import Aor
from dfks_rules.operations.states import aor_from
from dfks_rules.web.binding import MAX_ERRORS, MAX_VALUES, check
from dfks_rules.web.caller import Scope
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import ref
from dfks_rules.web.table import SMALL, Answer, Body, Call, Operation, Parameter, Reply, Where
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import Api, Got, api

_GIVEN: list[Any] = []


async def _keep(call: Call) -> Answer:
    _GIVEN.append((dict(call.given), call.body))
    return Answer({})


_NAME = Parameter("name", Where.PATH, "A name.", {"type": "string"}, str)
_WHO = Parameter("who", Where.QUERY, "An address.", {"type": "string"}, aor_from, "bad-presentity")
_HEAD = Parameter("Dfks-Head", Where.HEADER, "A number.", {"type": "integer"}, int)
_TABLE = (
    Operation(
        "keep",
        "POST",
        "/v1/keep/{name}",
        Scope.BULK,
        "Keeps what it is given.",
        _keep,
        (Reply(200, "Kept."),),
        (_NAME, _WHO, _HEAD),
        Body({"type": "object", "additionalProperties": {"type": "integer"}}),
    ),
)


async def _post(web: Api, path: str, data: bytes = b"{}", **headers: str) -> Got:
    return await web.ask("POST", path, data=data, Content_Type="application/json", **headers)


async def test_parameters_come_from_path_query_and_header() -> None:
    """Each as the value that the operation works with; what was not given is missing."""
    _GIVEN.clear()
    async with api(MemoryOperations(), table=_TABLE) as web:
        await _post(web, "/v1/keep/a%2Fb?who=alice@example.com", b'{"a": 1}', Dfks_Head="7")
        await _post(web, "/v1/keep/c")
    assert [
        ({"name": "a/b", "who": Aor("alice", "example.com"), "Dfks-Head": 7}, {"a": 1}),
        ({"name": "c"}, {}),
    ] == _GIVEN


@pytest.mark.parametrize(
    ("path", "kind", "parameter"),
    [
        ("/v1/keep/a?what=1", "bad-parameter", "what"),
        ("/v1/keep/a?who=alice@example.com&who=bob@example.com", "bad-parameter", "who"),
        ("/v1/keep/a?who=alice", "bad-presentity", "who"),
    ],
)
async def test_a_wrong_parameter_is_named(path: str, kind: str, parameter: str) -> None:
    """Nobody has to guess which one."""
    async with api(MemoryOperations(), table=_TABLE) as web:
        got = await _post(web, path)
        assert (got.status, got.kind, got.json["parameter"]) == (400, kind, parameter)


def test_every_mistake_of_a_body_is_told_with_its_place() -> None:
    """As a JSON pointer; so many at most."""
    schema = {"type": "array", "items": {"type": "integer"}}
    with pytest.raises(Problem) as wrong:
        check("wrong", schema, [1, "a", "b"])
    body = wrong.value.body
    assert [one["pointer"] for one in body["errors"]] == ["/1", "/2"]
    assert body["detail"].startswith("/1: ")
    with pytest.raises(Problem) as many:
        check("wrong", schema, ["a"] * 2 * MAX_ERRORS)
    assert len(many.value.body["errors"]) == MAX_ERRORS


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ({"status": "on", "hue": 1}, "the body: unknown member `hue`; the members are `status`, "),
        ({}, "the body: `status` is missing"),
        ([1], "the body: must be an object"),
        ({"status": "yes"}, "/status: must be one of `on`, `off`"),
        ({"status": "on", "forwardTo": 201}, "/forwardTo: must be a text"),
    ],
)
def test_a_mistake_of_a_body_is_told_in_plain_words(value: Any, detail: str) -> None:
    """Not in those of the library, which repeats the value as Python writes it."""
    with pytest.raises(Problem) as wrong:
        check("plain", ref("State"), value)
    assert str(wrong.value.body["detail"]).startswith(detail)


def test_a_schema_may_refer_to_components() -> None:
    """As in the document."""
    check("right", ref("State"), {"status": "on"})
    with pytest.raises(Problem):
        check("right", ref("State"), {"status": "perhaps"})


@pytest.mark.parametrize("of", [MAX_VALUES, MAX_VALUES + 1])
async def test_a_body_has_so_many_values(of: int) -> None:
    """Phones wait while a schema is held against each."""
    _GIVEN.clear()
    body = b"{" + b",".join(b'"a%d":1' % number for number in range(of)) + b"}"
    async with api(MemoryOperations(), table=_TABLE) as web:
        got = await _post(web, "/v1/keep/a", body)
    assert got.status == (200 if of == MAX_VALUES else 422)
    assert len(_GIVEN) == (of == MAX_VALUES)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b'{"files": [' + b"[]," * 30_000 + b"[]]}", 422),
        (orjson.dumps({"files": [{"name": f"{n}.yaml", "text": "x" * SMALL} for n in "ab"]}), 200),
        (b'{"files": [{"name": "p.yaml", "text": "x"}]}', 200),
    ],
    ids=["many", "long", "short"],
)
async def test_json_that_could_hold_the_loop_is_looked_into_elsewhere(
    data: bytes, status: int
) -> None:
    """2 MiB of empty lists take 126 ms to make, and nothing can interrupt that."""
    operations = MemoryOperations()
    async with api(operations) as web:
        got = await _post(web, "/v1/policies/check", data)
    assert got.status == status, got.body
    asked = [kind for kind, *_ in operations.studies.asked]
    assert asked == [*["count"] * (len(data) > SMALL), *["check"] * (status == 200)]


async def test_a_list_of_thousands_of_objects_holds_up_nobody() -> None:
    """`uniqueItems` compares each with each: 100,000 objects took the server hours."""
    domains = [{"a": number} for number in range(MAX_VALUES // 2 - 10)]
    async with api(MemoryOperations()) as web, asyncio.timeout(1):
        got = await web.ask(
            "POST", "/v1/webhooks", {"url": "https://a.example", "domains": domains}
        )
        assert (got.status, got.kind) == (422, "invalid-body")


async def test_a_body_that_is_coded_is_refused() -> None:
    """Nobody takes packed bytes for rows."""
    async with api(MemoryOperations(), table=_TABLE) as web:
        got = await _post(web, "/v1/keep/a", gzip.compress(b"{}"), Content_Encoding="gzip")
        assert (got.status, got.kind) == (415, "wrong-content-type")


async def test_a_client_that_goes_in_the_middle_of_a_body_is_no_failure() -> None:
    """It is not logged as one of ours."""
    async with api(MemoryOperations(), table=_TABLE) as web:
        where = urlsplit(web.url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        head = ["POST /v1/keep/a HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
        head += ["Content-Length: 9", "Expect: 100-continue", "", "{"]
        writer.write("\r\n".join(head).encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        with capture_logs() as told:
            writer.transport.abort()
            async with asyncio.timeout(5):
                while not web.server.served:  # noqa: ASYNC110 - nobody says so
                    await asyncio.sleep(0.001)
        assert told == []
