"""Policies that all nodes follow, as operators see them."""

from dfks_rules.operations.rollouts import (
    CanaryError,
    FollowerRow,
    GoalMovedError,
    NoGoalError,
    NoNodeError,
    RolloutListing,
)


def test_nodes_are_skewed_when_their_policies_differ() -> None:
    """Whatever they are to follow."""
    one, other = FollowerRow("a", "1", None, True, ()), FollowerRow("b", "2", None, True, ())
    assert RolloutListing((), (), (one, other)).is_skewed
    assert not RolloutListing((), (), (one, other._replace(revision="1"))).is_skewed
    assert not RolloutListing((), (), ()).is_skewed


def test_errors_say_what_helps() -> None:
    """Which nodes there are, and which come first."""
    assert NoNodeError("c", ["a", "b"]).message == "no node `c` is alive; there are `a`, `b`"
    assert CanaryError(["a"]).message == "`a` follows policies of its own: end that first"
    assert CanaryError(["a", "b"]).message.startswith("`a`, `b` follow policies of their own")
    moved = GoalMovedError("all nodes", "b", "a")
    assert moved.message == "all nodes: `a` is followed or on its way, not `b`"
    assert moved.code == "policy_goal_moved"
    codes = [NoNodeError("c", []).code, NoGoalError("x").code, CanaryError([]).code]
    assert codes == ["policy_no_node", "policy_no_goal", "policy_canary"]
