"""The policies of a node, in step with those of the others.

| input                                   | output                                    | next      |
|-----------------------------------------|-------------------------------------------|-----------|
| a rollout to this node                  | the bundle is checked, and tried out in a | looking   |
|                                         | process apart; the others know what came  |           |
|                                         | of it                                     |           |
| the goal has moved                      | its bundle decides                        | following |
| a goal that cannot be used here         | what decided goes on; tried again after   | following |
|                                         | `AGAIN`                                   |           |
| there is no goal any more               | the files of this node decide             | looking   |
| nodes have other policies for `SKEWED`  | it is logged, and again when it is over   | unchanged |

Goals move in the engine, once all living nodes are ready: nobody depends on the node that was asked
for a rollout.
"""

import asyncio
from typing import Final, Protocol

import orjson
import structlog

from dfks_rules.config.cluster import ClusterSettings
from dfks_rules.errors import DfksError, PolicyError, StoreError
from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.postgres.policies import PolicyTask
from dfks_rules.store.postgres.ports import Engine

LOOK = 1.0
"""Seconds between two looks."""
AGAIN = 60.0
"""Seconds until a goal that cannot be used is tried again: that costs a second of CPU or more."""
SKEWED = 10.0
"""Seconds for which nodes may have different policies without anybody being told."""
MAX_FINDINGS = 50
"""Findings that others are told of."""

_log = structlog.get_logger("dfks.policy")


class Desk(Protocol):
    """The policies of this node; `app.desk.bundles.BundleDesk` has them."""

    @property
    def revision(self) -> str:
        """What decides."""
        ...

    @property
    def follows(self) -> bool:
        """Whether it follows a bundle."""
        ...

    @property
    def has_failed(self) -> bool:
        """Whether what was to decide last could not be used."""
        ...

    async def prepare(self, bundle: bytes) -> None:
        """Check a bundle that may be followed soon.

        Raises:
            PolicyError: it cannot be used.
        """
        ...

    async def follow(self, bundle: bytes | None) -> None:
        """Have a bundle decide; None: the files of this node.

        Raises:
            DfksError: it cannot be used; what decided goes on.
        """
        ...


async def goal_of(settings: ClusterSettings) -> bytes | None:
    """The bundle that a node begins with; None: its files.

    Raises:
        StoreError: the database cannot be used.
    """
    engine = PostgresEngine(settings.url, settings.name)
    try:
        await engine.check()
        return await engine.policy_goal(settings.name)
    finally:
        await engine.close()


class Policies:
    """Keeps the policies of a node in step."""

    def __init__(self, engine: Engine, epoch: int, desk: Desk) -> None:
        """Nothing is done yet.

        Args:
            engine: has bundles and goals.
            epoch: which life of the node it is.
            desk: its policies.
        """
        self._engine: Final = engine
        self._epoch: Final = epoch
        self._desk: Final = desk
        self._loop: Final = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._failed: str | None = None
        """A goal that could not be used."""
        self._again = 0.0
        self._outcome: tuple[str | None, str] = (None, "")
        """The goal that was followed last, and why it is not."""
        self._said: tuple[str | None, str] | None = None
        """The same as the others know it."""
        self._differ_since: float | None = None
        self._is_told = False
        self.counts = {"policies_prepared": 0, "policies_refused": 0, "policies_not_followed": 0}
        """`policies_prepared`, `policies_refused`: of rollouts, by this node;
        `policies_not_followed`: goals that it could not use."""

    @property
    def skew(self) -> float:
        """How long living nodes have had different policies, s; 0 while they have the same."""
        since = self._differ_since
        return 0.0 if since is None else self._loop.time() - since

    def begin(self) -> None:
        """Look from now on."""
        self._task = self._loop.create_task(self._keep_in_step())

    def end(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()

    async def _keep_in_step(self) -> None:
        while True:
            has_more = False
            try:
                has_more = await self.look()
            except StoreError:
                pass  # The life of the node says that the engine is silent.
            except Exception:  # noqa: BLE001 - our bug; the next goal is followed all the same
                _log.exception("policy_look_failed")
            await asyncio.sleep(0.0 if has_more else LOOK)

    async def look(self) -> bool:
        """Do what there is to do; whether there may be more at once.

        Raises:
            StoreError: the engine is out of reach.
        """
        task = await self._engine.policy_task(self._epoch)
        self._compare(task)
        for revision in task.prepare:
            await self._prepare(revision)
        if self._is_to_move(task.goal):
            await self._move(task.goal)
        elif not self._is_stuck(task.goal):
            self._outcome = (task.goal, "")
        if self._outcome != self._said:
            await self._engine.policy_followed(self._epoch, *self._outcome)
            self._said = self._outcome
        return bool(task.prepare)

    async def _prepare(self, revision: str) -> None:
        bundle = await self._engine.policy_bundle(revision)
        if bundle is None:
            return  # Another rollout has taken its place.
        verdict = ""
        try:
            await self._desk.prepare(bundle)
        except PolicyError as error:
            verdict = _verdict_of(error)
            self.counts["policies_refused"] += 1
            findings = orjson.loads(verdict)
            _log.warning("policy_rollout_refused", revision=revision, findings=findings)
        else:
            self.counts["policies_prepared"] += 1
            _log.info("policy_rollout_ready", revision=revision)
        await self._engine.policy_verdict(self._epoch, revision, verdict)

    def _is_to_move(self, goal: str | None) -> bool:
        if goal is None:
            self._failed = None
            return self._desk.follows
        if goal == self._failed and self._loop.time() < self._again:
            return False
        return not self._desk.follows or goal != self._desk.revision

    def _is_stuck(self, goal: str | None) -> bool:
        """Whether what was tried last cannot be used, and nothing has changed since."""
        return self._desk.has_failed if goal is None else goal == self._failed

    async def _move(self, goal: str | None) -> None:
        bundle = None
        if goal is not None:
            bundle = await self._engine.policy_bundle(goal)
            if bundle is None:
                return  # The goal has moved meanwhile.
        try:
            await self._desk.follow(bundle)
        except DfksError as error:
            # The desk has logged what is wrong.
            self._failed, self._again = goal, self._loop.time() + AGAIN
            self._outcome = (goal, _verdict_of(error))
            self.counts["policies_not_followed"] += 1
            _log.error("policy_goal_not_followed", revision=goal, reason=error.message[:200])
        else:
            self._failed, self._outcome = None, (goal, "")

    def _compare(self, task: PolicyTask) -> None:
        """See whether the living nodes have the same policies."""
        if len({revision for _, revision in task.active}) < 2:
            self._differ_since = None
            if self._is_told:
                self._is_told = False
                _log.info("policy_skew_over", revision=self._desk.revision)
            return
        if self._differ_since is None:
            self._differ_since = self._loop.time()
        if self.skew > SKEWED and not self._is_told:
            self._is_told = True
            _log.warning("policy_skewed", nodes=dict(task.active))


def _verdict_of(error: DfksError) -> str:
    """Why policies cannot be used, as the others read it: a list of lines, as JSON."""
    findings = error.findings if isinstance(error, PolicyError) else [error.message]
    told = [str(one) for one in findings[:MAX_FINDINGS]]
    if len(findings) > MAX_FINDINGS:
        told.append(f"and {len(findings) - MAX_FINDINGS:,} more")
    return orjson.dumps(told).decode()
