"""A store in an SQLite file: what was settled is there after a kill -9.

What is asked for in one turn of the loop is one transaction, written on the loop's thread: SQLite
appends it to its log, which costs no wait. Another thread only waits for the disk, once for all
that was written meanwhile (group commit), so that a slow disk never stops the loop and the two
threads do not fight for the interpreter. Reading goes through a cache, which holds settled
snapshots only.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Settle
from dfks_rules.store.database import Database
from dfks_rules.store.tables import Change, read, write

MAX_BATCH = 256
"""Most commits in one transaction: bounds how long the first of them waits for the last."""
CHECKPOINT_AFTER = 2_000
"""Commits after which the log is moved into the database: it has a few pages for each."""
CACHED = 200_000
"""Presentities whose snapshots are kept in memory, about 0.5 KiB each."""


class _Commit(NamedTuple):
    change: Change
    settle: Settle


class _Settled(NamedTuple):
    commit: _Commit
    error: StoreError | None


class SqliteStore:
    """Keeps snapshots in an SQLite file.

    The server is the only writer of the file; others may read it at any time. A snapshot that is
    not cached is read from the file, where a commit can be seen a moment before it is settled;
    whoever asks here knows of what he has under way.

    Reference: `service.ports.Store`.
    """

    def __init__(
        self,
        path: Path,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] = time.monotonic,
        cached: int = CACHED,
    ) -> None:
        """Open or make the file at `path`; commits are settled on `loop`.

        Args:
            path: The database; `-wal`, `-shm` and `.lock` files are beside it.
            loop: Runs on the thread that makes all calls.
            clock: Monotonic seconds.
            cached: Most snapshots kept in memory; the oldest are dropped first.

        Raises:
            StoreError: as `Database`.
        """
        self._database = Database(path)
        self._loop = loop
        self._clock = clock
        self._cached = cached
        self._cache: OrderedDict[Aor, Snapshot] = OrderedDict()
        self._asked: list[_Commit] = []
        """Not written yet."""
        self._written: SimpleQueue[list[_Settled] | None] = SimpleQueue()
        """To the thread that waits for the disk; None is the end."""
        self._settled: deque[_Settled] = deque()
        """From that thread."""
        self._closed = False
        # A daemon: a server that dies without `close` must not hang on its disk.
        self._syncer = Thread(target=self._sync, name="store-sync", daemon=True)
        self._syncer.start()

    def load(self, presentity: Aor) -> Snapshot:
        """What is stored; `NOTHING_STORED` when there is nothing.

        Raises:
            StoreError: `store_unavailable`.
        """
        snapshot = self._cache.get(presentity)
        if snapshot is None:
            try:
                snapshot = read(self._database.connection, presentity)
            except (sqlite3.Error, ValueError) as error:
                raise StoreError("store_unavailable", f"cannot read: {error}") from error
            self._remember(presentity, snapshot)
        return snapshot

    def commit(self, presentity: Aor, before: Snapshot, after: Snapshot, settle: Settle) -> None:
        """Store `after` in place of `before`, soon; `settle` is called on the loop."""
        if self._closed:
            settle(StoreError("store_unavailable", "the store is closed"), self._clock())
            return
        self._asked.append(_Commit(Change(presentity, before, after), settle))
        if len(self._asked) == 1:
            self._loop.call_soon(self._write)

    def close(self) -> None:
        """Write and settle what was asked for, then let go of the thread and the files."""
        if self._closed:
            return
        self._closed = True
        self._write()
        self._written.put(None)
        self._syncer.join()
        self._database.close()
        self._settle()

    def _write(self) -> None:
        """Write what was asked for, and have it made durable."""
        while self._asked:
            batch = self._asked[:MAX_BATCH]
            del self._asked[:MAX_BATCH]
            errors = self._write_batch([commit.change for commit in batch])
            self._written.put(list(map(_Settled, batch, errors)))

    def _write_batch(self, changes: list[Change]) -> list[StoreError | None]:
        try:
            return write(self._database.connection, changes)
        except Exception as error:  # noqa: BLE001 - else nobody in the batch would ever be told
            why = f"cannot write: {error}"
            return [StoreError("store_unavailable", why) for _ in changes]

    def _sync(self) -> None:
        """Life of the thread that waits for the disk."""
        more, since_checkpoint = True, 0
        while more:
            written, more = self._next_written()
            if not written:
                continue
            self._settled.extend(self._made_durable(written))
            with contextlib.suppress(RuntimeError):  # The loop is closed: `close` settles.
                self._loop.call_soon_threadsafe(self._settle)
            since_checkpoint += len(written)
            if since_checkpoint >= CHECKPOINT_AFTER:
                since_checkpoint = 0
                with contextlib.suppress(sqlite3.Error):  # The next one may do.
                    self._database.checkpoint()

    def _next_written(self) -> tuple[list[_Settled], bool]:
        """All that is written now, at least something but at the end; and whether more may come."""
        written: list[_Settled] = []
        while not written or not self._written.empty():
            batch = self._written.get()
            if batch is None:
                return written, False
            written += batch
        return written, True

    def _made_durable(self, written: list[_Settled]) -> list[_Settled]:
        """What to tell of `written`: that it failed, where the disk does not keep it."""
        try:
            if any(error is None for _, error in written):
                self._database.sync()
        except OSError as failure:
            why = f"the disk does not keep what is written: {failure.strerror}"
            unsure = StoreError("store_unavailable", why)
            return [_Settled(commit, error or unsure) for commit, error in written]
        return written

    def _settle(self) -> None:
        """Tell what the writer has done. On the loop, or on its thread after its end."""
        now = self._clock()
        try:
            while self._settled:
                (change, settle), error = self._settled.popleft()
                if error is None:
                    self._remember(change.presentity, change.after)
                else:
                    # What the file holds now is for the file to say.
                    self._cache.pop(change.presentity, None)
                settle(error, now)
        finally:
            if self._settled:  # One of the told has raised: the others are told all the same.
                self._loop.call_soon(self._settle)

    def _remember(self, presentity: Aor, snapshot: Snapshot) -> None:
        cached = self._cache.get(presentity)
        # A miss may have read a commit that is settled only now, after an older one.
        if cached is None or cached.revision < snapshot.revision:
            self._cache[presentity] = snapshot
            if len(self._cache) > self._cached:
                self._cache.popitem(last=False)
