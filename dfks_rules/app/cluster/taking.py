"""Dialogs of nodes that have ended: cohorts were claimed, their rows are loaded while phones are
served.

Of a phone that speaks before its row is there, the dialog is asked for by its tag
(`Dialogs.adopt`): nobody waits for the rest.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.presence.claim import UNSURE, Before, Claim
from dfks_rules.service.ports import DialogRow
from dfks_rules.store.postgres.ports import Claimed, Engine
from dfks_rules.store.postgres.store import PostgresStore

PORTION = 400
"""Rows that are read and taken in one go: about 4 ms."""
AGAIN = 0.5
"""Seconds until rows that could not be read are asked for again."""
ANSWERED = 0.5
"""Seconds after which an adoption that the feed tells of is here, unless its answer is late."""
_ALL = (1 << 63) - 1
_Told = TypeVar("_Told")

_log = structlog.get_logger("dfks.cluster")


class Takes(Protocol):
    """What takes them over; `presence.notifier.Notifier` does."""

    def restore(self, before: Before, now: float) -> Claim | None:
        """There are rows to come."""
        ...

    def take(self, claim: Claim | None, rows: Sequence[DialogRow], now: float) -> None:
        """Take over subscriptions."""
        ...

    def loaded(self, claim: Claim | None) -> None:
        """There are no more."""
        ...

    def has(self, tag: bytes) -> bool:
        """Whether a dialog is here."""
        ...

    def adopted(self, row: DialogRow, now: float) -> None:
        """A dialog is this node's since it has adopted it."""
        ...


class TakingOver:
    """Loads what was claimed."""

    def __init__(
        self,
        engine: Engine,
        store: PostgresStore,
        notifier: Takes,
        caught_up: Callable[[], Awaitable[None]],
        wake: Callable[[], None],
    ) -> None:
        """Nothing is claimed yet.

        Args:
            engine: knows whose features have changed.
            store: gives rows.
            notifier: takes them over.
            caught_up: waits until the feed has told all that was committed before.
            wake: called when the notifier may have something to do.
        """
        self._engine = engine
        self._store = store
        self._notifier = notifier
        self._caught_up = caught_up
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts = {"taken": 0}
        """`taken`: subscriptions that other lives had."""

    def begin(self, claimed: Sequence[Claimed]) -> None:
        """Cohorts are ours: load their rows."""
        self._store.own(claimed)
        # Who left as planned has told what there was; who died has not.
        for is_clean in (True, False):
            if some := [one for one in claimed if one.is_clean is is_clean]:
                self._begin(self._load(some))

    def adopted(self, tag: bytes) -> None:
        """The feed says that this node has adopted a dialog: have it here, also where nobody waits
        for it any more since the answer was lost.
        """
        if not self._notifier.has(tag):
            self._begin(self._fetch(tag))

    def end(self) -> None:
        """Load no more."""
        for task in self._tasks:
            task.cancel()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fetch(self, tag: bytes) -> None:
        await asyncio.sleep(ANSWERED)
        if self._notifier.has(tag):
            return
        row = await self._until_told(partial(self._store.mine, tag))
        if row is not None:
            await self._caught_up()
            self._notifier.adopted(row, self._loop.time())
            self._wake()

    async def _load(self, claimed: list[Claimed]) -> None:
        began, count = self._loop.time(), 0
        renewed, is_clean = min(one.renewed for one in claimed), claimed[0].is_clean
        claim = self._notifier.restore(Before(renewed, is_clean=is_clean), began)
        # Else phones might be told something older than by the node that had them.
        await self._caught_up()
        # What the feed says from now on is heard; what was said before is asked for.
        changed = await self._untold(claimed)
        if claim is not None:
            claim.changed.update(changed)
        below, cohorts = _ALL, [one.cohort for one in claimed]
        while rows := await self._portion(cohorts, below):
            count += len(rows)
            below = rows[-1].row
            self._take(claim, rows)
            self._wake()
            # Half of the time is for others; reading them was most of it.
            await asyncio.sleep(0)
        self._notifier.loaded(claim)
        self.counts["taken"] += count
        _log.info(
            "cluster_taken_over",
            cohorts=len(cohorts),
            subscriptions=count,
            seconds=round(self._loop.time() - began, 3),
        )

    async def _untold(self, claimed: Sequence[Claimed]) -> frozenset[Aor]:
        """Whose features have changed, and their phones may not have been told."""
        if claimed[0].is_clean:
            heard = min(one.heard for one in claimed)
            return await self._until_told(partial(self._engine.changed_after, heard))
        # What was sent may not have arrived.
        since = min(one.renewed for one in claimed) - UNSURE
        return await self._until_told(partial(self._engine.changed_since, since))

    async def _portion(self, cohorts: list[int], below: int) -> list[DialogRow]:
        return await self._until_told(partial(self._store.rows_of, cohorts, below, PORTION))

    async def _until_told(self, ask: Callable[[], Awaitable[_Told]]) -> _Told:
        """What the engine says, however long that takes."""
        is_late = False
        while True:
            try:
                return await ask()
            except StoreError as error:
                if not is_late:
                    is_late = True
                    _log.warning("cluster_taking_over_late", reason=error.message)
                await asyncio.sleep(AGAIN)

    def _take(self, claim: Claim | None, rows: list[DialogRow]) -> None:
        """Have them taken over; where one runs into a bug of ours, all others."""
        now = self._loop.time()
        try:
            self._notifier.take(claim, rows, now)
        except Exception:  # noqa: BLE001 - else nobody would be told anything any more
            _log.exception("cluster_taking_over_failed")
            for row in rows:
                # Those that are here already stay as they are.
                with suppress(Exception):
                    self._notifier.take(claim, [row], now)
