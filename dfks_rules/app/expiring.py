"""What rules say is switched off by itself (`expire`), switched off when the time has come.

Deadlines are kept by the store, in order. One task looks what is due, and sleeps until the next
one is: there is one timer however many there are, and none where there is nothing to wait for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice

import structlog

from dfks_rules.app.driver import BREATH
from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES
from dfks_rules.model.gets import Result
from dfks_rules.model.identity import Aor
from dfks_rules.service.features import Features
from dfks_rules.service.ports import ChangedError, Deadlines

PORTION = 32
"""Users at a time; between two portions, phones are served."""
IN_VAIN = 16
"""Portions, at most, of which nobody could be switched off in one look: then it is the store."""
MOST_STUCK = 2_048
"""Most users who are known as stuck: beyond, those with later deadlines wait for them."""
AGAIN = 5.0
"""Seconds until what could not be switched off is looked at again."""
LOOK = 2.0
"""Seconds between two looks where other nodes store deadlines, too."""
LONGEST = 5.0
"""Seconds until the clock is looked at again: it may be set, and goes on while machines sleep."""

_log = structlog.get_logger()


class Expiring:
    """Switches off what has expired."""

    def __init__(
        self,
        features: Features,
        deadlines: Deadlines,
        at: Callable[[], datetime],
        acts: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """It does nothing yet.

        Args:
            features: asks the policies, and stores what comes of it.
            deadlines: says whose features are due.
            at: gives local time, for the policies and for deadlines.
            acts: says whether this node does it for all; None where there is one server.
        """
        self._features = features
        self._deadlines = deadlines
        self._at = at
        self._acts = acts
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._next: int | None = None
        """The earliest deadline that is known, seconds since 1970."""
        self._is_known = False
        """Whether none can be earlier than that."""
        self._task: asyncio.Task[None] | None = None
        self._stuck: dict[Aor, None] = {}
        """Users who could not be switched off, those whose turn comes next first."""
        self.counts = {"switched_off": 0, "denied": 0, "failures": 0}
        """What came of features whose deadline had passed: `switched_off`, `denied` by a rule;
        `failures`: users for whom the store failed, and is asked again."""

    @property
    def stuck(self) -> int:
        """How many users could not be switched off, and are tried again."""
        return len(self._stuck)

    def begin(self) -> None:
        """Do it from now on, first what has passed while nobody served."""
        self._task = self._loop.create_task(self._run())

    async def end(self) -> None:
        """Do no more; what is under way is settled by the store."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def hear(self, deadline: int) -> None:
        """A deadline was stored here (seconds since 1970)."""
        if self._next is None or deadline < self._next:
            self._next = deadline
            self._woken.set()

    async def _run(self) -> None:
        while True:
            try:
                sleep = await self._look()
            except StoreError as error:
                _log.debug("expiring_waits", reason=error.message)
                sleep = AGAIN
            except Exception:  # noqa: BLE001 - our bug; what expires must do so all the same
                _log.exception("expiring_failed")
                sleep = AGAIN
            with suppress(TimeoutError):
                async with asyncio.timeout(sleep):
                    await self._woken.wait()

    async def _look(self) -> float | None:
        """Switch off all that is due; seconds until the next look, None: until something is heard.

        Raises:
            StoreError: deadlines cannot be read.
        """
        if self._is_known and not self._woken.is_set() and (left := self._sleep()) != 0.0:
            return left
        self._is_known = False
        self._woken.clear()
        if self._acts is not None and not await self._acts():
            self._stuck.clear()
            return LOOK
        in_vain = 0
        while in_vain < IN_VAIN and len(self._stuck) < MOST_STUCK and (due := await self._due()):
            in_vain = 0 if await self._expire_all(due) else in_vain + 1
        retried = 0
        while in_vain < IN_VAIN and retried < len(self._stuck):
            # Each look begins with others of them.
            due = [*islice(self._stuck, PORTION)]
            is_any = await self._expire_all(due)
            in_vain, retried = (0, 0) if is_any else (in_vain + 1, retried + len(due))
        if self._stuck:
            return AGAIN
        self._next = await self._deadlines.next()
        self._is_known = self._acts is None
        return self._sleep()

    async def _due(self) -> list[Aor]:
        """Users whose time has come, without those who hold up the others: they come first."""
        at_most = PORTION + len(FEATURES) * len(self._stuck)
        due = await self._deadlines.due(int(self._at().timestamp()), at_most)
        return [one for one in due if one not in self._stuck][:PORTION]

    async def _expire_all(self, due: Sequence[Aor]) -> bool:
        """Switch off what is due of some users; whether anything came of it for one of them."""
        began = self._loop.time()
        done = await asyncio.gather(*[self._expire(presentity) for presentity in due])
        for presentity, is_done in zip(due, done, strict=True):
            self._stuck.pop(presentity, None)
            if not is_done:
                self._stuck[presentity] = None  # behind all others
        # Half of the time is for others.
        await asyncio.sleep(max(BREATH, self._loop.time() - began))
        return any(done)

    def _sleep(self) -> float | None:
        """Until when nothing is due, s."""
        shared = None if self._acts is None else LOOK
        if self._next is None:
            return shared
        left = max(0.0, self._next - self._at().timestamp())
        return min(left, shared or LONGEST)

    async def _expire(self, presentity: Aor) -> bool:
        """Switch off what is due of one user; whether anything came of it."""
        result = await self._ask(presentity)
        if isinstance(result, ChangedError):
            # What is known here may be older than what the deadline was read from.
            await self._fetch((presentity,))
            result = await self._ask(presentity)
        if isinstance(result, tuple):
            for outcome in result:
                is_denied = outcome.decision.denial is not None
                self.counts["denied" if is_denied else "switched_off"] += 1
            return True
        if isinstance(result, ChangedError):
            # Nothing is due any more of who was stuck; or else it will be found again.
            return presentity in self._stuck
        self.counts["failures"] += 1
        return False

    async def _ask(self, presentity: Aor) -> Result:
        settled: asyncio.Future[Result] = self._loop.create_future()

        def done(result: Result, _now: float) -> None:
            if not settled.done():
                settled.set_result(result)

        self._features.expire(presentity, self._at(), self._loop.time(), done)
        return await settled

    async def _fetch(self, presentities: Sequence[Aor]) -> None:
        fetched: asyncio.Future[None] = self._loop.create_future()

        def done(_error: StoreError | None, _now: float) -> None:
            if not fetched.done():
                fetched.set_result(None)

        self._features.fetch(presentities, done)
        await fetched
