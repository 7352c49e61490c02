"""`dfks policy rollout`."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from structlog.testing import capture_logs

from dfks_rules.operations.rollouts import RolloutListing
from tests.helpers.commands import run
from tests.helpers.operations import MemoryOperations
from tests.helpers.rollouts import Peers, looking, policy, revision, two_peers
from tests.helpers.web import Api, api

FIRST, SECOND = policy("first"), policy("second")


@pytest.fixture(autouse=True)
def _quick_and_quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The log of the server would be in what the command prints."""
    monkeypatch.setattr("dfks_rules.cli.policy.rollout.LOOK", 0.02)
    with capture_logs():
        yield


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


async def _rollout(door: Api, *arguments: str) -> Result:
    return await run(door.url, "policy", "rollout", *arguments)


def _folder(path: Path, word: str) -> str:
    folder = path / word
    (folder / "tenants/a.example").mkdir(parents=True)
    (folder / "p.yaml").write_text(policy(word).text)
    (folder / "tenants/a.example/q.yaml").write_text(policy(word).text)
    return str(folder)


async def test_all_nodes_follow_a_folder(door: Api, peers: Peers, tmp_path: Path) -> None:
    """Step by step; tenants keep their folders."""
    async with looking(peers):
        said = await _rollout(door, _folder(tmp_path, "first"))
    assert said.exit_code == 0, said.output
    new = peers.revisions[0]
    lines = said.stdout.splitlines()
    assert lines[0] == f"uploaded 2 files: revision {new}"
    assert sorted(lines[1:3]) == ["node-1: ready", "node-2: ready"]
    assert lines[3] == "goal moved"
    assert sorted(lines[4:]) == [f"node-1: follows {new}", f"node-2: follows {new}"]
    shown = (await _rollout(door)).stdout.splitlines()
    assert shown[0].startswith(f"goal of all nodes: {new} (since ")
    assert shown[1:] == [f"node-1: {new}", f"node-2: {new}"]


async def test_the_folder_of_a_tenant_is_that_of_the_tenant(
    door: Api, peers: Peers, tmp_path: Path
) -> None:
    """Its rules must not decide for all."""
    folder = Path(_folder(tmp_path, "first")) / "tenants/a.example"
    async with looking(peers):
        said = await _rollout(door, str(folder))
    assert said.exit_code == 0, said.output
    assert peers.revisions[0] == revision(policy("first", "tenants/a.example/q.yaml"))


async def test_a_refusal_is_told_with_every_finding(
    door: Api, peers: Peers, tmp_path: Path
) -> None:
    """Exit code 3, as for policies that are not valid."""
    async with looking(peers):
        said = await _rollout(door, _folder(tmp_path, "broken"))
    assert said.exit_code == 3
    assert ": refused" in said.stdout
    assert "p.yaml:3:1: it is broken [policy_value]" in said.stderr
    assert said.stderr.endswith("refused: every node goes on as before\n")


async def test_files_without_policies_are_not_rolled_out(door: Api, tmp_path: Path) -> None:
    """The server says so at once."""
    (tmp_path / "users.csv").write_text("user\n")
    said = await _rollout(door, str(tmp_path))
    assert said.exit_code == 3
    assert "there is no file of kind `Policy`" in said.stderr


async def test_a_node_that_does_not_follow_is_told(door: Api, peers: Peers, tmp_path: Path) -> None:
    """It has its reasons."""
    peers.all[1].desk.cannot = {revision(FIRST)}
    (tmp_path / "p.yaml").write_text(FIRST.text)
    async with looking(peers):
        said = await _rollout(door, str(tmp_path))
        shown = await _rollout(door)
    assert said.exit_code == 1
    assert "node-2: does not follow\n  p.yaml:1:1: cannot be used" in said.stderr
    assert "node-2: ffffffffffff, not the goal" in shown.stdout
    assert shown.stdout.endswith("nodes have different policies\n")


async def test_a_canary_goes_first_and_back(door: Api, peers: Peers, tmp_path: Path) -> None:
    """Nobody else is spoken of."""
    async with looking(peers):
        said = await _rollout(door, _folder(tmp_path, "first"), "--canary", "node-2")
        assert (said.exit_code, "node-1" in said.stdout) == (0, False)
        back = await _rollout(door, "--rollback")
        assert (back.exit_code, "`node-2`" in str(back.exception)) == (1, True)
        back = await _rollout(door, "--rollback", "--canary", "node-2")
        assert back.stdout == "rolled back\nnode-2: follows its own files\n"


