"""A store in an SQLite file: what was settled is there after a kill -9.

One thread writes. All that is asked for while it waits for the disk goes into its next transaction
(group commit), so that the cost of a sync is shared when there is much to do. Reading goes through
a cache, which holds settled snapshots only, and is done on the thread that asks.
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
    not cached is read from the file, where a commit can be seen a moment before it is settled, but
    not before it is durable.

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
        self._asked: SimpleQueue[_Commit | None] = SimpleQueue()
        """To the writer; None is the end."""
        self._settled: deque[_Settled] = deque()
        """From the writer."""
        self._closed = False
        # A daemon: a server that dies without `close` must not hang on its writer.
        self._writer = Thread(target=self._write, name="store-writer", daemon=True)
        self._writer.start()

    def load(self, presentity: Aor) -> Snapshot:
        """What is stored; `NOTHING_STORED` when there is nothing.

        Raises:
            StoreError: `store_unavailable`.
        """
        snapshot = self._cache.get(presentity)
        if snapshot is None:
            try:
                snapshot = read(self._database.reader, presentity)
            except (sqlite3.Error, ValueError) as error:
                raise StoreError("store_unavailable", f"cannot read: {error}") from error
            self._remember(presentity, snapshot)
        return snapshot

    def commit(self, presentity: Aor, before: Snapshot, after: Snapshot, settle: Settle) -> None:
        """Store `after` in place of `before`, soon; `settle` is called on the loop."""
        if self._closed:
            settle(StoreError("store_unavailable", "the store is closed"), self._clock())
        else:
            self._asked.put(_Commit(Change(presentity, before, after), settle))

    def close(self) -> None:
        """Write and settle what was asked for, then let go of the thread and the files."""
        if self._closed:
            return
        self._closed = True
        self._asked.put(None)
        self._writer.join()
        self._database.close()
        self._settle()

    def _write(self) -> None:
        """Life of the writer's thread."""
        more = True
        while more:
            batch, more = self._next_batch()
            if batch:
                errors = self._write_batch([commit.change for commit in batch])
                self._settled.extend(map(_Settled, batch, errors))
                with contextlib.suppress(RuntimeError):  # The loop is closed: `close` settles.
                    self._loop.call_soon_threadsafe(self._settle)

    def _next_batch(self) -> tuple[list[_Commit], bool]:
        """All that is asked for now, at least one but at the end; and whether more may come."""
        batch: list[_Commit] = []
        while not batch or (len(batch) < MAX_BATCH and not self._asked.empty()):
            commit = self._asked.get()
            if commit is None:
                return batch, False
            batch.append(commit)
        return batch, True

    def _write_batch(self, changes: list[Change]) -> list[StoreError | None]:
        try:
            return write(self._database.writer, changes)
        except Exception as error:  # noqa: BLE001 - Else nothing would ever be settled again.
            why = f"cannot write: {error}"
            return [StoreError("store_unavailable", why) for _ in changes]

    def _settle(self) -> None:
        """Tell what the writer has done. On the loop, or on its thread after its end."""
        now = self._clock()
        try:
            while self._settled:
                (change, settle), error = self._settled.popleft()
                if error is None:
                    self._remember(change.presentity, change.after)
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
