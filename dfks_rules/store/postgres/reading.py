"""Reads for decisions: what is asked for in one turn of the loop, or during a call, is one call."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Fetched
from dfks_rules.store.postgres.group import MOST_WAITING, PATIENCE, RETRY
from dfks_rules.store.postgres.known import Known
from dfks_rules.store.postgres.ports import Engine

MOST_AT_ONCE = 500
"""Presentities in one call, unless one asks for more."""


class _Asked(NamedTuple):
    presentities: tuple[Aor, ...]
    done: Fetched
    since: float


class Reading:
    """Makes presentities known."""

    def __init__(
        self,
        engine: Engine,
        known: Known,
        counts: dict[str, int],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Nothing is asked for.

        Args:
            engine: where it is read.
            known: what is known then.
            counts: see `store.counts`.
            loop: on its thread all calls are made.
        """
        self._engine = engine
        self._known = known
        self._counts = counts
        self._loop = loop
        self._asked: list[_Asked] = []
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """Read them, later than now."""
        now = self._loop.time()
        if self._is_closed or len(self._asked) >= MOST_WAITING:
            why = "the store is closed" if self._is_closed else "too many wait for the engine"
            done(StoreError("store_unavailable", why), now)
            return
        self._asked.append(_Asked(tuple(presentities), done, now))
        if self._task is None:
            self._task = self._loop.create_task(self._run())

    def close(self) -> None:
        """Read nothing more."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
        asked, self._asked = self._asked, []
        self._tell(asked, "the store is closed")

    async def _run(self) -> None:
        while self._asked:
            batch = self._next()
            wanted = list(dict.fromkeys(aor for one in batch for aor in one.presentities))
            for presentity in wanted:
                self._known.expect(presentity)
            try:
                found = await self._engine.fetch(wanted)
            except Exception as error:  # noqa: BLE001 - else nobody would ever be told
                why = error.message if isinstance(error, StoreError) else repr(error)
                await self._try_again(batch, why)
                continue
            for presentity, snapshot in found:
                self._known.read(presentity, snapshot)
            del self._asked[: len(batch)]
            self._tell(batch, None)
        self._task = None

    def _next(self) -> list[_Asked]:
        """The first of those that wait, which stay there until they are told."""
        size = 0
        for number, one in enumerate(self._asked):
            size += len(one.presentities)
            if size > MOST_AT_ONCE and number:
                return self._asked[:number]
        return [*self._asked]

    async def _try_again(self, batch: list[_Asked], why: str) -> None:
        """A read may be repeated; those who have waited too long are told."""
        self._counts["reads_failed"] += 1
        until = self._loop.time() - PATIENCE
        late = [one for one in batch if one.since <= until]
        del self._asked[: len(late)]
        self._tell(late, why)
        if self._asked:
            await asyncio.sleep(RETRY)

    def _tell(self, asked: list[_Asked], why: str | None) -> None:
        now = self._loop.time()
        for one in asked:
            error = None if why is None else StoreError("store_unavailable", why)
            try:
                one.done(error, now)
            except Exception as bug:  # noqa: BLE001 - the others are told, and reads go on
                self._loop.call_exception_handler(
                    {"message": "the end of a read could not be told", "exception": bug}
                )
