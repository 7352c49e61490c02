"""Group commit: what is asked for in one turn of the loop forms one transaction.

It is written on the loop's thread: SQLite appends it to its log without waiting; another thread
waits for the disk (`store.disk`). One transaction is in progress at a time: what is asked for
meanwhile forms the next one, which may wait for more company (`store.gathering`).
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Final, final

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.model.afterwards import Afterwards
from dfks_rules.model.histogram import Histogram
from dfks_rules.service.ports import Settle, Verdict, Wanted
from dfks_rules.store.cache import Cache
from dfks_rules.store.commit import Asked, Writer
from dfks_rules.store.counts import COMMITTED_WITHIN, OF_VERDICT
from dfks_rules.store.database import Database, is_damaged, is_locked, why_failed
from dfks_rules.store.disk import Disk
from dfks_rules.store.gathering import Gathering
from dfks_rules.store.journal import When
from dfks_rules.store.life import Beat
from dfks_rules.store.plan import Result

MAX_BATCH = 256
"""Most commits in one transaction: bounds how much is repeated when it fails."""
PATIENCE = 2.0
"""How long a commit waits while another program holds a lock, s."""
RETRY = 0.05
"""How often it is tried again meanwhile, s."""
MOST_WAITING = 10_000
"""Commits that wait while a disk hangs; more are refused at once."""
MANY_DAMAGED = 8
"""Commits in a row that meet a damaged part of the file, after which others probably would, too."""
# CPython 3.11 calls a Python function for each look at a member of an Enum.
_STORED: Final = Verdict.STORED
_ON_DISK = frozenset({Verdict.STORED, Verdict.REPEATED})
"""What may be told only once the disk has it."""

_log = structlog.get_logger("dfks.store")


@final
class _Waiting:
    """Somebody waits for the outcome."""

    __slots__ = ("asked", "settle", "since")

    def __init__(self, asked: Asked, settle: Settle, since: float) -> None:
        self.asked: Final = asked
        self.settle: Final = settle
        self.since: Final = since


class _Again(Enum):
    """Why to try again to write a batch."""

    LOCKED = "another program holds a lock"
    DAMAGED = "a part of the file cannot be read: fewer may succeed"


class GroupCommit:
    """Writes what is asked for, and tells what came of it once that is durable."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        cache: Cache,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        afterwards: Afterwards | None = None,
    ) -> None:
        """Starts the thread that waits for the disk.

        Args:
            database: the files.
            writer: writes transactions to them.
            cache: follows what is written and what is settled.
            loop: on its thread all calls are made.
            clock: monotonic seconds.
            afterwards: when to write what is asked for while something is worked on; None for the
                next turn of the loop.
        """
        self._database = database
        self._writer = writer
        self._cache = cache
        self._loop = loop
        self._clock = clock
        self._afterwards = afterwards or Afterwards(loop.call_soon)
        self.epoch = time.time() - clock()
        """The moment 0 of `clock`, seconds since 1970."""
        self.told = writer.newest
        """Number of the newest change of which it is told what came of it, as of all before."""
        self._asked: list[_Waiting] = []
        """Not written yet."""
        self._beat: Beat | None = None
        """Not written yet."""
        self._gathering = Gathering(loop, clock, self._write)
        self._busy = False
        """Whether a transaction is in progress or about to start."""
        self._written: deque[tuple[_Waiting, Result]] = deque()
        """Not settled yet, and what came of each so far."""
        self.loss: str | None = None
        """What happened to the files; None while they are in place. Nothing is written then."""
        self.is_closed = False
        self.counts = writer.counts
        self._failures: set[str] = set()
        """Why transactions have failed since one was durable."""
        self._damage: set[str] = set()
        """What was told of parts of the file that cannot be read: that does not pass."""
        self._damaged = 0
        """How many commits in a row have met such a part."""
        self.committed = Histogram(COMMITTED_WITHIN)
        """From when a commit was asked for until somebody was told what came of it."""
        self._disk = Disk(
            database,
            loop,
            self._settle,
            self._noticed,
            self._not_moved,
            afterwards=self._afterwards,
        )

    @property
    def has_requests(self) -> bool:
        """Whether there are requests of which nobody knows yet what came of them."""
        waiting = [*self._asked, *[one for one, _ in self._written]]
        return any(isinstance(one.asked, Wanted) for one in waiting)

    @property
    def queue(self) -> int:
        """How many wait for the outcome."""
        return len(self._asked) + len(self._written)

    @property
    def is_failing(self) -> bool:
        """Whether the last transaction failed, or the files are gone."""
        return self.loss is not None or bool(self._failures) or self._damaged >= MANY_DAMAGED

    def ask(self, asked: Asked, settle: Settle) -> None:
        """Store it soon; `settle` is called on the loop."""
        if self.is_closed:
            settle(*_unavailable("the store is closed"), self._clock())
            return
        if len(self._asked) >= MOST_WAITING:
            settle(*_unavailable("too many wait for the disk"), self._clock())
            return
        self._asked.append(_Waiting(asked, settle, self._clock()))
        self._start()

    def beat(self, beat: Beat) -> None:
        """Write it soon, with whatever else there is."""
        if not self.is_closed:
            self._beat = beat
            self._start()

    def close(self) -> None:
        """Write and settle what is under way, then end the thread."""
        self.is_closed = True
        self._disk.stop()
        self._settle()
        if self._asked or self._beat is not None:
            self._database.wait_for_locks()
            self._write()
            self._fail_those_asked_before(float("inf"))
            self._beat = None  # Another program holds a lock: what is due comes to nothing.
            self._disk.sync()
            self._settle()

    def _start(self) -> None:
        begins = self._gathering.ends(len(self._asked))
        if not self._busy:
            self._busy = True
            begins = not self._gathering.waits(len(self._asked))
        if begins:
            self._afterwards.call(self._write)

    def _write(self) -> None:
        """Write what was asked for, and have it made durable."""
        self._gathering.begun(len(self._asked))
        is_locked, size = False, MAX_BATCH
        while self._asked or self._beat is not None:
            batch = self._asked[:size]
            # Only the last of them may say that everything is written.
            beat = self._beat if len(batch) == len(self._asked) else None
            results = self._write_batch(batch, beat)
            if results is _Again.LOCKED:
                is_locked = True
                break
            if results is _Again.DAMAGED:
                # Somebody's page cannot be read: the others are stored without him.
                size = len(batch) // 2
                continue
            size = min(2 * size, MAX_BATCH)
            if beat is not None:
                self._beat = None
            del self._asked[: len(batch)]
            self._written.extend(zip(batch, results, strict=True))
        if is_locked:
            self.counts["locked"] += 1
            self._fail_those_asked_before(self._clock() - PATIENCE)
        if self.is_closed:
            return
        if any(result[0] in _ON_DISK for _, result in self._written):
            self._disk.sync_soon(len(self._written))
        elif self._written:
            # A disk that failed to write may fail to sync, which would put in doubt what is there.
            self._disk.results.append(None)
            self._loop.call_soon(self._settle)
        else:
            self._go_on(RETRY if is_locked else 0.0)

    def _write_batch(self, batch: list[_Waiting], beat: Beat | None) -> list[Result] | _Again:
        """What came of each, or why nothing yet."""
        if self.loss is not None:
            return [_unavailable(self.loss)] * len(batch)
        when = When(time.time(), self.epoch + self._clock())
        try:
            results = self._writer.write([one.asked for one in batch], beat, when)
        except Exception as error:  # noqa: BLE001 - else nobody in the batch would ever be told
            if is_locked(error):
                return _Again.LOCKED
            if is_damaged(error) and len(batch) > 1:
                return _Again.DAMAGED
            why = f"cannot write: {why_failed(error)}"
            self.counts["writes_failed"] += 1
            if is_damaged(error):
                self._meet_damage(why)
            else:
                self._fail(why)
            if self._beat is not None and self._beat.is_clean:
                # The stop is no planned one: it has lost something.
                self._beat = None
            return [_unavailable(why)] * len(batch)
        for one, (verdict, _) in zip(batch, results, strict=True):
            if verdict is _STORED and isinstance(one.asked, Wanted):
                for change in one.asked.changes:
                    self._cache.write(change)
        return results

    def _fail_those_asked_before(self, then: float) -> None:
        """They have waited long enough for another program."""
        count = 0
        for one in self._asked:
            if one.since > then:
                break
            self._written.append((one, _unavailable("another program holds a lock on it")))
            count += 1
        del self._asked[:count]

    def _noticed(self, loss: str | None) -> None:
        """Stop reading and writing after a loss, or resume when the files are back."""
        self.loss = loss
        if loss is None:
            # The file may have been changed while it was away.
            self._cache.clear()
            _log.info("store_back")
        else:
            _log.error("store_lost", reason=loss)

    def _not_moved(self, why: str) -> None:
        """The log keeps growing."""
        self.counts["checkpoints_failed"] += 1
        _log.error("store_checkpoint_failed", reason=why)

    def _settle(self) -> None:
        """Tell what came of the transaction that the disk was waited for, and go on."""
        results = self._disk.results
        if not results:  # `close` was faster.
            return
        reason = results[0]
        unsure = None
        if reason is not None:
            unsure = _unavailable(reason)
            self.counts["syncs_failed"] += 1
            self._fail(reason)
        now = self._clock()
        while self._written:
            waiting, result = self._written.popleft()
            try:
                self._tell(waiting, result, unsure, now)
            except Exception as error:  # noqa: BLE001 - the others are told, and the store goes on
                self._loop.call_exception_handler(
                    {"message": "the outcome of a commit could not be told", "exception": error}
                )
        results.popleft()
        # Where nothing was to be synced, an earlier one may have failed.
        if reason is None and not self._database.is_in_doubt:
            self.told = self._writer.newest
        self._go_on()

    def _tell(self, waiting: _Waiting, result: Result, unsure: Result | None, now: float) -> None:
        asked = waiting.asked
        is_stored = result[0] is _STORED
        if unsure is not None and result[0] in _ON_DISK:
            # Also what it repeats may be what an earlier sync has failed to keep.
            result = unsure
        if is_stored and unsure is None and (self._failures or self._damaged):
            self._work()
        verdict, error = result
        if isinstance(asked, Wanted):
            self.counts[OF_VERDICT[verdict]] += 1
            self.committed.observe(now - waiting.since)
            for change in asked.changes:
                if not is_stored:
                    self._cache.forget(change)
                elif unsure is None:
                    self._cache.settle(change)
                else:
                    self._cache.doubt(change)
        waiting.settle(verdict, error, now)

    def _fail(self, why: str) -> None:
        """Tell operators, once for each reason; of a loss they have been told."""
        if why not in self._failures and why != self.loss:
            self._failures.add(why)
            _log.error("store_write_failed", reason=why)

    def _meet_damage(self, why: str) -> None:
        """A part of the file cannot be read; those who do not need it are served all the same.

        Operators are told once: whoever needs it comes again, and others succeed in between.
        """
        self._damaged += 1
        if why not in self._damage:
            self._damage.add(why)
            _log.error("store_write_failed", reason=why)

    def _work(self) -> None:
        """Something is durable again."""
        self._damaged = 0
        if self._failures:
            self._failures.clear()
            _log.info("store_recovered")

    def _go_on(self, after: float = 0.0) -> None:
        """Begin the next transaction, if there is anything to write."""
        self._busy = bool(self._asked) or self._beat is not None
        if not self._busy or self.is_closed:
            return
        if after:
            self._loop.call_later(after, self._write)
        elif not self._gathering.waits(len(self._asked)):
            # A turn of the loop would cost 5 µs, and bring nothing.
            self._write()


def _unavailable(why: str) -> Result:
    return Verdict.UNAVAILABLE, StoreError("store_unavailable", why)
