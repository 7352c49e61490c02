"""A store in an SQLite file: settled commits survive `kill -9`.

The commits requested in one turn of the loop form one transaction, written on the loop's thread:
SQLite appends it to its log without waiting; another thread waits for the disk (`store.disk`). One
transaction is in progress at a time: commits requested meanwhile, and for a moment longer, form the
next one (group commit). Reads go through a cache, which holds only settled snapshots. While the
files are deleted or replaced, nothing is read or written.
"""

import asyncio
import sqlite3
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Settle
from dfks_rules.store.database import Database
from dfks_rules.store.disk import Disk
from dfks_rules.store.tables import Commit, read, write

MAX_BATCH = 256
"""Most commits in one transaction: bounds how long the first of them waits for the last."""
GATHER = 0.004
"""How long the next transaction waits for more commits if many arrived during the last one, s:
under load, waiting for the disk and switching threads cost as much for many commits as for one."""
MANY = 8
"""How many these are: fewer go at once, so that nobody waits longer for the load of others."""
CACHED = 200_000
"""Presentities whose snapshots are kept in memory, about 0.5 KiB each."""

_log = structlog.get_logger("dfks.store")

_Pending = tuple[Commit, Settle]


class SqliteStore:
    """Keeps snapshots in an SQLite file.

    The server is the only writer of the file; others may read it at any time. A snapshot that is
    not cached is read from the file, where a commit may be visible a moment before it is settled;
    callers know about their own pending commits.

    Reference: `service.ports.Store`.
    """

    def __init__(
        self,
        path: Path,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] = time.monotonic,
        cached: int = CACHED,
    ) -> None:
        """Open or create the file at `path`; commits are settled on `loop`.

        Args:
            path: The database; `-wal`, `-shm` and `.lock` files are beside it.
            loop: The event loop on the thread that makes all calls.
            clock: Monotonic seconds.
            cached: Most snapshots kept in memory; the oldest are dropped first.

        Raises:
            StoreError: see `Database`.
        """
        self._database = Database(path)
        self._loop = loop
        self._clock = clock
        self._cached = cached
        self._cache: OrderedDict[Aor, Snapshot] = OrderedDict()
        self._asked: list[_Pending] = []
        """Not written yet."""
        self._busy = False
        """Whether a transaction is in progress or about to start."""
        self._written: deque[tuple[_Pending, StoreError | None]] = deque()
        """Not settled yet, and what is wrong with each."""
        self._loss: str | None = None
        """What happened to the files; None while they are in place."""
        self._closed = False
        self._disk = Disk(self._database, loop, self._settle, self._noticed)

    def load(self, presentity: Aor) -> Snapshot:
        """What is stored; `NOTHING_STORED` when there is nothing.

        Raises:
            StoreError: `store_unavailable`.
        """
        if self._loss is not None:
            raise StoreError("store_unavailable", self._loss)
        snapshot = self._cache.get(presentity)
        if snapshot is None:
            try:
                snapshot = read(self._database.connection, presentity)
            except (sqlite3.Error, ValueError) as error:
                raise StoreError("store_unavailable", f"cannot read: {error}") from error
            self._remember(presentity, snapshot)
        return snapshot

    def commit(self, presentity: Aor, before: Snapshot, after: Snapshot, settle: Settle) -> None:
        """Store `after` in place of `before` soon; `settle` is called on the loop."""
        if self._closed:
            settle(StoreError("store_unavailable", "the store is closed"), self._clock())
            return
        self._asked.append((Commit(presentity, before, after), settle))
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._write)

    def close(self) -> None:
        """Write and settle pending commits, then end the thread and close the files."""
        if self._closed:
            return
        self._closed = True
        self._disk.stop()
        self._settle()
        if self._asked:
            self._write()
            self._disk.sync()
            self._settle()
        self._database.close()

    def _write(self) -> None:
        """Write the requested commits, and have them made durable."""
        while self._asked:
            batch = self._asked[:MAX_BATCH]
            del self._asked[:MAX_BATCH]
            errors = self._write_batch([commit for commit, _ in batch])
            self._written.extend(zip(batch, errors, strict=True))
        self._disk.sync_soon(len(self._written))

    def _write_batch(self, commits: list[Commit]) -> list[StoreError | None]:
        if self._loss is not None:
            return [StoreError("store_unavailable", self._loss) for _ in commits]
        try:
            return write(self._database.connection, commits)
        except Exception as error:  # noqa: BLE001 - else nobody in the batch would ever be told
            why = f"cannot write: {error}"
            return [StoreError("store_unavailable", why) for _ in commits]

    def _noticed(self, loss: str | None) -> None:
        """Stop reading and writing after a loss, or resume when the files are back."""
        self._loss = loss
        if loss is None:
            # The file may have been changed while it was away.
            self._cache.clear()
            _log.info("store_back")
        else:
            _log.error("store_lost", reason=loss)

    def _settle(self) -> None:
        """Tell what came of the transaction that the disk was waited for, and go on."""
        if not self._disk.results:  # `close` was faster.
            return
        reason = self._disk.results[0]
        unsure = None if reason is None else StoreError("store_unavailable", reason)
        now = self._clock()
        try:
            while self._written:
                (commit, settle), error = self._written.popleft()
                error = error or unsure
                if error is None:
                    self._remember(commit.presentity, commit.after)
                else:
                    # What the file holds now must be read from the file.
                    self._cache.pop(commit.presentity, None)
                settle(error, now)
        finally:
            if self._written:  # A `settle` raised: the others are still called.
                self._loop.call_soon(self._settle)
            else:
                self._disk.results.popleft()
                self._go_on()

    def _go_on(self) -> None:
        """Schedule the next transaction, if there is anything to write."""
        self._busy = bool(self._asked)
        if self._busy and not self._closed:
            gather = GATHER if len(self._asked) >= MANY else 0.0
            self._loop.call_later(gather, self._write)

    def _remember(self, presentity: Aor, snapshot: Snapshot) -> None:
        cached = self._cache.get(presentity)
        # A cache miss may have read a commit that is settled only now, after an older one.
        if cached is None or cached.revision < snapshot.revision:
            self._cache[presentity] = snapshot
            if len(self._cache) > self._cached:
                self._cache.popitem(last=False)
