"""Dialogs that become this node's: what is asked for in one turn of the loop, or during a call, is
one call, and so one commit.

When a node dies, its phones with TCP and TLS come to the others all at once; each commit of its own
would wait for the disk.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.service.ports import Adopting, DialogRow, Gone
from dfks_rules.store.postgres.group import MAX_BATCH, PATIENCE, RETRY
from dfks_rules.store.postgres.ports import Engine, Sought

MOST_ADOPTIONS = 4_096
"""Dialogs that are being adopted at the same time; phones repeat what is refused."""

_log = structlog.get_logger("dfks.store")


class _Asked(NamedTuple):
    sought: Sought
    done: Adopting
    until: float
    """Until when it is asked for again, by the time of the loop."""


class GatheredAdoptions:
    """Makes dialogs this node's."""

    def __init__(
        self,
        engine: Engine,
        epoch: int,
        localized: Callable[[DialogRow], DialogRow | None],
        fence: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Nothing is asked for.

        Args:
            engine: whose all dialogs are.
            epoch: of this life.
            localized: gives a row as this process has it; None where the term of its cohort is not
                known yet.
            fence: called when the others take this node for dead.
            loop: on its thread all calls are made.
        """
        self._engine = engine
        self._epoch = epoch
        self._localized = localized
        self._fence = fence
        self._loop = loop
        self._asked: list[_Asked] = []
        self._count = 0
        """How many wait in all."""
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def is_full(self) -> bool:
        """Whether no more may be asked for."""
        return self._is_closed or self._count >= MOST_ADOPTIONS

    def ask(self, sought: Sought, done: Adopting) -> None:
        """Make a dialog this node's, later than now.

        Once more means the same: it is asked for again where an answer is lost.
        """
        self._count += 1
        self._begin(_Asked(sought, done, self._loop.time() + PATIENCE))

    def close(self) -> None:
        """Adopt nothing more; who waits is told nothing, as its phone hears of the end."""
        self._is_closed = True
        self._asked = []
        if self._task is not None:
            self._task.cancel()

    def _begin(self, asked: _Asked) -> None:
        if self._is_closed:
            return
        self._asked.append(asked)
        if self._task is None:
            self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        while self._asked:
            batch, self._asked = self._asked[:MAX_BATCH], self._asked[MAX_BATCH:]
            try:
                found = await self._engine.adopt(self._epoch, [one.sought for one in batch])
            except StoreError as error:
                if error.code == "store_fenced":
                    self._fence()
                self._failed(batch, may_be_asked_again=error.code != "store_fenced")
            except Exception:  # noqa: BLE001 - else nobody would ever be told
                _log.exception("store_adoption_failed")
                self._failed(batch, may_be_asked_again=False)
            else:
                for one, row in zip(batch, found, strict=True):
                    self._came(one, row)
        self._task = None

    def _came(self, one: _Asked, found: DialogRow | Gone) -> None:
        row = self._localized(found) if isinstance(found, DialogRow) else None
        if row is not None:
            self._tell(one, row)
        elif found is Gone.UNKNOWN or found is Gone.ELSEWHERE:
            self._tell(one, found)
        else:
            # Somebody writes it, or it was claimed and the answer is on its way, or lost and asked
            # for again.
            self._later(one)

    def _failed(self, batch: list[_Asked], *, may_be_asked_again: bool) -> None:
        for one in batch:
            if may_be_asked_again:
                self._later(one)
            else:
                self._tell(one, Gone.UNAVAILABLE)

    def _later(self, one: _Asked) -> None:
        if self._loop.time() < one.until:
            self._loop.call_later(RETRY, self._begin, one)
        else:
            self._tell(one, Gone.UNAVAILABLE)

    def _tell(self, one: _Asked, found: DialogRow | Gone) -> None:
        self._count -= 1
        try:
            one.done(found, self._loop.time())
        except Exception as bug:  # noqa: BLE001 - the others are told, and adoptions go on
            self._loop.call_exception_handler(
                {"message": "what came of an adoption could not be told", "exception": bug}
            )
