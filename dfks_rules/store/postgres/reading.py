"""Reads for decisions: what is asked for in one turn of the loop, or during a call, is one call.

What the engine says of a presentity while an own commit on it is under way may have that commit in
it, of which nobody has been told yet, or not. So it is not believed: when the commit is settled,
either it says what is stored, or the presentity is read again.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Fetched
from dfks_rules.store.postgres.group import MOST_WAITING, PATIENCE, RETRY, GroupCommit
from dfks_rules.store.postgres.known import Known
from dfks_rules.store.postgres.ports import Engine
from dfks_rules.store.postgres.records import SpoiltError

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
        group: GroupCommit,
        counts: dict[str, int],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Nothing is asked for.

        Args:
            engine: where it is read.
            known: what is known then.
            group: knows what is under way.
            counts: see `store.counts`.
            loop: on its thread all calls are made.
        """
        self._engine = engine
        self._known = known
        self._group = group
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
        self._ask(_Asked(tuple(presentities), done, now))

    def close(self) -> None:
        """Read nothing more."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
        asked, self._asked = self._asked, []
        self._tell(asked, "the store is closed")

    def _ask(self, asked: _Asked) -> None:
        self._asked.append(asked)
        if self._task is None:
            self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        while self._asked:
            batch = self._next()
            wanted = list(dict.fromkeys(aor for one in batch for aor in one.presentities))
            expected = {presentity: self._known.expect(presentity) for presentity in wanted}
            try:
                found = await self._engine.fetch(wanted)
            except SpoiltError as error:
                self._give_up(error)
                continue
            except Exception as error:  # noqa: BLE001 - else nobody would ever be told
                why = error.message if isinstance(error, StoreError) else repr(error)
                await self._try_again(batch, why)
                continue
            for presentity, snapshot in found:
                if not self._group.concerns(presentity):
                    self._known.read(presentity, snapshot, expected[presentity])
            del self._asked[: len(batch)]
            for one in batch:
                self._finish(one)
        self._task = None

    def _finish(self, one: _Asked) -> None:
        """Tell that it is read, once what is under way now is settled."""
        waits = [aor for aor in one.presentities if self._group.concerns(aor)]
        if not waits:
            self._tell([one], None)
            return

        def settled(presentity: Aor) -> None:
            waits.remove(presentity)
            if not waits:
                self._settled(one)

        for presentity in tuple(waits):
            self._group.when_settled(presentity, partial(settled, presentity))

    def _settled(self, one: _Asked) -> None:
        is_known = all(self._known(aor) is not None for aor in one.presentities)
        if is_known or self._is_closed or one.since <= self._loop.time() - PATIENCE:
            self._tell([one], None)
        else:
            self._ask(one)

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
        # They are anywhere in it: who is read again stands behind others.
        self._asked[: len(batch)] = [one for one in batch if one.since > until]
        self._tell(late, why)
        if self._asked:
            await asyncio.sleep(RETRY)

    def _give_up(self, spoilt: SpoiltError) -> None:
        """Tell those who asked for what cannot be read; the others are read again at once."""
        self._counts["reads_failed"] += 1
        whose = [one for one in self._asked if spoilt.presentity in one.presentities]
        self._asked = [one for one in self._asked if spoilt.presentity not in one.presentities]
        self._tell(whose, spoilt.message, spoilt)

    def _tell(
        self, asked: list[_Asked], why: str | None, spoilt: SpoiltError | None = None
    ) -> None:
        now = self._loop.time()
        for one in asked:
            error = None if why is None else spoilt or StoreError("store_unavailable", why)
            try:
                one.done(error, now)
            except Exception as bug:  # noqa: BLE001 - the others are told, and reads go on
                self._loop.call_exception_handler(
                    {"message": "the end of a read could not be told", "exception": bug}
                )
