"""Rollouts of policies, for operators."""

from functools import partial

import pytest

from dfks_rules.errors import PolicyError
from dfks_rules.operations.rollouts import (
    CanaryError,
    FollowerRow,
    GoalMovedError,
    NoGoalError,
    NoNodeError,
    ReadyRow,
    RolloutState,
)
from dfks_rules.operations.studies import Text
from tests.helpers.rollouts import OF_FILES, policy, revision, two_peers

FIRST, SECOND = policy("first"), policy("second")


async def test_a_rollout_is_shown_from_its_beginning_to_its_end() -> None:
    """Which nodes are ready, and what decides."""
    peers = await two_peers()
    begun = await peers.rollouts.begin([FIRST], None, "alice")
    assert (begun.node, begun.revision, begun.actor) == (None, revision(FIRST), "alice")
    assert begun.state is RolloutState.PREPARING
    assert begun.nodes == (ReadyRow("node-1", "waiting", ()), ReadyRow("node-2", "waiting", ()))
    await peers.all[0].look()
    [under_way] = (await peers.rollouts.listing()).rollouts
    assert [one.verdict for one in under_way.nodes] == ["ready", "waiting"]
    await peers.look()
    listing = await peers.rollouts.listing()
    [goal] = listing.goals
    assert (goal.node, goal.revision, goal.previous) == (None, revision(FIRST), None)
    assert [one.state for one in listing.rollouts] == [RolloutState.DONE]
    assert listing.nodes == tuple(
        FollowerRow(name, revision(FIRST), revision(FIRST), True, ())
        for name in ("node-1", "node-2")
    )
    assert not listing.is_skewed


async def test_a_rollout_is_not_taken_for_one_that_was_begun_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two operators at once: who was first is not told that his policies decide."""
    peers = await two_peers()
    propose = peers.engine.policy_propose

    async def lose(*asked: str) -> None:
        monkeypatch.undo()
        await propose(*asked)  # type: ignore[arg-type]
        await peers.rollouts.begin([SECOND], None, "bob")

    monkeypatch.setattr(peers.engine, "policy_propose", lose)
    begun = await peers.rollouts.begin([FIRST], None, "alice")
    assert (begun.revision, begun.actor) == (revision(FIRST), "alice")
    assert (begun.state, begun.nodes) == (RolloutState.REPLACED, ())


async def test_what_a_node_finds_wrong_is_shown() -> None:
    """The rollout is refused for good."""
    peers = await two_peers()
    await peers.rollouts.begin([policy("broken")], None, "alice")
    await peers.look()
    [refused] = (await peers.rollouts.listing()).rollouts
    assert refused.state is RolloutState.REFUSED
    assert ReadyRow("node-1", "refused", ("p.yaml:3:1: it is broken [policy_value]",)) in (
        refused.nodes
    )


async def test_a_node_that_cannot_follow_is_shown() -> None:
    """With the reason."""
    peers = await two_peers()
    peers.all[1].desk.cannot = {revision(FIRST)}
    await peers.rollouts.begin([FIRST], None, "alice")
    await peers.look()
    listing = await peers.rollouts.listing()
    assert [one.follows for one in listing.nodes] == [True, False]
    assert listing.nodes[1].findings == ("p.yaml:1:1: cannot be used [policy_engine]",)
    assert listing.is_skewed


async def test_a_canary_has_a_goal_of_its_own() -> None:
    """The rest follows what it did; what is to go back has to be said."""
    peers = await two_peers()
    await peers.rollouts.begin([FIRST], "node-2", "alice")
    await peers.look()
    listing = await peers.rollouts.listing()
    assert [(one.node, one.goal) for one in listing.nodes] == [
        ("node-1", None),
        ("node-2", revision(FIRST)),
    ]
    assert [one.node for one in listing.goals] == ["node-2"]
    with pytest.raises(CanaryError, match="`node-2`"):
        await peers.rollouts.roll_back(None, "alice", None)
    # What is on its way to all is clear.
    await peers.rollouts.begin([SECOND], None, "alice")
    await peers.rollouts.roll_back(None, "alice", None)
    await peers.look()
    assert peers.revisions == [OF_FILES, revision(FIRST)]
    back = await peers.rollouts.roll_back("node-2", "alice", None)
    assert [one.goal for one in back.nodes] == [None, None]
    await peers.look()
    assert peers.revisions == [OF_FILES] * 2


async def test_a_rollback_brings_back_what_was_followed_before() -> None:
    """All nodes."""
    peers = await two_peers()
    for text in (FIRST, SECOND):
        await peers.rollouts.begin([text], None, "alice")
        await peers.look()
    listing = await peers.rollouts.roll_back(None, "bob", None)
    [goal] = listing.goals
    assert (goal.revision, goal.previous, goal.actor) == (revision(FIRST), revision(SECOND), "bob")
    assert [one.follows for one in listing.nodes] == [False, False]
    await peers.look()
    assert peers.revisions == [revision(FIRST)] * 2


async def test_a_rollback_of_what_is_not_followed_any_more_is_refused() -> None:
    """Else the second of two at once would undo the first."""
    peers = await two_peers()
    for text in (FIRST, SECOND):
        await peers.rollouts.begin([text], None, "alice")
        await peers.look()
    await peers.rollouts.roll_back(None, "bob", revision(SECOND))
    with pytest.raises(GoalMovedError, match=f"all nodes: `{revision(FIRST)}` is followed"):
        await peers.rollouts.roll_back(None, "alice", revision(SECOND))
    await peers.look()
    assert peers.revisions == [revision(FIRST)] * 2


async def test_what_cannot_be_done_is_told() -> None:
    """No such node, no goal, no policies."""
    peers = await two_peers()
    with pytest.raises(NoNodeError, match=r"`node-9`.*`node-1`, `node-2`"):
        await peers.rollouts.begin([FIRST], "node-9", "alice")
    for ask in (partial(peers.rollouts.roll_back, seen=None), peers.rollouts.drop):
        with pytest.raises(NoGoalError, match="all nodes"):
            await ask(None, "alice")
        with pytest.raises(NoGoalError, match="`node-1`"):
            await ask("node-1", "alice")
    directory = Text("users.csv", "user\nalice@example.com\n")
    with pytest.raises(PolicyError, match="policy_none"):
        await peers.rollouts.begin([directory], None, "alice")
    assert (await peers.rollouts.listing()).rollouts == ()
