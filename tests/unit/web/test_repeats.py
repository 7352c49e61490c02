"""Whoever asks again with his key gets the same answer, and nothing happens twice."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from dfks_rules.errors import StoreError
from dfks_rules.operations.answers import MAX_BODY, UNDER_WAY, KeptAnswer
from dfks_rules.web.api import TABLE
from dfks_rules.web.caller import Scope
from dfks_rules.web.parameters import IDEMPOTENCY_KEY
from dfks_rules.web.repeats import hash_of
from dfks_rules.web.table import Answer, Body, Call, Operation, Reply
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations
from tests.helpers.web import api

_ALICE = "/v1/presentities/sip:alice@example.com"
_DND, _CFA = f"{_ALICE}/features/DoNotDisturb", f"{_ALICE}/features/CallForwardingAlways"
_ON, _OFF = {"status": "on"}, {"status": "off"}


async def test_a_request_that_comes_again_is_answered_the_same_and_not_done_again() -> None:
    """Also when somebody has changed it since."""
    operations = MemoryOperations()
    async with api(operations) as web:
        first = await web.ask("PUT", _DND, _ON, Idempotency_Key='"k-1"')
        await web.ask("PUT", _DND, _OFF)
        again = await web.ask("PUT", _DND, _ON, Idempotency_Key='"k-1"')
        assert (again.status, again.body) == (200, first.body)
        for name in ("ETag", "Content-Type"):
            assert again.headers[name] == first.headers[name]
        assert len(operations.actors) == 2
        assert web.server.counts["answers_repeated"] == 1


async def test_a_refusal_is_an_answer_too() -> None:
    """The same rule, the same decision."""
    operations = MemoryOperations()
    async with api(operations) as web:
        body = {"status": "on", "forwardTo": REFUSED_TARGET}
        told = [await web.ask("PUT", _CFA, body, Idempotency_Key="k") for _ in range(2)]
        assert {got.kind for got in told} == {"refused-by-policy"}
        assert told[0].body == told[1].body
        stale = [
            await web.ask("PUT", _DND, _ON, Idempotency_Key="s", If_Match='"7"') for _ in range(2)
        ]
        assert {got.kind for got in stale} == {"changed-meanwhile"}
    assert len(operations.actors) == 2


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        (_DND, _OFF, {}),
        (_CFA, _ON, {}),
        (_DND, _ON, {"Dfks_Param": "t"}),
        (_DND, _ON, {"If_Match": '"1"'}),
    ],
)
async def test_a_key_belongs_to_one_request(
    path: str, body: dict[str, str], headers: dict[str, Any]
) -> None:
    """A client that mixes them up is told."""
    async with api(MemoryOperations()) as web:
        assert (await web.ask("PUT", _DND, _ON, Idempotency_Key="k")).status == 200
        got = await web.ask("PUT", path, body, Idempotency_Key="k", **headers)
        assert (got.status, got.kind) == (422, "idempotency-key-reused")


def _slow(begun: asyncio.Event, go_on: asyncio.Event) -> Operation:
    async def wait(_call: Call) -> Answer:
        begun.set()
        await go_on.wait()
        return Answer({"done": True}, 202)

    reply = (Reply(202, "Done."),)
    body = Body({"type": "object"})
    given = (IDEMPOTENCY_KEY,)
    return Operation("slow", "POST", "/v1/slow", Scope.BULK, "Waits.", wait, reply, given, body)


async def test_a_request_that_is_under_way_is_409_until_it_is_answered() -> None:
    """It is not carried out beside itself."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    async with api(MemoryOperations(), table=(_slow(begun, go_on),)) as web:
        first = asyncio.create_task(web.ask("POST", "/v1/slow", {}, Idempotency_Key="k"))
        await begun.wait()
        got = await web.ask("POST", "/v1/slow", {}, Idempotency_Key="k")
        assert (got.status, got.kind) == (409, "under-way")
        got = await web.ask("POST", "/v1/slow", {"a": 1}, Idempotency_Key="k")
        assert got.kind == "idempotency-key-reused"
        go_on.set()
        assert (await first).status == 202
        assert (await web.ask("POST", "/v1/slow", {}, Idempotency_Key="k")).status == 202


class _Elsewhere:
    """Answers that another node keeps, too."""

    def __init__(self, kept: KeptAnswer | None) -> None:
        self.kept = kept
        self.ended: list[str] = []
        self.is_away = False

    async def begin(self, _caller: str, _key: str, _request: bytes) -> KeptAnswer | None:
        if self.is_away:
            raise StoreError("store_unavailable", "the database is away")
        return self.kept

    async def keep(self, _caller: str, key: str, _answer: KeptAnswer) -> None:
        self.ended.append(f"kept {key}")

    async def drop(self, _caller: str, key: str) -> None:
        self.ended.append(f"dropped {key}")


