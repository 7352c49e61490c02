"""The policies over nodes that the fake database holds: goals, rollouts, verdicts.

Reference: dfks_rules/store/postgres/sql/0005_policies.sql
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dfks_rules.store.postgres.policies import (
    ALL_NODES,
    FILES,
    PolicyBack,
    PolicyFollower,
    PolicyGoal,
    PolicyRollout,
    PolicyTask,
    PolicyVerdict,
    scope_of,
)

EXPIRES = 600.0
"""How long a rollout may prepare, s."""


class Lives(Protocol):
    """A life of a server, as far as policies are concerned."""

    name: str
    is_alive: bool
    policies: str


@dataclass
class Goals:
    """The tables of policies."""

    clock: Callable[[], float]
    lives: Mapping[int, Lives]
    bundles: dict[str, bytes] = field(default_factory=dict)
    goals: dict[str, PolicyGoal] = field(default_factory=dict)
    rollouts: dict[str, PolicyRollout] = field(default_factory=dict)
    verdicts: dict[tuple[int, str], str] = field(default_factory=dict)
    followed: dict[int, PolicyFollower] = field(default_factory=dict)

    def task(self, epoch: int) -> PolicyTask:
        """What a node has to do."""
        self._advance()
        mine = scope_of(self.lives[epoch].name)
        said = {one for epoch_, one in self.verdicts if epoch_ == epoch}
        prepare = {
            one.revision
            for one in self.rollouts.values()
            if one.state == "preparing" and one.scope in (ALL_NODES, mine)
        }
        living = [one for one in self.lives.values() if one.is_alive and one.policies]
        return PolicyTask(
            self.goal(self.lives[epoch].name),
            tuple(sorted(prepare - said)),
            tuple((one.name, one.policies) for one in living),
        )

    def goal(self, name: str) -> str | None:
        """The revision that is to decide on a node."""
        found = [self.goals.get(scope) for scope in (scope_of(name), ALL_NODES)]
        return next((one.revision for one in found if one and one.revision), None)

    def say(self, epoch: int, revision: str, verdict: str) -> None:
        """A node says what it can do."""
        if self.lives[epoch].is_alive:
            self.verdicts[epoch, revision] = verdict
            self._advance()

    def follow(self, epoch: int, revision: str | None, verdict: str) -> None:
        """A node says what it follows."""
        self.followed[epoch] = PolicyFollower(epoch, revision, verdict)

    def followers(self) -> list[PolicyFollower]:
        """What those that live have said."""
        return [one for epoch, one in sorted(self.followed.items()) if self.lives[epoch].is_alive]

    def propose(self, scope: str, revision: str, files: bytes, actor: str) -> None:
        """A rollout begins."""
        if revision not in self._decide():
            self.bundles[revision] = files
        self.rollouts[scope] = PolicyRollout(scope, revision, "preparing", self.clock(), actor)
        rolling = {one.revision for one in self.rollouts.values()}
        for epoch, about in [*self.verdicts]:
            if about == revision or about not in rolling or not self.lives[epoch].is_alive:
                del self.verdicts[epoch, about]
        for one in self.bundles.keys() - rolling - self._decide():
            del self.bundles[one]

    def back(self, scope: str, actor: str, seen: str | None) -> PolicyBack:
        """A goal moves back."""
        was, rollout = self.goals.get(scope), self.rollouts.get(scope)
        now = None if was is None else was.revision or FILES
        if rollout is not None and rollout.state == "preparing":
            now = rollout.revision
        if now is None or seen not in (None, now):
            return PolicyBack(False, now)
        if self._replace(scope):
            return PolicyBack(True, now)
        assert was is not None
        if was.previous is None and scope != ALL_NODES:
            del self.goals[scope]
        else:
            self.goals[scope] = PolicyGoal(scope, was.previous, was.revision, self.clock(), actor)
        return PolicyBack(True, now)

    def drop(self, scope: str, actor: str) -> bool:
        """A goal goes."""
        dropped = False
        for one in {*self.goals, *self.rollouts}:
            if scope not in (ALL_NODES, one):
                continue
            dropped |= self._replace(one)
            was = self.goals.get(one)
            if one != ALL_NODES:
                dropped |= self.goals.pop(one, None) is not None
            elif was is not None and was.revision is not None:
                self.goals[one] = PolicyGoal(one, None, was.revision, self.clock(), actor)
                dropped = True
        return dropped

    def said(self) -> list[PolicyVerdict]:
        """All verdicts."""
        return [PolicyVerdict(*key, verdict) for key, verdict in sorted(self.verdicts.items())]

    def _decide(self) -> set[str | None]:
        return {one for goal in self.goals.values() for one in (goal.revision, goal.previous)}

    def _replace(self, scope: str) -> bool:
        """End a rollout that is on its way; whether there was one."""
        rollout = self.rollouts.get(scope)
        if rollout is None or rollout.state != "preparing":
            return False
        self.rollouts[scope] = rollout._replace(state="replaced")
        return True

    def _advance(self) -> None:
        for scope, one in sorted(self.rollouts.items()):
            if one.state != "preparing":
                continue
            living = [
                epoch
                for epoch, life in self.lives.items()
                if life.is_alive and scope in (ALL_NODES, scope_of(life.name))
            ]
            said = [self.verdicts.get((epoch, one.revision)) for epoch in living]
            if any(said):
                self.rollouts[scope] = one._replace(state="refused")
            elif said and None not in said:
                self.rollouts[scope] = one._replace(state="done")
                self._move(scope, one)
            elif one.at < self.clock() - EXPIRES:
                self.rollouts[scope] = one._replace(state="expired")

    def _move(self, scope: str, rollout: PolicyRollout) -> None:
        was, previous = self.goals.get(scope), None
        if was is not None:
            previous = was.previous if was.revision == rollout.revision else was.revision
        moved = PolicyGoal(scope, rollout.revision, previous, self.clock(), rollout.actor)
        if scope == ALL_NODES:
            self.goals.clear()
        self.goals[scope] = moved
