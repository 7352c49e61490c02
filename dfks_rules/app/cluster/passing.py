"""Events of this node that are in no journal, on their way to whoever tells webhooks for all.

Nothing is kept of types that no webhook wants. What waits here is lost with the process; what the
engine has outlives it.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Protocol

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.operations.events import Event
from dfks_rules.operations.webhooks import KeptEvent

GATHER = 0.1
"""Seconds for which events are gathered: each commit takes a lock that all nodes want."""
AT_ONCE = 256
"""Events that are put into the engine at once."""
MOST = 1_000
"""Events that wait here, where the engine is silent or slow; further ones are lost."""
RETRY = 1.0
"""Seconds until an engine that has failed is asked again."""
FINISH_WITHIN = 2.0
"""Seconds that what waits has to get there when the server stops."""

Tap = Callable[[Callable[[Event], None] | None], None]
"""Has somebody told of events that are in no journal; None: nobody any more."""

_log = structlog.get_logger("dfks.cluster")


class Table(Protocol):
    """Where events are kept; see `store.postgres.events.EventTable`."""

    async def wanted(self) -> frozenset[str]:
        """Types of events that some webhook wants, and that are in no journal."""
        ...

    async def append(self, events: Sequence[KeptEvent]) -> int:
        """Put events behind all that has happened; how many older ones had to go."""
        ...

    async def drop(self) -> None:
        """Remove those of which every webhook was told that wants such."""
        ...


class Passing:
    """Events of one life of a node."""

    def __init__(
        self, table: Table, tap: Tap, name: str, wall: Callable[[], float] = time.time
    ) -> None:
        """Nothing is wanted yet.

        Args:
            table: where they go.
            tap: gives them.
            name: what names the servers that share the store, in ids of events.
            wall: gives seconds since 1970.
        """
        self._table = table
        self._tap = tap
        self._name = f"{name}-{os.urandom(4).hex()}"
        self._wall = wall
        self._wanted: frozenset[str] = frozenset()
        self._waiting: deque[KeptEvent] = deque()
        self._number = 0
        self._writing: asyncio.Task[None] | None = None
        self._counts = {"kept": 0, "lost": 0}

    @property
    def counts(self) -> Mapping[str, int]:
        """`kept`: events that this node has put into the engine; `lost`: those for which there was
        no room, here or there.
        """
        return self._counts

    async def look(self) -> None:
        """See what is wanted now.

        Raises:
            StoreError: the engine cannot be asked.
        """
        wanted = await self._table.wanted()
        if bool(wanted) != bool(self._wanted):
            self._tap(self._take if wanted else None)
        self._wanted = wanted

    async def drop(self) -> None:
        """Remove what all were told.

        Raises:
            StoreError: the engine cannot be asked.
        """
        await self._table.drop()

    async def end(self) -> None:
        """Take no more; what waits goes, if that does not take long."""
        self._tap(None)
        writing = self._writing
        if writing is not None:
            await asyncio.wait({writing}, timeout=FINISH_WITHIN)
            writing.cancel()
            self._counts["lost"] += len(self._waiting)

    def _take(self, event: Event) -> None:
        if event.type not in self._wanted:
            return
        if len(self._waiting) >= MOST:
            self._counts["lost"] += 1
            return
        self._number += 1
        self._waiting.append(KeptEvent(event, f"{self._name}-{self._number}", self._wall()))
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            await asyncio.sleep(GATHER)
            while self._waiting:
                some = [*islice(self._waiting, AT_ONCE)]
                if not await self._append(some):
                    await asyncio.sleep(RETRY)
                    continue
                for _ in some:
                    self._waiting.popleft()
        finally:
            self._writing = None

    async def _append(self, some: Sequence[KeptEvent]) -> bool:
        """Put events into the engine; whether they need not be tried again."""
        try:
            self._counts["lost"] += await self._table.append(some)
        except StoreError as error:
            if error.code != "store_fenced":
                return False
            # The next life of this process has others.
            self._counts["lost"] += len(some)
        except Exception:  # noqa: BLE001 - our bug; what follows has to go on
            _log.exception("cluster_events_failed", events=len(some))
            self._counts["lost"] += len(some)
        else:
            self._counts["kept"] += len(some)
        return True
