"""Subscriptions of earlier lives of the server, loaded while it serves.

What was made shortly before the last heartbeat is loaded before the first datagram is served: a
phone may repeat the SUBSCRIBE that made it. All others follow in portions, between which phones
are served; until then nobody is told that a subscription does not exist.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from dfks_rules.app.driver import BREATH
from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.presence.claim import UNSURE, Before, Claim
from dfks_rules.presence.rows import written_at
from dfks_rules.service.ports import DialogRow
from dfks_rules.store.life import Beat

PORTION = 400
"""Rows that are read and taken in one go: about 4 ms."""
AGAIN = 1.0
"""Seconds until rows that could not be read are asked for again."""
_ALL = (1 << 63) - 1
"""The highest number that a row can have in SQLite; no row that is given out comes near it."""

_log = structlog.get_logger()


class Past(Protocol):
    """What knows of earlier lives; `store.sqlite.SqliteStore` does."""

    @property
    def previous(self) -> Beat | None:
        """When the server lived last before this life; None: never."""
        ...

    def read(self, before: int, at_most: int) -> list[DialogRow]:
        """Rows with numbers below `before`, the highest first."""
        ...

    def changed_since(self, seq: int) -> frozenset[Aor]:
        """Whose features have changed since this change in the journal."""
        ...


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


class Loading:
    """Loads the subscriptions of earlier lives, once."""

    def __init__(
        self, past: Past, notifier: Takes, wake: Callable[[], None], done: Callable[[], None]
    ) -> None:
        """Load nothing yet.

        Args:
            past: where rows come from.
            notifier: takes them over.
            wake: called when the notifier may have something to do.
            done: called when everything is loaded.
        """
        self._past = past
        self._wake = wake
        self._done = done
        self._notifier = notifier
        self._claim: Claim | None = None
        self._next = _ALL
        self._rows = 0
        self._began = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self.counts = {"restore_failures": 0}
        """`restore_failures`: how often rows could not be read, so that they were asked for again,
        or not be taken, so that some were left out."""

    def begin(self, now: float) -> None:
        """Load what phones may repeat; the rest follows by itself.

        Args:
            now: monotonic seconds.

        Raises:
            StoreError: nothing can be read.
        """
        previous = self._past.previous
        if previous is None:
            self._done()
            return
        since = previous.at - UNSURE
        changed = frozenset() if previous.is_clean else self._past.changed_since(previous.told)
        before = Before(previous.at, previous.is_clean, changed)
        self._claim = self._notifier.restore(before, now)
        while (rows := self._portion(now)) and _may_go_on(rows, since):
            pass
        if rows:
            self._task = asyncio.get_running_loop().create_task(self._load_rest())
        else:
            self._loaded()

    def _portion(self, now: float) -> list[DialogRow]:
        rows = self._past.read(self._next, PORTION)
        if rows:
            self._next = rows[-1].row
            self._rows += len(rows)
            self._notifier.take(self._claim, rows, now)
            self._wake()
        return rows

    async def _load_rest(self) -> None:
        loop, took = asyncio.get_running_loop(), BREATH
        while True:
            # Half of the time is for others.
            await asyncio.sleep(took)
            began = loop.time()
            try:
                if not self._portion(began):
                    break
                took = max(BREATH, loop.time() - began)
            except StoreError as error:
                self.counts["restore_failures"] += 1
                _log.error("restore_failed", reason=error.message)
                took = AGAIN
            except Exception as error:  # noqa: BLE001 - our bug; others must not wait for ever
                self.counts["restore_failures"] += 1
                _log.exception("restore_failed", reason=str(error))
                took = AGAIN
        self._loaded()

    def _loaded(self) -> None:
        self._notifier.loaded(self._claim)
        self._done()
        previous = self._past.previous
        assert previous is not None  # noqa: S101 - or nothing was begun
        _log.info(
            "restored",
            subscriptions=self._rows,
            seconds=round(time.monotonic() - self._began, 3),
            clean=previous.is_clean,
        )

    def end(self) -> None:
        """Load no more."""
        if self._task is not None:
            self._task.cancel()


def _may_go_on(rows: Sequence[DialogRow], since: float) -> bool:
    """Whether rows that were made since then may follow; spoilt ones do not say when they were."""
    times = [written_at(row.flags) for row in rows if row.tag]
    return not times or times[-1] >= since
