"""Questions about policies that are not in force."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dfks_rules.errors import DfksError, Finding, PolicyError
from dfks_rules.operations.studies import FactsError, Text
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import Api, api

FILES = [{"name": "p.yaml", "text": "kind: Policy\n"}]
REVISION = "5e29e70da51e"
TEXTS = [Text("p.yaml", "kind: Policy\n")]


@pytest.fixture
def operations() -> MemoryOperations:
    """With a worker that keeps what it is asked."""
    return MemoryOperations()


@pytest.fixture
async def door(operations: MemoryOperations) -> AsyncIterator[Api]:
    """Without tokens."""
    async with api(operations) as one:
        yield one


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [
        ("check", {"files": FILES}, ("check", TEXTS, "api")),
        (
            "evaluate",
            {"files": FILES, "facts": {"op": "get"}},
            ("evaluate", TEXTS, {"op": "get"}, "api"),
        ),
        ("evaluate", {"facts": {"op": "get"}}, ("evaluate", None, {"op": "get"}, "api")),
        ("test", {"files": FILES}, ("test", TEXTS, "api")),
        ("diff", {"new": FILES}, ("diff", None, TEXTS, "api")),
        ("diff", {"old": FILES, "new": FILES}, ("diff", TEXTS, TEXTS, "api")),
        ("test", {"revision": REVISION}, ("test", REVISION, "api")),
        ("prove", {"files": FILES}, ("prove", TEXTS, "api")),
        ("prove", {"revision": REVISION}, ("prove", REVISION, "api")),
        ("diff", {"new": {"revision": REVISION}}, ("diff", None, REVISION, "api")),
        ("diff", {"old": {"revision": REVISION}, "new": FILES}, ("diff", REVISION, TEXTS, "api")),
    ],
)
async def test_the_worker_is_asked_and_its_answer_goes_on_as_it_is(
    door: Api, operations: MemoryOperations, path: str, body: Any, asked: tuple[Any, ...]
) -> None:
    """About what was sent, or what is in force."""
    got = await door.ask("POST", f"/v1/policies/{path}", body)
    assert (got.status, got.json) == (200, operations.studies.answer)
    assert got.headers["Content-Type"] == "application/json"
    assert operations.studies.asked == [asked]
    assert (operations.studies.language, got.headers["Content-Language"]) == ("en", "en")
    got = await door.ask("POST", f"/v1/policies/{path}", body, Accept_Language="de")
    assert (operations.studies.language, got.headers["Content-Language"]) == ("de", "de")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("check", {}),
        ("evaluate", {"files": FILES}),
        ("evaluate", {"facts": {}}),
        ("evaluate", {"facts": {"op": {"deep": []}}}),
        ("test", {"files": []}),
        ("test", {}),
        ("test", {"files": FILES, "revision": REVISION}),
        ("test", {"revision": "5e29e70"}),
        ("prove", {}),
        ("prove", {"files": FILES, "revision": REVISION}),
        ("diff", {"old": FILES}),
        ("diff", {"new": {"revision": "../../etc"}}),
        ("diff", {"new": {"revision": REVISION, "files": FILES}}),
        ("check", {"files": FILES * 2}),
    ],
)
async def test_what_cannot_be_asked_is_said(
    door: Api, operations: MemoryOperations, path: str, body: Any
) -> None:
    """Before the worker is troubled."""
    got = await door.ask("POST", f"/v1/policies/{path}", body)
    assert (got.status, got.kind) == (422, "invalid-body")
    assert not operations.studies.asked


async def test_a_revision_that_is_kept_no_longer_is_not_found(
    door: Api, operations: MemoryOperations
) -> None:
    """Between a look at the list and the question, it may have gone."""
    operations.studies.error = DfksError("policy_no_revision", "no such revision")
    for path, body in (("test", {"revision": REVISION}), ("diff", {"new": {"revision": REVISION}})):
        got = await door.ask("POST", f"/v1/policies/{path}", body)
        assert (got.status, got.kind) == (404, "not-found")


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [(PolicyError, 409, "policies-unusable"), (FactsError, 422, "invalid-body")],
)
async def test_findings_are_told(
    door: Api, operations: MemoryOperations, error: Any, status: int, kind: str
) -> None:
    """Of policies, and of facts."""
    finding = Finding("facts", 1, 2, "policy_facts_missing", "facts lack `op`")
    operations.studies.error = error([finding])
    got = await door.ask("POST", "/v1/policies/evaluate", {"facts": {"op": "get"}})
    assert (got.status, got.kind) == (status, kind)
    assert got.json["findings"] == [finding._asdict()]
