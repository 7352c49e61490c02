"""The life of a node in the engine: it joins, renews its lease, buries others and takes over.

Two tasks, so that nothing slow keeps the lease from being renewed:

| every              | what                                                                      |
|--------------------|---------------------------------------------------------------------------|
| quarter of a lease | the lease is renewed; where the node was buried, or the engine's clock    |
|                    | has been set, its life has ended                                          |
| half a second      | whoever is silent is buried; the cohorts of the dead are claimed          |
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import structlog

from dfks_rules.app.cluster.lease import Lease
from dfks_rules.errors import StoreError
from dfks_rules.presence.standing import Standing
from dfks_rules.store.life import TERMS
from dfks_rules.store.postgres.ports import Claimed, Engine, Joined, NotSentError, Report

LOOK = 0.5
"""Seconds between two looks at the others."""
DOUBT = 60.0
"""Seconds after a claim that failed in which it may still succeed, and longer."""
SKEW = 2.0
"""Seconds that the clock of this machine may be away from the engine's without a warning: policies
go by local time."""
STEP = 30.0
"""Seconds by which the engine's clock may leave that of the node: deadlines are by the engine's."""

_BEGIN_ANEW = "TRUNCATE dfks.subscription, dfks.cohort, dfks.lease, dfks.node RESTART IDENTITY"
_NO_EPOCH_LEFT = (
    f"nodes have joined {TERMS - 1:,} times, and no CSeq is left for their NOTIFYs; what helps: "
    f"stop all nodes, then `psql -c '{_BEGIN_ANEW}'` "
    "(features and journal stay, phones subscribe anew)"
)

_log = structlog.get_logger("dfks.cluster")


class Itself(NamedTuple):
    """What a node says of itself."""

    name: str
    release: str
    lease: float
    """How long the others wait for it, s."""
    grace: float
    """How long it answers refreshes from memory, s."""


class Hooks(NamedTuple):
    """Who is told what happens to the node."""

    report: Callable[[float], Report]
    """Gives what the others see of it; `skew` is filled in."""
    claimed: Callable[[Sequence[Claimed]], None]
    """Cohorts are ours: load their dialogs."""
    buried: Callable[[], None]
    """Somebody else has what was ours: end, and begin a new life."""


class Member:
    """One life of a node."""

    def __init__(
        self, engine: Engine, itself: Itself, joined: Joined, asked: float, wall: float
    ) -> None:
        """It has joined.

        Args:
            engine: where lives are.
            itself: what it says of itself.
            joined: what the engine said.
            asked: when it was asked, monotonic seconds.
            wall: what the clock of the machine said then, seconds since 1970.
        """
        self._engine: Final = engine
        self._itself: Final = itself
        self._loop: Final = asyncio.get_running_loop()
        self.epoch: Final = joined.epoch
        """Which life it is."""
        self.joined: Final = joined
        self.lease: Final = Lease(itself.lease, itself.grace, asked)
        """Until when it may serve."""
        self.clock: Final = joined.clock - asked
        """The moment 0 of monotonic time by the engine's clock, seconds since 1970."""
        self.skew = wall - joined.clock
        """How far the clock of this machine is ahead of the engine's, s."""
        self._tasks: list[asyncio.Task[None]] = []
        self._is_silent = False
        self._claimed: set[int] = set()
        """Cohorts that are known to be ours."""
        self._in_doubt_until = 0.0
        """Until when cohorts may be ours though no answer has said so, monotonic seconds."""
        self.counts = {"engine_failures": 0, "buried": 0, "claimed": 0}
        """`engine_failures`: how often the engine could not be asked; `buried`: other lives that
        this node has ended; `claimed`: cohorts that it has taken over."""

    @classmethod
    async def join(cls, engine: Engine, itself: Itself, wall: Callable[[], float]) -> "Member":
        """Begin a life.

        Args:
            engine: where lives are.
            itself: what the node says of itself.
            wall: gives what the clock of the machine says, seconds since 1970.

        Raises:
            StoreError: the engine cannot be reached, or belongs to another release.
        """
        asked, said = asyncio.get_running_loop().time(), wall()
        joined = await engine.join(itself.name, itself.release, itself.lease)
        if joined.epoch >= TERMS:
            raise StoreError("store_unavailable", _NO_EPOCH_LEFT)
        _log.info("cluster_joined", node=itself.name, epoch=joined.epoch)
        return cls(engine, itself, joined, asked, said)

    def standing(self, now: float) -> Standing:
        """How far the node may serve at a moment, monotonic seconds."""
        return self.lease.standing(now)

    def begin(self, hooks: Hooks, wall: Callable[[], float]) -> None:
        """Renew the lease and look at the others from now on."""
        self._tasks = [
            self._loop.create_task(self._keep(hooks, wall)),
            self._loop.create_task(self._look(hooks)),
        ]

    async def end(self, *, is_clean: bool, heard: int = 0) -> None:
        """End this life, so that others take over at once; where the engine does not hear of it,
        they do when the lease is over.

        Args:
            is_clean: whether everything is written.
            heard: number of the change up to which phones were told.
        """
        for task in self._tasks:
            task.cancel()
        try:
            # Nothing changes where others have ended it; but it may be this node that gives it up.
            await self._engine.leave(self.epoch, is_clean=is_clean, heard=heard)
        except StoreError as error:
            _log.warning("cluster_left_silently", reason=error.message)

    def drain(self) -> None:
        """Take no new dialogs, and nothing of others; what is ours goes on."""
        if not self.lease.is_draining:
            self.lease.drain()
            _log.info("cluster_draining", node=self._itself.name, epoch=self.epoch)

    # --- The two tasks ---

    async def _keep(self, hooks: Hooks, wall: Callable[[], float]) -> None:
        """Renew the lease until it is over for good."""
        every = self._itself.lease / 4
        while not self.lease.is_buried:
            asked = self._loop.time()
            try:
                # One call that hangs must not cost the lease: there is time for another one.
                async with asyncio.timeout(self._itself.lease / 2):
                    await self._renew(asked, hooks, wall)
            except StoreError as error:
                self._failed(error)
            except TimeoutError:
                self._failed(StoreError("store_unavailable", "a renewal of the lease hangs"))
            except Exception:  # noqa: BLE001 - our bug; the lease has to be renewed all the same
                _log.exception("cluster_renewal_failed")
            await asyncio.sleep(max(0.0, asked + every - self._loop.time()))
        _log.error("cluster_fenced", node=self._itself.name, epoch=self.epoch)
        hooks.buried()

    async def _renew(self, asked: float, hooks: Hooks, wall: Callable[[], float]) -> None:
        said = wall()
        renewed = await self._engine.renew(self.epoch, self._itself.lease, hooks.report(self.skew))
        if not renewed.is_alive:
            self.lease.buried()
            return
        step = renewed.clock - self.clock - self._loop.time()
        if abs(step) > STEP:
            # All deadlines here are by the clock before: the next life goes by the one now.
            _log.error("cluster_clock_stepped", seconds=round(step, 1), epoch=self.epoch)
            self.lease.buried()
            return
        self.lease.renewed(asked)
        if renewed.is_draining:
            self.drain()
        if self._is_silent:
            self._is_silent = False
            _log.info("cluster_engine_back")
        was_off = abs(self.skew) > SKEW
        self.skew = said - renewed.clock
        if abs(self.skew) > SKEW and not was_off:
            _log.warning("cluster_clock_skewed", seconds=round(self.skew, 1))

    async def _look(self, hooks: Hooks) -> None:
        """Bury who is silent, and take over from the dead."""
        while not self.lease.is_buried:
            try:
                await self._take_over(hooks)
            except StoreError as error:
                self._failed(error)
            except Exception:  # noqa: BLE001 - our bug; the dead have to be buried all the same
                _log.exception("cluster_look_failed")
            await asyncio.sleep(LOOK)

    async def _take_over(self, hooks: Hooks) -> None:
        now = self._loop.time()
        if self.lease.standing(now) is not Standing.SERVING:
            return
        if self.lease.may_bury(now):
            dead = await self._engine.bury(self.epoch)
            self.counts["buried"] += len(dead)
            for epoch in dead:
                _log.warning("cluster_node_buried", epoch=epoch)
        claimed = await self._claim(now)
        if claimed:
            self._claimed.update([one.cohort for one in claimed])
            self.counts["claimed"] += len(claimed)
            hooks.claimed(claimed)

    async def _claim(self, now: float) -> list[Claimed]:
        """Cohorts that are ours from now on; of those that an answer which was lost has told, too.

        Raises:
            StoreError: it is not known whether there are any.
        """
        try:
            given = await self._engine.claim(self.epoch, again=now < self._in_doubt_until)
        except NotSentError:
            raise
        except BaseException:
            self._in_doubt_until = self._loop.time() + DOUBT
            raise
        return [one for one in given if one.cohort not in self._claimed]

    def _failed(self, error: StoreError) -> None:
        self.counts["engine_failures"] += 1
        if not self._is_silent:
            self._is_silent = True
            _log.error("cluster_engine_silent", reason=error.message)
