"""Rollouts of policies, for operators; see `operations.rollouts.Rollouts`."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import orjson
import structlog

from dfks_rules.app.desk.bundles import pack
from dfks_rules.app.desk.served import has_policies
from dfks_rules.app.desk.texts import files_of
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.operations.rollouts import (
    CanaryError,
    FollowerRow,
    GoalMovedError,
    GoalRow,
    NoGoalError,
    NoNodeError,
    ReadyRow,
    RolloutListing,
    RolloutRow,
    RolloutState,
)
from dfks_rules.operations.studies import Text
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.compiled import revision_of
from dfks_rules.store.postgres.policies import (
    ALL_NODES,
    PolicyFollower,
    PolicyGoal,
    PolicyRollout,
    scope_of,
)
from dfks_rules.store.postgres.ports import Engine, Node

_log = structlog.get_logger("dfks.policy")


class EngineRollouts:
    """Rollouts by the engine of a cluster."""

    def __init__(self, engine: Engine) -> None:
        """`engine` has bundles and goals."""
        self._engine: Final = engine

    async def begin(self, texts: Sequence[Text], node: str | None, actor: str) -> RolloutRow:
        """Have nodes check policies, and follow them."""
        files = files_of(texts)
        if not has_policies(files):
            message = phrase("there is no file of kind `Policy`")
            raise PolicyError([Finding("rollout", 0, 0, "policy_none", message)])
        if node is not None:
            living = [one.name for one in await self._living()]
            if node not in living:
                raise NoNodeError(node, living)
        revision, scope = revision_of(files.sources), scope_of(node)
        bundle = await asyncio.to_thread(pack, files)
        await self._engine.policy_propose(scope, revision, bundle, actor)
        _log.info("policy_rollout_began", revision=revision, node=node, actor=actor)
        rollouts = (await self.listing()).rollouts
        found = [one for one in rollouts if (one.node, one.revision) == (node, revision)]
        if not found:
            # Another one was begun in the meantime: that is none of this caller's.
            now = _moment(time.time())
            return RolloutRow(node, revision, RolloutState.REPLACED, now, actor, ())
        return found[0]

    async def listing(self) -> RolloutListing:
        """What decides, and is to decide."""
        living = await self._living()
        goals = await self._engine.policy_goals()
        rollouts = await self._engine.policy_rollouts()
        verdicts = {
            (one.epoch, one.revision): one.verdict for one in await self._engine.policy_verdicts()
        }
        followers = {one.epoch: one for one in await self._engine.policy_followers()}
        return RolloutListing(
            tuple(_goal_row(one) for one in goals if one.scope == ALL_NODES or one.revision),
            tuple(_rollout_row(one, living, verdicts) for one in rollouts),
            tuple(_follower_row(one, goals, followers.get(one.epoch)) for one in living),
        )

    async def roll_back(self, node: str | None, actor: str, seen: str | None) -> RolloutListing:
        """Move a goal back."""
        if node is None and not await self._is_preparing():
            goals = await self._engine.policy_goals()
            own = [name for one in goals if (name := _node_of(one.scope)) is not None]
            if own:
                raise CanaryError(own)
        is_done, now = await self._engine.policy_back(scope_of(node), actor, seen)
        if now is None:
            raise NoGoalError(phrase("there has been no rollout to {told}", told=_told(node)))
        if not is_done:
            raise GoalMovedError(_told(node), seen or "", now)
        _log.info("policy_rolled_back", node=node, actor=actor)
        return await self.listing()

    async def drop(self, node: str | None, actor: str) -> RolloutListing:
        """Remove a goal."""
        if not await self._engine.policy_drop(scope_of(node), actor):
            raise NoGoalError(phrase("no rollout decides on {told}", told=_told(node)))
        _log.info("policy_goal_dropped", node=node, actor=actor)
        return await self.listing()

    async def _is_preparing(self) -> bool:
        """Whether a rollout to all nodes is on its way."""
        rollouts = await self._engine.policy_rollouts()
        return any(one.scope == ALL_NODES and one.state == "preparing" for one in rollouts)

    async def _living(self) -> list[Node]:
        return [one for one in await self._engine.nodes() if one.state != "dead"]


def _told(node: str | None) -> str:
    return phrase("all nodes") if node is None else f"`{node[:40]}`"


def _node_of(scope: str) -> str | None:
    return None if scope == ALL_NODES else scope.partition(":")[2]


def _goal(name: str, goals: Sequence[PolicyGoal]) -> str | None:
    """What is to decide on a node."""
    of = {one.scope: one.revision for one in goals}
    return of.get(scope_of(name)) or of.get(ALL_NODES)


def _follower_row(
    node: Node, goals: Sequence[PolicyGoal], said: PolicyFollower | None
) -> FollowerRow:
    goal = _goal(node.name, goals)
    is_said = said is not None and said.revision == goal
    findings = _findings(said.verdict) if said is not None and is_said else ()
    # What it decides with, others know half a second later.
    follows = is_said and not findings and goal in (None, node.policies)
    return FollowerRow(node.name, node.policies, goal, follows, findings)


def _findings(verdict: str) -> tuple[str, ...]:
    return tuple(map(str, orjson.loads(verdict))) if verdict else ()


def _goal_row(goal: PolicyGoal) -> GoalRow:
    scope, revision, previous, at, actor = goal
    return GoalRow(_node_of(scope), revision, previous, _moment(at), actor)


def _rollout_row(
    rollout: PolicyRollout, living: Sequence[Node], verdicts: dict[tuple[int, str], str]
) -> RolloutRow:
    node = _node_of(rollout.scope)
    nodes = tuple(
        _ready_row(one.name, verdicts.get((one.epoch, rollout.revision)))
        for one in living
        if node in (None, one.name)
    )
    state = RolloutState(rollout.state)
    return RolloutRow(node, rollout.revision, state, _moment(rollout.at), rollout.actor, nodes)


def _ready_row(node: str, verdict: str | None) -> ReadyRow:
    if not verdict:
        return ReadyRow(node, "waiting" if verdict is None else "ready", ())
    return ReadyRow(node, "refused", _findings(verdict))


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
