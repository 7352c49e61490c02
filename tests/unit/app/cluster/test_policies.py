"""The policies of a node, in step with those of the others."""

import asyncio

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.cluster.policies import AGAIN, MAX_FINDINGS, SKEWED, goal_of
from dfks_rules.config.cluster import ClusterSettings
from dfks_rules.errors import Finding, PolicyError, StoreError
from dfks_rules.store.postgres.engine import PostgresEngine
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.rollouts import OF_FILES, Peers, policy, revision, two_peers

FIRST, SECOND = policy("first"), policy("second")


async def _roll_out(peers: Peers, text: str, node: str | None = None) -> None:
    await peers.rollouts.begin([policy(text)], node, "alice")
    await peers.look()


async def test_nodes_follow_once_all_of_them_are_ready() -> None:
    """Each checks the bundle once; what it checked is what decides."""
    peers = await two_peers()
    await peers.rollouts.begin([FIRST], None, "alice")
    assert await peers.all[0].look()
    assert peers.revisions == [OF_FILES] * 2
    await peers.look()
    assert peers.revisions == [revision(FIRST)] * 2
    assert [peer.desk.calls for peer in peers.all] == [["prepare", "follow"]] * 2
    assert peers.all[0].policies.counts == {
        "policies_prepared": 1,
        "policies_refused": 0,
        "policies_not_followed": 0,
    }


async def test_a_node_that_refuses_says_why() -> None:
    """It is in its log, too; nobody follows."""
    peers = await two_peers()
    with capture_logs() as logs:
        await _roll_out(peers, "broken")
    told = {one["event"]: one for one in logs}
    assert told["policy_rollout_refused"]["findings"] == ["p.yaml:3:1: it is broken [policy_value]"]
    assert peers.revisions == [OF_FILES] * 2
    assert peers.all[0].policies.counts["policies_refused"] == 1


async def test_of_many_findings_some_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that is wrong is wrong in every line."""
    peers = await two_peers()

    async def refuse(_bundle: bytes) -> None:
        raise PolicyError([Finding("u.csv", line, 1, "policy_csv", "bad") for line in range(1, 99)])

    monkeypatch.setattr(peers.all[0].desk, "prepare", refuse)
    await _roll_out(peers, "first")
    [told] = (await peers.rollouts.listing()).rollouts
    assert len(told.nodes[0].findings) == MAX_FINDINGS + 1
    assert told.nodes[0].findings[-1] == "and 48 more"


async def test_without_a_goal_files_decide_again() -> None:
    """Nobody touches what a node that never followed has."""
    peers = await two_peers()
    await _roll_out(peers, "first", "node-2")
    assert await peers.engine.policy_drop("*", "alice")
    await peers.look()
    assert peers.revisions == [OF_FILES] * 2
    assert [peer.desk.calls for peer in peers.all] == [[], ["prepare", "follow", "follow"]]


async def test_a_goal_that_cannot_be_used_is_tried_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What decided goes on, and the others know why."""
    peers = await two_peers()
    late = peers.all[1]
    late.desk.cannot = {revision(FIRST)}
    with capture_logs() as logs:
        await _roll_out(peers, "first")
        await peers.look(9)
    assert peers.revisions == [revision(FIRST), OF_FILES]
    assert late.desk.calls == ["prepare", "follow"]
    assert [one["event"] for one in logs].count("policy_goal_not_followed") == 1
    [_, told] = await peers.engine.policy_followers()
    assert (told.revision, "cannot be used" in told.verdict) == (revision(FIRST), True)
    late.desk.cannot.clear()
    now = asyncio.get_running_loop().time()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now + AGAIN + 1)
    await late.look()
    assert peers.revisions == [revision(FIRST)] * 2
    [_, told] = await peers.engine.policy_followers()
    assert told.verdict == ""


async def test_files_that_cannot_be_used_are_told_until_they_can() -> None:
    """Who drops a goal wants to know."""
    peers = await two_peers()
    await _roll_out(peers, "first")
    late = peers.all[1].desk
    late.are_files_broken = True
    await peers.rollouts.drop(None, "alice")
    await peers.look()
    assert peers.revisions == [OF_FILES, revision(FIRST)]
    [_, told] = await peers.engine.policy_followers()
    assert (told.revision, "cannot be used" in told.verdict) == (None, True)
    # Somebody corrects them, and the node takes them by itself.
    late.has_failed = False
    await peers.look()
    [_, told] = await peers.engine.policy_followers()
    assert (told.revision, told.verdict) == (None, "")


async def test_skew_is_measured_and_told_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once when it lasts, and once when it is over."""
    loop = asyncio.get_running_loop()
    peers = await two_peers()
    began, passed = loop.time(), 0.0
    monkeypatch.setattr(loop, "time", lambda: began + passed)
    node = peers.all[0].policies
    with capture_logs() as logs:
        await _roll_out(peers, "first", "node-2")
        assert node.skew == 0
        passed = SKEWED - 1
        await peers.look()
        assert node.skew == passed
        assert "policy_skewed" not in [one["event"] for one in logs]
        for _ in range(3):
            passed += 2
            await peers.all[0].look()
        [told] = [one for one in logs if one["event"] == "policy_skewed"]
        assert told["nodes"] == {"node-1": OF_FILES, "node-2": revision(FIRST)}
        await _roll_out(peers, "first")
        await peers.look()
    assert [one["event"] for one in logs].count("policy_skew_over") == 2
    assert node.skew == 0


async def test_a_rollout_that_another_one_has_replaced_is_not_prepared() -> None:
    """Its bundle is gone."""
    peers = await two_peers()
    await peers.rollouts.begin([FIRST], None, "alice")
    peers.engine.database.policies.bundles.clear()
    await peers.all[0].look()
    assert peers.all[0].desk.calls == []


async def test_an_engine_that_is_out_of_reach_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The life of the node says so; a bug of ours does not end it either."""
    monkeypatch.setattr("dfks_rules.app.cluster.policies.LOOK", 0.01)
    peers = await two_peers()
    node = peers.all[0]
    peers.engine.is_out = True
    with pytest.raises(StoreError):
        await node.look()
    node.policies.begin()
    await asyncio.sleep(0.05)
    peers.engine.is_out = False
    await peers.rollouts.begin([FIRST], "node-1", "alice")
    async with asyncio.timeout(10):
        while node.desk.revision != revision(FIRST):  # noqa: ASYNC110 - it is not an event
            await asyncio.sleep(0.01)
    monkeypatch.setattr(node.policies, "look", _raise)
    with capture_logs() as logs:
        await asyncio.sleep(0.05)
    assert "policy_look_failed" in [one["event"] for one in logs]
    node.policies.end()


async def _raise() -> bool:
    raise RuntimeError("a bug")


@needs_postgres
async def test_a_node_that_begins_asks_for_its_goal(database: Database) -> None:
    """Before it has joined."""
    settings = ClusterSettings(database.url, "node-1", 2.0, 120.0)
    assert await goal_of(settings) is None
    engine = PostgresEngine(database.url, "node-2")
    epoch = (await engine.join("node-2", "0.1.0", 60.0)).epoch
    await engine.policy_propose("*", "a" * 12, b"bundle", "alice")
    await engine.policy_verdict(epoch, "a" * 12, "")
    await engine.close()
    assert await goal_of(settings) == b"bundle"
