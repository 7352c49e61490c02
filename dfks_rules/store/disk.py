"""The thread that waits for the disk, so that a slow disk never stops the loop.

It knows nothing of commits, so that the two do not fight for the interpreter. It also looks whether
the files were deleted or replaced.

That something is synced is told through a counter of the kernel's, which the loop watches: nothing
is made for it, and one read takes it back. `call_soon_threadsafe` costs a handle, a copy of the
context, and two reads of a socket, of which the second one raises.
"""

import asyncio
import contextlib
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread

from dfks_rules.model.afterwards import Afterwards
from dfks_rules.store.database import Database, why_failed

CHECKPOINT_AFTER = 2_000
"""Commits after which the log is moved into the database: it has a few pages for each."""
CHECKPOINT_EVERY = 60.0
"""After how many seconds it is moved all the same: heartbeats are no commits, and a thousand rows
of subscriptions are one."""
LOOK_EVERY = 1.0
"""How often it is looked whether the files are still there while nothing is written, s; else after
each transaction."""


class Disk:
    """Makes durable what was written; tells so on the loop."""

    def __init__(
        self,
        database: Database,
        loop: asyncio.AbstractEventLoop,
        synced: Callable[[], None],
        noticed: Callable[[str | None], None],
        not_moved: Callable[[str], None],
        *,
        afterwards: Afterwards | None = None,
    ) -> None:
        """Starts the thread.

        Args:
            database: where it was written.
            loop: calls the others.
            synced: that `results` has one more.
            noticed: what became of the files, when that is another than before; None: they are
                there.
            not_moved: why the log could not be moved into the database.
            afterwards: what `synced` leads to is done at its end; None where nobody asks for that.
        """
        self._database = database
        self._loop = loop
        self._tell_synced = synced
        self._tell_noticed = noticed
        self._tell_not_moved = not_moved
        self._afterwards = afterwards or Afterwards(loop.call_soon)
        self.results: deque[str | None] = deque()
        """Of each `sync` why the disk may not keep what was written; None when it does. Whoever
        takes them leaves the last one until everybody is told."""
        self._written: SimpleQueue[int] = SimpleQueue()
        """How many commits were written; 0 is the end."""
        self._seen: str | None = None
        """What was noticed last."""
        self._unmoved = 0
        """Commits since the last checkpoint."""
        self._moved_at = time.monotonic()
        self._synced = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        """How many syncs the loop was not told of."""
        loop.add_reader(self._synced, self._take_synced)
        # A daemon: a server that dies without `stop` must not hang on its disk.
        self._syncer = Thread(target=self._run, name="store-sync", daemon=True)
        self._syncer.start()

    def sync_soon(self, commits: int) -> None:
        """So many commits, at least one, were written: `sync` on the thread."""
        self._written.put(commits)

    def sync(self) -> None:
        """Wait for the disk; what it keeps must also be where it is looked for after a restart."""
        try:
            self._database.sync()
            self.results.append(self._look())
        except (OSError, sqlite3.Error, UnicodeError) as failure:
            why = failure.strerror if isinstance(failure, OSError) else why_failed(failure)
            self.results.append(f"cannot sync to disk: {why}")

    def stop(self) -> None:
        """Sync what was written, then end the thread."""
        self._written.put(0)
        self._syncer.join()
        self._loop.remove_reader(self._synced)
        os.close(self._synced)

    def _run(self) -> None:
        while count := self._written_next():
            self.sync()
            os.eventfd_write(self._synced, 1)
            self._unmoved += count
            self._checkpoint()

    def _take_synced(self) -> None:
        os.eventfd_read(self._synced)
        self._afterwards.begin()
        try:
            self._tell_synced()
        finally:
            self._afterwards.end()

    def _checkpoint(self) -> None:
        """Move the log into the database if it is time, and nothing is wrong with either."""
        now = time.monotonic()
        is_due = self._unmoved >= CHECKPOINT_AFTER or now - self._moved_at >= CHECKPOINT_EVERY
        if not is_due or self._seen is not None or self._database.is_in_doubt:
            return
        self._unmoved, self._moved_at = 0, now
        try:
            self._database.checkpoint()
        except (sqlite3.Error, UnicodeError) as failure:  # The next one may do.
            self._call(partial(self._tell_not_moved, why_failed(failure)))

    def _written_next(self) -> int:
        """How many commits were written; the files are looked at while there are none."""
        while True:
            try:
                return self._written.get(timeout=LOOK_EVERY)
            except Empty:
                self._look()
                self._end_doubt()
                self._checkpoint()

    def _end_doubt(self) -> None:
        """Try again to make durable what a failed sync has left, once all are told that it failed:
        they look whether the store is in doubt.
        """
        if self._database.is_in_doubt and not self.results:
            with contextlib.suppress(OSError, sqlite3.Error, UnicodeError):
                self._database.sync()

    def _look(self) -> str | None:
        """What became of the files."""
        loss = self._database.loss()
        if loss != self._seen:
            self._seen = loss
            self._call(partial(self._tell_noticed, loss))
        return loss

    def _call(self, told: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: whoever stops it looks.
            self._loop.call_soon_threadsafe(told)
