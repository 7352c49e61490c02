"""The feed of changes of all nodes: read every tenth of a second, and at once on a hint.

| input                              | output                                            | next    |
|------------------------------------|---------------------------------------------------|---------|
| `PAUSE`, or a hint                 | what was committed since                          | reading |
| a change                           | the cache learns it, then watchers are told       | reading |
| a dialog that another node has     | it is gone here, silently                         | reading |
| a dialog that this node has        | fetched after a while if it is not here           | reading |
| a full page                        | the next one at once                              | reading |
| what was asked for has been purged | this life of the node ends, another begins        | ended   |
| the engine is out of reach         | tried again after `AGAIN`                         | reading |

The position was taken before anything was read: what a cache has is never older than it says.
"""

import asyncio
from contextlib import suppress
from typing import Final, Protocol

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.store.postgres.ports import Changed, Engine, Moved

PAUSE = 0.1
"""Seconds between two looks, where there is no hint: what makes every change known in time."""
AGAIN = 0.5
"""Seconds until the engine is asked again after it was out of reach."""
PORTION = 1_000
"""Most changes that are read in one go."""
TRIES = 10
"""How often it is asked in vain until operators are told."""
TURN = 50
"""Changes that are told in one turn of the loop: about a millisecond."""

_log = structlog.get_logger("dfks.cluster")


class Learns(Protocol):
    """What is told of the feed."""

    def changed(self, changes: list[Changed], now: float) -> None:
        """This was changed, by this node or by others; in the order of the feed."""
        ...

    def moved(self, moved: Moved, now: float) -> None:
        """A node has adopted a dialog, this one or another."""
        ...

    def missed(self, now: float) -> None:
        """Changes are missing: what is cached may be old."""
        ...

    def read(self, last: int) -> None:
        """All up to this number is known here; changes of this node, too."""
        ...


class Following:
    """Reads the feed."""

    def __init__(self, engine: Engine, position: int, learns: Learns) -> None:
        """Nothing is read yet.

        Args:
            engine: has the feed.
            position: number of the newest change when it began.
            learns: is told.
        """
        self._engine: Final = engine
        self._learns: Final = learns
        self._loop: Final = asyncio.get_running_loop()
        self.position = position
        """Number of the change up to which the feed is known."""
        self.at = self._loop.time()
        """When it was read to its end last, monotonic seconds."""
        self._hint = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []
        """Who waits until all is told that was committed before they asked."""
        self.counts = {"feed_reads": 0, "feed_failures": 0, "feed_gaps": 0, "feed_changes": 0}
        """`feed_changes`: changes of whatever node."""

    def begin(self) -> None:
        """Read from now on."""
        self._task = self._loop.create_task(self._follow())

    def hint(self) -> None:
        """Something was committed by some node."""
        self._hint.set()

    async def caught_up(self) -> None:
        """Wait until all is told that was committed before this call."""
        told: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(told)
        self.hint()
        await told

    def end(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()
        for one in self._waiting:
            one.cancel()

    async def _follow(self) -> None:
        tries = 0
        while True:
            pause = PAUSE
            try:
                is_full = await self._read()
                tries = 0
                if is_full:
                    continue
            except StoreError as error:
                self.counts["feed_failures"] += 1
                pause = AGAIN
                tries += 1
                if tries == TRIES:
                    # The lease may go on all the same, and nobody is told what others change.
                    _log.error("feed_silent", reason=error.message)
            except Exception:  # noqa: BLE001 - our bug; what comes later must be told all the same
                self._report()
                pause = AGAIN
            await self._wait(pause)

    async def _wait(self, pause: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._hint.wait()
        self._hint.clear()

    async def _read(self) -> bool:
        """Read a page; whether there may be more.

        Raises:
            StoreError: it cannot be read.
        """
        waiting = len(self._waiting)
        page = await self._engine.feed(self.position, PORTION)
        self.counts["feed_reads"] += 1
        if page.is_gap:
            self.counts["feed_gaps"] += 1
            self._learns.missed(self._loop.time())
            return False
        for first in range(0, len(page.told), TURN):
            if first:
                await asyncio.sleep(0)
            self._attempt(page.told[first : first + TURN])
        # By its numbers, which have no holes: of its changes some may be of a newer release.
        is_full = page.last - self.position >= PORTION
        self.position = max(self.position, page.last)
        self._learns.read(self.position)
        if is_full:
            return True
        self.at = self._loop.time()
        for one in self._waiting[:waiting]:
            if not one.done():
                one.set_result(None)
        del self._waiting[:waiting]
        return False

    def _attempt(self, told: list[Changed | Moved]) -> None:
        """Tell this; where that is a bug of ours, the rest is told all the same."""
        try:
            self._tell(told)
        except Exception:  # noqa: BLE001 - see above
            self._report()
            for one in told:
                # What was told already is no news.
                with suppress(Exception):
                    self._tell([one])

    def _report(self) -> None:
        self.counts["feed_failures"] += 1
        _log.exception("feed_failed")

    def _tell(self, told: list[Changed | Moved]) -> None:
        now = self._loop.time()
        changes: list[Changed] = []
        for one in told:
            if isinstance(one, Moved):
                # In order: a dialog is told what changed while it was here.
                self._flush(changes, now)
                changes = []
                self._learns.moved(one, now)
            else:
                changes.append(one)
        self._flush(changes, now)

    def _flush(self, changes: list[Changed], now: float) -> None:
        if changes:
            self.counts["feed_changes"] += len(changes)
            self._learns.changed(changes, now)
