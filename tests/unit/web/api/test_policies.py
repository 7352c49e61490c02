"""`/v1/policies`, as they are in force."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dfks_rules.errors import Finding
from dfks_rules.web.api.policies import CHUNK
from dfks_rules.web.api.policies import OPERATIONS as POLICIES
from dfks_rules.web.api.studies import OPERATIONS as STUDIES
from dfks_rules.web.binding import check
from dfks_rules.web.schemas import ref
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import SINCE, MemoryOperations
from tests.helpers.web import Api, api, token_file

FINDING = Finding("p.yaml", 3, 1, "policy_value", "`x` is no feature")
FILE = {"name": "candidate", "text": ""}


@pytest.fixture
def operations() -> MemoryOperations:
    """With one policy."""
    return MemoryOperations()


@pytest.fixture
async def door(operations: MemoryOperations) -> AsyncIterator[Api]:
    """Without tokens."""
    async with api(operations) as one:
        yield one


async def test_the_policies_in_force_are_listed_with_the_revisions_that_are_kept(
    door: Api,
) -> None:
    """The ETag is the revision."""
    got = await door.ask("GET", "/v1/policies")
    check("policies", ref("Policies"), got.json)
    assert got.headers["ETag"] == '"5e1f"'
    assert [row["name"] for row in got.json["policies"]] == ["default"]
    assert [row["revision"] for row in got.json["revisions"]] == ["5e1e", "5e1f"]
    assert (await door.ask("GET", "/v1/policies", If_None_Match='"5e1f"')).status == 304
    assert (await door.ask("GET", "/v1/policies", If_None_Match='"5e1e"')).status == 200


async def test_the_files_of_a_revision_are_shown_in_pieces(door: Api) -> None:
    """They may be large; quotes and letters stay what they are."""
    got = await door.ask("GET", "/v1/policies/revisions/5e1f00000000")
    check("files", ref("RevisionFiles"), got.json)
    first, second = got.json["files"]
    assert len(first["text"]) > CHUNK
    assert first["text"] == '# "größer"\n' * 10_000
    assert (second["tenant"], second["text"]) == ("a.example", "")
    for unknown in ("5e1f00000001", "nonsense"):
        got = await door.ask("GET", f"/v1/policies/revisions/{unknown}")
        assert (got.status, got.kind) == (404, "not-found")


async def test_findings_tell_of_warnings_and_of_the_last_failure(
    door: Api, operations: MemoryOperations
) -> None:
    """The worker checks what is in force."""
    operations.studies.answer = {
        "revision": "5e1f",
        "usable": True,
        "findings": [FINDING._asdict()],
        "more": 0,
        "gaps": [],
    }
    got = await door.ask("GET", "/v1/policies/findings")
    check("findings", ref("Findings"), got.json)
    assert got.json["failure"] is None
    operations.policies.findings = [FINDING]
    await door.ask("POST", "/v1/policies/reload")
    got = await door.ask("GET", "/v1/policies/findings")
    check("findings", ref("Findings"), got.json)
    assert got.json["failure"] == {"at": SINCE, "trigger": "operator", "findings": [str(FINDING)]}
    assert operations.studies.asked[0] == ("check", None, "api")


async def test_policies_are_reloaded_or_the_findings_told(
    door: Api, operations: MemoryOperations
) -> None:
    """What was in force stays."""
    got = await door.ask("POST", "/v1/policies/reload")
    assert (got.json, got.headers["ETag"]) == ({"revision": "5e1f", "changed": False}, '"5e1f"')
    operations.policies.findings = [FINDING]
    got = await door.ask("POST", "/v1/policies/reload")
    assert (got.status, got.kind) == (409, "policies-unusable")
    assert got.json["findings"] == [FINDING._asdict()]


async def test_a_revision_is_brought_back(door: Api) -> None:
    """The one before, or the one that is named."""
    bodies: tuple[dict[str, str] | None, ...] = (None, {})
    for body in bodies:
        got = await door.ask("POST", "/v1/policies/rollback", body)
        assert got.json == {"revision": "5e1e", "changed": True}
    got = await door.ask("POST", "/v1/policies/rollback", {"revision": "5e1f00000001"})
    assert (got.status, got.kind) == (404, "not-found")
    got = await door.ask("POST", "/v1/policies/rollback", {"revision": "last"})
    assert (got.status, got.kind) == (422, "invalid-body")


async def test_a_candidate_is_compared_until_that_ends(door: Api) -> None:
    """A folder of the server, or files that are sent."""
    assert (await door.ask("GET", "/v1/policies/shadow")).kind == "not-found"
    got = await door.ask("PUT", "/v1/policies/shadow", {"path": "candidate"})
    check("shadow", ref("Shadow"), got.json)
    assert (await door.ask("GET", "/v1/policies/shadow")).json == got.json
    files = [{"name": "p.yaml", "text": ""}]
    got = await door.ask("PUT", "/v1/policies/shadow", {"files": files})
    assert (got.status, got.kind) == (409, "policies-unusable")
    assert (await door.ask("DELETE", "/v1/policies/shadow")).status == 204
    assert (await door.ask("GET", "/v1/policies/shadow")).status == 404


@pytest.mark.parametrize(
    "body", [{}, {"path": ""}, {"path": "x", "files": [FILE]}, {"path": "a\u0007b"}, []]
)
async def test_what_is_no_candidate_is_refused(door: Api, body: object) -> None:
    """Nothing is compared."""
    got = await door.ask("PUT", "/v1/policies/shadow", body)
    assert (got.status, got.kind) == (422, "invalid-body")


async def test_a_token_of_a_domain_neither_sees_nor_changes_policies(
    tmp_path: Path, operations: MemoryOperations
) -> None:
    """They decide for all domains."""
    both = ["policies:read", "policies:write"]
    tokens = token_file(tmp_path, acme=(both, ["acme.example"]), reader=(both[:1], []))
    async with api(operations, TokenFile(tmp_path / "tokens.json")) as door:
        for operation in (*POLICIES, *STUDIES):
            path = operation.path.replace("{revision}", "5e1f00000000")
            body = None
            if operation.body is not None and operation.body.is_needed:
                files = [{"name": "p.yaml", "text": ""}]
                given = {"facts": {"op": "get"}, "files": files, "new": files}
                schema = operation.body.schema or {}
                wanted = schema.get("required", ["files"])
                body = {name: given[name] for name in wanted}
            door.token = tokens["acme"]
            got = await door.ask(operation.method, path, body)
            assert (got.status, got.kind) == (403, "scope-missing"), operation.name
            assert got.json["domains"] == ["acme.example"]
            door.token = tokens["reader"]
            got = await door.ask(operation.method, path, body)
            is_write = operation.scope is not None and operation.scope.value == "policies:write"
            assert (got.status == 403) == is_write, operation.name