async def test_a_request_that_is_under_way_at_another_node_is_409() -> None:
    """A client that heard nothing asks again, and comes to another one."""
    operations: Any = MemoryOperations()
    begun, go_on = asyncio.Event(), asyncio.Event()
    operation = _slow(begun, go_on)
    async with api(operations, table=(operation,)) as web:
        operations.answers = _Elsewhere(KeptAnswer(b"other", UNDER_WAY, {}, b""))
        got = await web.ask("POST", "/v1/slow", {}, Idempotency_Key="k")
        assert (got.status, got.kind) == (422, "idempotency-key-reused")
        operations.answers = _Same()
        got = await web.ask("POST", "/v1/slow", {}, Idempotency_Key="k")
        assert (got.status, got.kind) == (409, "under-way")
    assert not begun.is_set()


class _Same(_Elsewhere):
    """Where the same request is under way."""

    def __init__(self) -> None:
        super().__init__(None)

    async def begin(self, _caller: str, _key: str, request: bytes) -> KeptAnswer | None:
        return KeptAnswer(request, UNDER_WAY, {}, b"")


async def test_what_has_begun_is_kept_or_may_come_again() -> None:
    """Others must not wait for an answer that is never kept."""
    operations: Any = MemoryOperations()
    operations.answers = elsewhere = _Elsewhere(None)
    async with api(operations) as web:
        assert (await web.ask("PUT", _DND, _ON, Idempotency_Key="a")).status == 200
        operations.is_broken = True
        assert (await web.ask("PUT", _DND, _ON, Idempotency_Key="b")).status == 503
        elsewhere.is_away = True
        assert (await web.ask("PUT", _DND, _ON, Idempotency_Key="c")).status == 503
    assert elsewhere.ended == ["kept a", "dropped b"]


async def test_what_failed_for_the_server_can_be_tried_again() -> None:
    """A full disk is no answer for a day."""
    operations = MemoryOperations()
    operations.is_broken = True
    async with api(operations) as web:
        assert (await web.ask("PUT", _DND, _ON, Idempotency_Key="k")).status == 503
        operations.is_broken = False
        assert (await web.ask("PUT", _DND, _ON, Idempotency_Key="k")).status == 200


async def test_an_answer_that_cannot_be_kept_is_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is true; and it is counted."""

    async def full(*_: object) -> None:
        raise StoreError("store_unavailable", "disk is full")

    operations = MemoryOperations()
    monkeypatch.setattr(operations.answers, "keep", full)
    async with api(operations) as web:
        with capture_logs() as told:
            got = await web.ask("PUT", _DND, _ON, Idempotency_Key="k")
        assert got.status == 200
        assert [one["event"] for one in told] == ["answer_not_kept"]
        assert web.server.counts["answers_not_kept"] == 1


async def test_an_answer_that_is_too_long_is_not_kept() -> None:
    """Keys must not fill the disk."""

    async def much(_call: Call) -> Answer:
        return Answer({"text": "x" * MAX_BODY})

    given = (IDEMPOTENCY_KEY,)
    much_ = Operation(
        "much", "POST", "/v1/much", Scope.BULK, "M.", much, (Reply(200, "M."),), given
    )
    async with api(MemoryOperations(), table=(much_,)) as web:
        with capture_logs():
            assert (await web.ask("POST", "/v1/much", Idempotency_Key="k")).status == 200
        assert web.server.counts["answers_not_kept"] == 1


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256])
async def test_a_key_is_visible_text(key: str) -> None:
    """Others are refused, and nothing is done."""
    operations = MemoryOperations()
    async with api(operations) as web:
        got = await web.ask("PUT", _DND, _ON, Idempotency_Key=key)
        assert (got.status, got.json["parameter"]) == (400, "Idempotency-Key")
    assert not operations.actors


def test_every_write_takes_a_key() -> None:
    """Also one that reads its body by itself; not a session: its answer has the token in it."""
    for operation in TABLE:
        scope = operation.scope
        only_asks = operation.method == "GET" or not scope or scope.value.endswith(":read")
        takes = IDEMPOTENCY_KEY in operation.parameters
        assert takes == (not only_asks), operation.name


def test_requests_are_told_apart_by_all_that_they_say() -> None:
    """Whatever is moved from one part to another."""
    hashes = {
        hash_of("PUT", "/a", {}, b""),
        hash_of("POST", "/a", {}, b""),
        hash_of("PUT", "/b", {}, b""),
        hash_of("PUT", "/a", {"a": "b"}, b""),
        hash_of("PUT", "/a", {}, b"x"),
    }
    assert len(hashes) == 5
    assert hash_of("PUT", "/", {"a": "1", "b": "2"}, b"") == hash_of(
        "PUT", "/", {"b": "2", "a": "1"}, b""
    )