async def test_a_goal_is_moved_back_and_dropped(door: Api, peers: Peers, tmp_path: Path) -> None:
    """All nodes are waited for."""
    async with looking(peers):
        for word in ("first", "second"):
            await _rollout(door, _folder(tmp_path, word))
        second = peers.revisions
        back = await _rollout(door, "--rollback")
        assert back.exit_code == 0
        assert peers.revisions != second
        assert f"node-1: follows {peers.revisions[0]}" in back.stdout.splitlines()
        dropped = await _rollout(door, "--files")
    goal, *nodes = dropped.stdout.splitlines()
    assert goal == "goal dropped"
    assert sorted(nodes) == ["node-1: follows its own files", "node-2: follows its own files"]
    assert (await _rollout(door)).stdout.splitlines()[0].startswith("goal of all nodes: files (")


async def test_two_who_go_back_at_once_do_not_undo_each_other(
    door: Api, peers: Peers, tmp_path: Path
) -> None:
    """The second one is told what is followed."""
    async with looking(peers):
        for word in ("first", "second"):
            await _rollout(door, _folder(tmp_path, word))
        first = peers.rollouts.roll_back
        second = peers.revisions[0]

        async def later(node: str | None, actor: str, seen: str | None) -> RolloutListing:
            peers.rollouts.roll_back = first  # type: ignore[method-assign]
            await first(node, "somebody else", None)
            return await first(node, actor, seen)

        peers.rollouts.roll_back = later  # type: ignore[method-assign]
        back = await _rollout(door, "--rollback")
        assert (back.exit_code, "409" in str(back.exception)) == (1, True)
        gone = await _rollout(door, "--rollback", "--from", second)
        assert gone.exit_code == 1
        [now] = {one.goal for one in (await peers.rollouts.listing()).nodes}
        assert now != second
        assert (await _rollout(door, "--rollback", "--from", str(now))).exit_code == 0
        assert peers.revisions == [second] * 2
    assert (await _rollout(door, "--from", second)).exit_code == 2


async def test_what_is_under_way_is_shown(door: Api, peers: Peers) -> None:
    """By whoever asks."""
    await peers.rollouts.begin([FIRST], None, "alice")
    await peers.all[0].look()
    shown = (await _rollout(door)).stdout.splitlines()
    assert shown[:2] == [
        "each node follows its own files",
        f"rollout of {revision(FIRST)} to all nodes: preparing (node-1 ready, node-2 waiting)",
    ]


async def test_a_rollout_that_another_one_replaces_ends(
    door: Api, peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever came last is followed."""
    begin = peers.rollouts.begin

    async def twice(*asked: object) -> object:
        first = await begin(*asked)  # type: ignore[arg-type]
        await begin([SECOND], None, "bob")
        return first

    monkeypatch.setattr(peers.rollouts, "begin", twice)
    said = await _rollout(door, _folder(tmp_path, "first"))
    assert said.exit_code == 1
    assert said.stderr.endswith("another rollout has taken its place\n")


async def test_a_rollout_that_is_replaced_at_once_is_not_followed(
    door: Api, peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for what another operator has rolled out."""
    propose = peers.engine.policy_propose

    async def lose(*asked: object) -> None:
        monkeypatch.undo()
        await propose(*asked)  # type: ignore[arg-type]
        await peers.rollouts.begin([SECOND], None, "bob")

    monkeypatch.setattr(peers.engine, "policy_propose", lose)
    said = await _rollout(door, _folder(tmp_path, "first"))
    assert said.exit_code == 1
    assert said.stderr == "another rollout has taken its place\n"


async def test_a_rollout_that_expires_names_who_says_nothing(
    door: Api, peers: Peers, tmp_path: Path
) -> None:
    """Of an older release, or stuck."""
    database = peers.engine.database
    database.policies.clock = lambda: 0.0
    propose = peers.engine.policy_propose

    async def late(scope: str, revision: str, files: bytes, actor: str) -> None:
        await propose(scope, revision, files, actor)
        await peers.all[0].look()
        database.policies.clock = lambda: 1000.0
        await peers.all[0].look()

    peers.engine.policy_propose = late  # type: ignore[method-assign]
    said = await _rollout(door, _folder(tmp_path, "first"))
    assert said.exit_code == 1
    assert said.stderr.endswith("expired: every node goes on as before; no answer from node-2\n")


async def test_one_thing_at_a_time(door: Api, tmp_path: Path) -> None:
    """Which one is meant would not be clear."""
    said = await _rollout(door, str(tmp_path), "--rollback")
    assert said.exit_code == 2


async def test_without_a_cluster_it_says_what_is_missing(tmp_path: Path) -> None:
    """Not that something failed."""
    async with api(MemoryOperations()) as door:
        said = await _rollout(door, _folder(tmp_path, "first"))
    assert said.exit_code == 1
    assert "501 This needs a store that several nodes share" in str(said.exception)
