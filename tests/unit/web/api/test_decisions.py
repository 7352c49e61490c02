"""`/v1/decisions`."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from dfks_rules.model.decisions import Decision, Denial, NotifyScope, Outcome
from dfks_rules.model.features import NOTHING_STORED, OFF
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester
from dfks_rules.operations.studies import GaveUpError, OneAtATimeError
from dfks_rules.policy.facts.view import NOWHERE
from dfks_rules.web.binding import check
from dfks_rules.web.schemas import ref
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import MemoryOperations
from tests.helpers.policy import ALICE, CFA, DND, NOON, ON
from tests.helpers.web import Api, api, token_file

OTHER = Aor("zoe", "other.example")


def outcome(request: FeatureRequest, denial: Denial | None = None) -> Outcome:
    """What came of a request."""
    by = {"deny": "night/no-dnd"} if denial else {"status": "p/r"}
    decision = Decision(OFF, True, NotifyScope.ALL, denial, tuple(by.values()), by, (), "5e1f")
    return Outcome(request, decision, OFF, OFF, OFF, NOTHING_STORED, NOON, NOWHERE)


def keep(operations: MemoryOperations) -> None:
    """Four decisions; what an operator only reads is not kept."""
    phone, desk = Requester(Origin.WATCHER, ALICE), Requester(Origin.OPERATOR, actor="help")
    requests = [
        (FeatureRequest(Operation.SUBSCRIBE, ALICE, phone), None),
        (FeatureRequest(Operation.SET, ALICE, phone, DND, ON), Denial("late", "Too late")),
        (FeatureRequest(Operation.SET, OTHER, desk, CFA, ON), None),
        (FeatureRequest(Operation.GET, ALICE, phone, DND), None),
        (FeatureRequest(Operation.GET, ALICE, desk, DND), None),
    ]
    for number, (request, denial) in enumerate(requests, 1):
        operations.decisions.keep(number, (outcome(request, denial),))


@pytest.fixture
def operations() -> MemoryOperations:
    """With some decisions."""
    made = MemoryOperations()
    keep(made)
    return made


@pytest.fixture
async def door(operations: MemoryOperations) -> AsyncIterator[Api]:
    """Without tokens."""
    async with api(operations) as one:
        yield one


async def numbers(door: Api, query: str = "") -> list[int]:
    """The numbers of the decisions that are listed."""
    got = await door.ask("GET", f"/v1/decisions{query}")
    assert got.status == 200
    for row in got.json["items"]:
        check("row", ref("DecisionRow"), row)
    return [int(row["id"].partition("-")[2]) for row in got.json["items"]]


async def test_the_newest_come_first_and_what_an_operator_reads_is_not_among_them(
    door: Api,
) -> None:
    """A page that is looked at must not push out what is looked for."""
    assert await numbers(door) == [4, 3, 2, 1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("presentity=sip:zoe@other.example", [3]),
        ("effect=deny", [2]),
        ("effect=allow&op=set", [3]),
        ("rule=night", [2]),
        ("rule=p/r&op=get", [4]),
        ("op=subscribe", [1]),
        ("origin=operator", [3]),
        ("since=2026-01-05T12:00:00Z", [4, 3, 2, 1]),
        ("since=2026-01-05T12:00:00%2B00:00", [4, 3, 2, 1]),
        ("since=2026-01-05T12:00:01Z", []),
        ("before=5eed00-3", [2, 1]),
        ("after=5eed00-3", [4]),
        ("before=000000-3", []),
    ],
)
async def test_decisions_are_looked_for(door: Api, query: str, found: list[int]) -> None:
    """By all that a row says."""
    assert await numbers(door, f"?{query}") == found


async def test_pages_follow_each_other(door: Api) -> None:
    """The cursor is the number of a decision."""
    first = (await door.ask("GET", "/v1/decisions?limit=3")).json
    assert (len(first["items"]), first["next"]) == (3, "5eed00-2")
    last = (await door.ask("GET", f"/v1/decisions?limit=3&before={first['next']}")).json
    assert ([row["id"] for row in last["items"]], "next" in last) == (["5eed00-1"], False)


@pytest.mark.parametrize(
    ("requester", "actor"),
    [
        (Requester(Origin.OPERATOR), "mi"),
        (Requester(Origin.OPERATOR, source_ip="192.0.2.7"), "192.0.2.7"),
        (Requester(Origin.INTERNAL), None),
    ],
)
async def test_a_row_names_the_actor_as_the_journal_does(
    requester: Requester, actor: str | None
) -> None:
    """Whoever finds a change in the history finds its decision by the same name."""
    operations = MemoryOperations()
    request = FeatureRequest(Operation.SET, ALICE, requester, DND, ON)
    operations.decisions.keep(1, (outcome(request),))
    async with api(operations) as door:
        (row,) = (await door.ask("GET", "/v1/decisions")).json["items"]
        assert row["actor"] == actor


async def test_a_row_is_lean_and_says_who_was_refused_what_and_why(door: Api) -> None:
    """All else is a request away."""
    (row,) = (await door.ask("GET", "/v1/decisions?effect=deny")).json["items"]
    assert row == {
        "id": "5eed00-2",
        "at": "2026-01-05T12:00:00.000+00:00",
        "presentity": ALICE.uri,
        "op": "set",
        "feature": DND.value,
        "asked": {"status": "on"},
        "origin": "watcher",
        "actor": ALICE.uri,
        "effect": "deny",
        "reason": "late",
        "rule": "night/no-dnd",
        "policyRevision": "5e1f",
    }


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("effect=maybe", "bad-parameter"),
        ("op=delete", "bad-parameter"),
        ("origin=x", "bad-parameter"),
        ("since=yesterday", "bad-parameter"),
        ("since=2026-01-05T12:00:00", "bad-parameter"),
        ("before=7", "bad-cursor"),
        ("after=5eed00-0", "bad-cursor"),
    ],
)
async def test_what_cannot_be_looked_for_is_said(door: Api, query: str, kind: str) -> None:
    """A time without a zone could be any."""
    got = await door.ask("GET", f"/v1/decisions?{query}")
    assert (got.status, got.kind) == (400, kind)


async def test_a_decision_is_shown_with_its_facts(door: Api) -> None:
    """By its id."""
    got = await door.ask("GET", "/v1/decisions/5eed00-2")
    check("record", ref("DecisionRecord"), got.json)
    assert got.json["given"]["presentity"] == ALICE.uri
    assert got.json["decision"]["reason"] == "late"


@pytest.mark.parametrize("name", ["5eed00-9", "000000-1", "nonsense", quote("ü", safe="")])
async def test_what_is_not_kept_is_not_found(door: Api, name: str) -> None:
    """Nor explained."""
    for path in (f"/v1/decisions/{name}", f"/v1/decisions/{name}/explanation"):
        got = await door.ask("GET", path)
        assert (got.status, got.kind) == (404, "not-found")


async def test_the_worker_explains(door: Api, operations: MemoryOperations) -> None:
    """Its answer goes on as it is."""
    operations.studies.answer = {"text": ["denied"]}
    got = await door.ask("GET", "/v1/decisions/5eed00-2/explanation")
    assert (got.json, got.headers["Content-Type"]) == ({"text": ["denied"]}, "application/json")
    assert operations.studies.asked == [("explain", "5eed00-2", "api", True)]


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (GaveUpError("it took longer than 2 s"), 503, "gave-up"),
        (OneAtATimeError(), 429, "too-many-requests"),
    ],
)
async def test_a_worker_that_does_not_answer_is_told(
    door: Api, operations: MemoryOperations, error: Any, status: int, kind: str
) -> None:
    """The client may ask again."""
    operations.studies.error = error
    got = await door.ask("GET", "/v1/decisions/5eed00-2/explanation")
    assert (got.status, got.kind) == (status, kind)
    assert got.headers["Retry-After"]


async def test_a_token_of_a_domain_sees_its_decisions(
    tmp_path: Path, operations: MemoryOperations
) -> None:
    """Those of others are not there; rules about others are not told of."""
    tokens = token_file(
        tmp_path, zoe=(["decisions:read"], ["other.example"]), no=(["features:read"], [])
    )
    async with api(operations, TokenFile(tmp_path / "tokens.json")) as door:
        assert (await door.ask("GET", "/v1/decisions")).status == 401
        door.token = tokens["no"]
        assert (await door.ask("GET", "/v1/decisions")).kind == "scope-missing"
        door.token = tokens["zoe"]
        assert await numbers(door) == [3]
        for path in ("/v1/decisions/5eed00-2", "/v1/decisions/5eed00-2/explanation"):
            assert (await door.ask("GET", path)).kind == "not-found"
        assert (await door.ask("GET", f"/v1/decisions?presentity={ALICE.uri}")).status == 404
        assert (await door.ask("GET", "/v1/decisions/5eed00-3/explanation")).status == 200
        assert operations.studies.asked == [("explain", "5eed00-3", "zoe", False)]
