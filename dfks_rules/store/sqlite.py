"""A store in an SQLite file: what was settled survives `kill -9`.

Reads go through a cache, which holds only settled snapshots. While the files are deleted or
replaced, nothing is read or written.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TypeVar

from dfks_rules.errors import StoreError
from dfks_rules.model.afterwards import Afterwards
from dfks_rules.model.features import Feature, Snapshot
from dfks_rules.model.histogram import Histogram
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Adopting, DialogRow, Fetched, Settle, Verdict, Wanted
from dfks_rules.store import dialogs, journal, states
from dfks_rules.store.cache import Cache
from dfks_rules.store.commit import Writer
from dfks_rules.store.database import Database, explained, is_locked
from dfks_rules.store.group import PATIENCE, RETRY, GroupCommit
from dfks_rules.store.life import Beat
from dfks_rules.store.plan import Rows, Work
from dfks_rules.store.reading import FileJournal, Reading
from dfks_rules.store.tables import read, read_many

T = TypeVar("T")

CACHED = 32_768
"""Presentities whose snapshots are kept in memory, about 0.5 KiB each."""
ONE_TURN = 32
"""Most presentities that are fetched before `fetch` returns, and one by one."""
FETCHED_AT_ONCE = 256
"""Most that are read in one turn of the loop, about 2 ms."""
NUMBERS_OF_A_LIFE = 1 << 32
"""Subscriptions of one life of the server: numbers of the next are higher."""


class SqliteStore:
    """Keeps snapshots, subscriptions and the journal in an SQLite file.

    The server is the only writer of the file; others may read it at any time.

    Reference: `service.ports.Store`, `service.ports.Dialogs`, `service.ports.Deadlines`.
    """

    def __init__(  # noqa: PLR0913 - the settings of a store
        self,
        path: Path,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] = time.monotonic,
        cached: int = CACHED,
        start: str = "",
        keep_changes: float | None = None,
        group: str | None = None,
        afterwards: Afterwards | None = None,
    ) -> None:
        """Open or create the file at `path`; commits are settled on `loop`.

        Args:
            path: The database; `-wal`, `-shm` and `.lock` files are beside it.
            loop: The event loop on the thread that makes all calls.
            clock: Monotonic seconds.
            cached: Most snapshots kept in memory; the oldest are dropped first.
            start: What ids of this server's decisions begin with.
            keep_changes: How long changes stay in the journal, s; None: for ever.
            group: The group that may read the files; None: nobody else may.
            afterwards: When to write what is asked for while something is worked on; None for the
                next turn of the loop.

        Raises:
            StoreError: see `Database`.
        """
        self._database = Database(path, group)
        self._connection = self._database.connection
        self._loop = loop
        self._clock = clock
        self._cache = Cache(cached)
        self._life = self._database.life
        self._numbers = count(self._life.term * NUMBERS_OF_A_LIFE)
        try:
            writer = Writer(
                self._connection, self._life.term, self._cache.written, start, keep_changes
            )
        except (sqlite3.Error, UnicodeError) as error:
            self._database.close()
            raise explained(path, error) from error
        self._counts = writer.counts
        self._group = GroupCommit(self._database, writer, self._cache, loop, clock, afterwards)
        self._reading = Reading(self._connection, self._unreadable, self._counts)
        self.journal = FileJournal(self._reading)
        """Every change of the last time."""

    def _unreadable(self) -> str | None:
        """Why the file must not be believed; None when it holds what the disk holds."""
        if self._group.loss is None and self._database.is_in_doubt:
            # A set that asks for what is read is answered at once, as if it were durable.
            return "the disk may lack what was written last"
        return self._group.loss

    @property
    def counts(self) -> Mapping[str, int]:
        """See `store.counts`."""
        return self._counts

    @property
    def committed(self) -> Histogram:
        """From when a commit was asked for until it was settled."""
        return self._group.committed

    @property
    def queue(self) -> int:
        """How many commits wait for the disk."""
        return self._group.queue

    @property
    def term(self) -> int:
        """Which life of the server this is: higher than that of any before."""
        return self._life.term

    @property
    def secret(self) -> bytes:
        """What our tags are made with; the same in all lives."""
        return self._life.secret

    @property
    def previous(self) -> Beat | None:
        """When the server lived last before this life; None: never."""
        return self._life.previous

    @property
    def has_requests(self) -> bool:
        """Whether there are requests of which nobody knows yet what came of them."""
        return self._group.has_requests

    @property
    def is_failing(self) -> bool:
        """Whether what is asked for now would probably not be stored."""
        return self._group.is_failing

    def durable(self) -> int:
        """Number of the newest change that a power cut leaves in the journal."""
        return self._group.told

    def go_by(self, epoch: float) -> None:
        """Count how long changes are kept by this scale: what the moment 0 of the clock is on it,
        seconds since 1970.
        """
        self._group.epoch = epoch

    @property
    def told(self) -> int:
        """Number of the newest change of which it is told what came of it, as of all before."""
        return self._group.told

    def beat(self, beat: Beat) -> None:
        """Note that the server lives."""
        self._group.beat(beat)

    def known(self, presentity: Aor) -> Snapshot | None:
        """What is stored; None where it cannot be read."""
        if self._group.loss is not None:
            return None
        snapshot = self._cache.settled(presentity)
        if snapshot is None:
            try:
                snapshot = self._read(presentity)
            except StoreError:
                return None
        return snapshot

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """Read what is stored anew; waits for another program's lock, and for the disk after a sync
        that failed.
        """
        self._fetch(presentities, done, self._clock() + PATIENCE)

    def _fetch(self, presentities: Sequence[Aor], done: Fetched, until: float) -> None:
        failure, some = None, presentities[:FETCHED_AT_ONCE]
        try:
            self._read_all(some)
        except StoreError as error:
            may_pass = self._database.is_in_doubt or is_locked(error.__cause__)
            if may_pass and self._clock() < until:
                self._loop.call_later(RETRY, self._fetch, presentities, done, until)
                return
            failure = error
        if failure is None and len(some) > ONE_TURN:
            # Others have their turn in between.
            rest = presentities[FETCHED_AT_ONCE:]
            self._loop.call_soon(self._fetch, rest, done, until)
            return
        done(failure, self._clock())

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        """Store all that is wanted soon, or nothing; `settle` is called on the loop."""
        self._group.ask(wanted, settle)

    @property
    def are_shared(self) -> bool:
        """No other server has dialogs."""
        return False

    def adopt(self, tag: bytes, cseq: int, done: Adopting, *, is_back: bool = False) -> None:
        """There is no other server that could have it."""
        raise NotImplementedError(tag, cseq, done, is_back)

    def number(self) -> int:
        """The number of a new row: higher than that of any before."""
        return next(self._numbers)

    def write(
        self, rows: Sequence[DialogRow], gone: Sequence[int], done: Callable[[bool], None]
    ) -> None:
        """Store subscriptions anew, and remove others, with the next transaction."""

        def settle(verdict: Verdict, _error: StoreError | None, _now: float) -> None:
            if verdict is not Verdict.STORED:
                self._counts["subscriptions_failed"] += len(rows) + len(gone)
            done(verdict is Verdict.STORED)

        self._group.ask(Rows(rows, gone), settle)

    def write_aside(
        self, run: Callable[[sqlite3.Connection], None], done: Callable[[StoreError | None], None]
    ) -> None:
        """Write something beside states with the next transaction.

        Args:
            run: writes it, in well under a millisecond: phones wait meanwhile.
            done: told on the loop that it is durable, or why it is not stored.
        """

        def settle(_verdict: Verdict, error: StoreError | None, _now: float) -> None:
            done(error)

        self._group.ask(Work(run), settle)

    async def written_aside(self, run: Callable[[sqlite3.Connection], None]) -> None:
        """The same; it is durable once this returns.

        Raises:
            StoreError: it is not stored.
        """
        written: asyncio.Future[None] = self._loop.create_future()

        def done(error: StoreError | None) -> None:
            if written.done():
                return
            if error is None:
                written.set_result(None)
            else:
                written.set_exception(error)

        self.write_aside(run, done)
        await written

    def read_aside(self, run: Callable[[sqlite3.Connection], T]) -> T:
        """What `run` reads, in well under a millisecond.

        Raises:
            StoreError: `store_unavailable`.
        """
        return self._reading(run)

    def read(self, before: int, at_most: int) -> list[DialogRow]:
        """Subscriptions with numbers below `before`, the highest first."""
        return self._reading(dialogs.read, before, at_most)

    def changed_since(self, seq: int) -> frozenset[Aor]:
        """Whose features have changed since the change with this number.

        Raises:
            StoreError: `store_unavailable`.
        """
        return self._reading(journal.changed_since, seq)

    async def due(self, until: int, at_most: int) -> list[Aor]:
        """Presentities with a deadline by then; see `service.ports.Deadlines`."""
        return self._reading(states.due, until, at_most)

    async def next(self) -> int | None:
        """The earliest deadline of all."""
        return self._reading(states.next_deadline)

    def some_names(
        self, place: Aor, at_most: int, domains: Sequence[str] | None, on: Feature | None
    ) -> tuple[list[Aor], Aor | None]:
        """Some presentities from a place on; see `store.states.some_names`.

        Raises:
            StoreError: `store_unavailable`.
        """
        return self._reading(states.some_names, place, at_most, domains, on)

    def look(self, presentity: Aor) -> Snapshot:
        """What is stored, for whoever looks at a lot: what phones need stays in memory.

        Raises:
            StoreError: `store_unavailable`.
        """
        snapshot = self._cache.settled(presentity)
        return self._reading(read, presentity) if snapshot is None else snapshot

    def close(self) -> None:
        """Write and settle pending commits, then end the thread and close the files."""
        if not self._group.is_closed:
            try:
                self._group.close()
            finally:  # Whoever comes next needs the lock.
                self._database.close()

    def _read_all(self, presentities: Sequence[Aor]) -> None:
        """Read what is stored into the cache, many at once.

        Raises:
            StoreError: `store_unavailable`.
        """
        if len(presentities) <= ONE_TURN:
            for presentity in presentities:
                self._read(presentity)
            return
        wanted = [one for one in presentities if self._cache.under_way(one) is None]
        for presentity, snapshot in zip(wanted, self._reading(read_many, wanted), strict=True):
            self._cache.put(presentity, snapshot)

    def _read(self, presentity: Aor) -> Snapshot:
        """Read what is stored into the cache.

        Raises:
            StoreError: `store_unavailable`.
        """
        # The file is ahead of what is settled while something is under way.
        snapshot = self._cache.under_way(presentity)
        if snapshot is None:
            snapshot = self._reading(read, presentity)
            self._cache.put(presentity, snapshot)
        return snapshot
