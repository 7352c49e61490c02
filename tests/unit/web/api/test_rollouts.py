"""`/v1/policies/rollouts`."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from dfks_rules.web.api.rollouts import NDJSON
from dfks_rules.web.binding import check
from dfks_rules.web.schemas import ref
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import MemoryOperations
from tests.helpers.rollouts import OF_FILES, Peers, policy, revision, two_peers
from tests.helpers.web import ALL, Api, Got, api, token_file

PATH = "/v1/policies/rollouts"
FIRST, SECOND = policy("first"), policy("second")


@pytest.fixture
async def peers() -> Peers:
    """Two nodes."""
    return await two_peers()


@pytest.fixture
async def door(peers: Peers) -> AsyncIterator[Api]:
    """Of one of them."""
    operations = MemoryOperations()
    operations.peers = peers.rollouts
    async with api(operations) as one:
        yield one


def _line(name: object, text: object) -> bytes:
    return orjson.dumps({"name": name, "text": text}) + b"\n"


async def _begin(door: Api, *lines: bytes, query: str = "") -> Got:
    return await door.ask("POST", PATH + query, data=b"".join(lines), Content_Type=NDJSON)


async def test_a_rollout_is_begun_and_followed_to_its_end(door: Api, peers: Peers) -> None:
    """The name of the token is whose it is."""
    got = await _begin(door, _line(*FIRST), b"\n", _line("tenants/a.example/q.yaml", "x: 1"))
    check("rollout", ref("Rollout"), got.json)
    assert (got.status, got.headers["Location"]) == (202, PATH)
    assert (got.json["state"], got.json["node"], got.json["actor"]) == ("preparing", None, "api")
    await peers.look()
    listed = await door.ask("GET", PATH)
    check("rollouts", ref("Rollouts"), listed.json)
    assert [one["state"] for one in listed.json["rollouts"]] == ["done"]
    assert [one["follows"] for one in listed.json["nodes"]] == [True, True]
    assert listed.json["skewed"] is False


async def test_a_canary_is_named_and_goes_back(door: Api, peers: Peers) -> None:
    """The others go on as before."""
    got = await _begin(door, _line(*FIRST), query="?node=node-2")
    assert got.json["node"] == "node-2"
    await peers.look()
    assert peers.revisions == [OF_FILES, revision(FIRST)]
    assert (await door.ask("GET", PATH)).json["skewed"] is True
    unclear = await door.ask("POST", f"{PATH}/rollback")
    assert (unclear.status, unclear.kind) == (409, "nodes-differ")
    back = await door.ask("POST", f"{PATH}/rollback?node=node-2")
    check("rollouts", ref("Rollouts"), back.json)
    assert [one["goal"] for one in back.json["nodes"]] == [None, None]


async def test_a_rollback_of_something_else_is_refused(door: Api, peers: Peers) -> None:
    """Somebody else was faster."""
    await _begin(door, _line(*FIRST))
    await peers.look()
    back = f"{PATH}/rollback?from={revision(FIRST)}"
    assert (await door.ask("POST", back)).status == 200
    again = await door.ask("POST", back)
    assert (again.status, again.kind) == (409, "goal-moved")
    assert (await door.ask("POST", f"{PATH}/rollback?from=files")).status == 200


async def test_a_goal_is_dropped(door: Api, peers: Peers) -> None:
    """Then there is none to drop."""
    await _begin(door, _line(*FIRST))
    await peers.look()
    dropped = await door.ask("DELETE", PATH)
    assert [one["goal"] for one in dropped.json["nodes"]] == [None, None]
    again = await door.ask("DELETE", PATH)
    assert (again.status, again.kind) == (404, "not-found")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "line 1: no file was sent"),
        (b"{", "line 1: it is not JSON"),
        (_line(*FIRST) + b"[]", "line 2: it must be an object with `name` and `text`"),
        (_line("p.yaml", 7), "line 1: `name` and `text` must be strings"),
        (_line("../p.yaml", ""), "line 1: `../p.yaml` is not a name of a policy file"),
        (_line("p.yaml", "") * 2, "line 2: `p.yaml` is given twice"),
        (_line("p.yaml", "x" * 300_000), "line 1: `p.yaml` has more than"),
    ],
)
async def test_a_body_that_holds_no_files_is_refused(door: Api, body: bytes, detail: str) -> None:
    """With the line."""
    got = await _begin(door, body)
    assert (got.status, got.kind) == (422, "invalid-body")
    assert got.json["detail"].startswith(detail)


async def test_too_many_files_are_refused(door: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of logs is not policies."""
    monkeypatch.setattr("dfks_rules.web.api.rollouts.MAX_FILES", 2)
    got = await _begin(door, *(_line(f"p{number}.yaml", "") for number in range(3)))
    assert got.json["detail"] == "line 3: at most 2 files"


async def test_files_without_a_policy_are_refused(door: Api) -> None:
    """They would allow everything."""
    got = await _begin(door, _line("users.csv", "user\n"))
    assert (got.status, got.kind) == (409, "policies-unusable")
    assert got.json["findings"][0]["code"] == "policy_none"


async def test_a_node_that_is_not_there_is_no_canary(door: Api) -> None:
    """The answer names those that are."""
    got = await _begin(door, _line(*FIRST), query="?node=node-9")
    assert (got.status, got.kind) == (404, "not-found")
    assert "`node-1`, `node-2`" in got.json["detail"]
    assert (await _begin(door, _line(*FIRST), query="?node=")).kind == "bad-parameter"


@pytest.mark.parametrize("method", ["DELETE", "POST"])
async def test_what_can_be_no_name_of_a_node_is_refused(door: Api, method: str) -> None:
    """Before anybody asks the engine for it."""
    path = PATH if method == "DELETE" else f"{PATH}/rollback"
    got = await door.ask(method, f"{path}?node=%00")
    assert (got.status, got.kind) == (400, "bad-parameter")


async def test_without_other_nodes_there_is_no_rollout() -> None:
    """The answer says what is missing."""
    async with api(MemoryOperations()) as door:
        for got in (
            await door.ask("GET", PATH),
            await _begin(door, _line(*FIRST)),
            await door.ask("POST", f"{PATH}/rollback"),
            await door.ask("DELETE", PATH),
        ):
            assert (got.status, got.kind) == (501, "needs-shared-store")


async def test_who_sees_some_domains_only_rolls_nothing_out(tmp_path: Path, peers: Peers) -> None:
    """Policies decide for all."""
    tokens = token_file(tmp_path, some=(ALL, ["a.example"]), reader=(["policies:read"], []))
    operations = MemoryOperations()
    operations.peers = peers.rollouts
    async with api(operations, TokenFile(tmp_path / "tokens.json")) as door:
        door.token = tokens["some"]
        for method, path in (("GET", PATH), ("DELETE", PATH), ("POST", f"{PATH}/rollback")):
            assert (await door.ask(method, path)).kind == "scope-missing"
        assert (await _begin(door, _line(*FIRST))).kind == "scope-missing"
        door.token = tokens["reader"]
        assert (await door.ask("GET", PATH)).status == 200
        assert (await _begin(door, _line(*FIRST))).kind == "scope-missing"
