"""The imports of a server: one after the other, at a pace that leaves phones undisturbed.

How far each is, is noted in the store; whoever kills the server finds it going on from there, or at
another node. A row whose set was stored and not noted is set again, to the same state.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog

from dfks_rules.app.imports.deciding import RETRY, Came, decide
from dfks_rules.app.imports.keeping import Kept
from dfks_rules.app.imports.noting import Notes
from dfks_rules.app.imports.pace import Pace
from dfks_rules.app.imports.reading import begin, portion
from dfks_rules.app.imports.spool import Spool
from dfks_rules.errors import StoreError
from dfks_rules.operations.imports import (
    MAX_REFUSALS,
    MAX_UNFINISHED,
    MAX_UNFINISHED_OF_TOKEN,
    Job,
    Refusal,
    Status,
    TooManyError,
    Wanted,
)
from dfks_rules.operations.ports import Operations
from dfks_rules.phrases.phrase import phrase

IMPORT_RATE = 500
"""Rows a second where nothing is configured."""
PORTION = 32
"""Rows that are read at once, in a thread: it holds up the loop's for about a millisecond."""
FINISH_WITHIN = 2.0
"""Seconds that rows under way have when the server stops; then they are done again."""
PATIENCE = 5.0
"""Seconds that a cancellation may take to be stored."""
TOGETHER = 8
"""Rows that are stored together: few enough that all are answered well within a millisecond."""

_log = structlog.get_logger("dfks.imports")


class Jobs:
    """Runs imports; `start` once the server serves.

    Reference: `operations.imports.Imports`.
    """

    def __init__(
        self,
        kept: Kept,
        spool: Spool,
        operations: Operations,
        rate: float,
        at: Callable[[], datetime],
    ) -> None:
        """Nothing runs yet.

        Args:
            kept: keeps how far they are.
            spool: keeps the files.
            operations: decides on rows.
            rate: most rows a second.
            at: now.
        """
        self._kept = kept
        self._spool = spool
        self._operations = operations
        self._rate = rate
        self._at = at
        self._is_read = True
        """Whether it is known which files are still needed."""
        self._jobs = {job.id: job for job in self._found()}
        self._queue = deque(
            sorted(
                (job.id for job in self._jobs.values() if not job.status.is_over),
                key=lambda id_: self._jobs[id_].begun_at,
            )
        )
        self._notes = Notes(kept, self._lose)
        self._is_stopping = False
        self._receiving: dict[str, str] = {}
        """Import → name of the token."""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.counts = dict.fromkeys(("rows", "refused", "unusable", "finished", "failed"), 0)
        """Of all imports since the start of the server."""

    def _found(self) -> list[Job]:
        """What is stored; nothing where that cannot be read: phones do not need it."""
        try:
            return self._kept.begun()
        except StoreError as error:
            self._is_read = False
            _log.error("imports_not_read", reason=error.message)
            return []

    # --- What operators ask ---

    async def jobs(self) -> list[Job]:
        """Those of the last time, the newest first."""
        return await self._kept.shown(self.own())

    def own(self) -> list[Job]:
        """Those that this server does, or has done lately."""
        return sorted(self._jobs.values(), key=lambda job: job.begun_at, reverse=True)

    async def receive(self, wanted: Wanted, pieces: AsyncIterator[bytes]) -> Job:
        """Take a file, and begin to import it.

        Raises:
            TooManyError: too many wait already.
            ValueError: it cannot be used, and why.
            StoreError: it cannot be kept.
        """
        if len(self._queue) + len(self._receiving) >= MAX_UNFINISHED:
            raise TooManyError
        id_ = secrets.token_hex(8)
        self._receiving[id_] = wanted.actor
        try:
            if wanted.has_share and await self._unfinished(wanted.actor) > MAX_UNFINISHED_OF_TOKEN:
                raise TooManyError
            kept = await self._spool.keep(id_, pieces)
            try:
                position = await asyncio.to_thread(begin, self._spool.path(id_), wanted.format)
                job = Job(
                    id_,
                    wanted.format,
                    wanted.is_dry,
                    wanted.actor,
                    wanted.domains,
                    kept.size,
                    kept.sha256,
                    self._at().timestamp(),
                    position=position,
                )
                await self._kept.add(job, self._spool.path(id_))
            except BaseException:
                self._spool.drop(id_)
                raise
        finally:
            del self._receiving[id_]
        self._jobs[id_] = job
        self._queue.append(id_)
        self._wake.set()
        _log.info("import_accepted", job=id_, actor=job.actor, size=job.size, dry=job.is_dry)
        return job

    async def _unfinished(self, actor: str) -> int:
        """How many imports of a token wait or run, at whichever node, or are received here."""
        begun = sum(one.actor == actor and not one.status.is_over for one in await self.jobs())
        return begun + [*self._receiving.values()].count(actor)

    async def refusals(self, job: str, after: tuple[int, int], at_most: int) -> Sequence[Refusal]:
        """Those of an import that follow one."""
        return await self._kept.refusals(job, after, at_most)

    async def cancel(self, job: str) -> Job:
        """Do no more rows of it."""
        found = self._jobs.get(job)
        if found is None:
            return await self._kept.cancel(job, self._at().timestamp())
        if found.status.is_over:
            return found
        self._end(job, Status.CANCELLED)
        found = self._jobs[job]
        try:
            await asyncio.wait_for(self._notes.settled(), PATIENCE)
        except TimeoutError as error:
            why = phrase("the import has ended, but that is not stored yet")
            raise StoreError("store_unavailable", why) from error
        return found

    # --- Running them ---

    def start(self) -> None:
        """Go on with what is unfinished."""
        if self._is_read:
            # The doors are open already.
            self._spool.sweep([*self._queue, *self._receiving])
        self._wake.set()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Run nothing more but the rows that are under way; what is unfinished stays so."""
        self._is_stopping = True
        task, self._task = self._task, None
        if task is not None:
            if self._queue:
                await asyncio.wait({task}, timeout=FINISH_WITHIN)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._notes.end()
        self._spool.end()

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._kept.look_every):
                    await self._wake.wait()
            self._wake.clear()
            await self._claim()
            while self._queue and not self._is_stopping:
                await self._import(self._queue[0])
            if self._is_stopping:
                return
            await self._forget_old()

    async def _claim(self) -> None:
        """Go on with an import of a node that has ended, if there is nothing else to do."""
        if self._queue or self._is_stopping:
            return
        try:
            claimed = await self._kept.claim([*self._jobs])
        except StoreError:
            return  # It is tried again soon.
        for job in claimed:
            self._jobs[job.id] = job
            self._queue.append(job.id)
            _log.info("import_resumed", job=job.id, rows=job.rows)

    async def _fetch(self, id_: str) -> None:
        """Have the file here."""
        path, goes_on = self._spool.path(id_), self._is_going(id_)
        while goes_on() and not path.exists():
            try:
                await self._kept.fetch(self._jobs[id_], path)
                return
            except StoreError as error:
                self._spool.drop(id_)
                _log.warning("import_waits", job=id_, row=0, reason=error.message)
                await asyncio.sleep(RETRY)

    async def _import(self, id_: str) -> None:
        """Do one import to its end, if nobody stops it."""
        try:
            await self._fetch(id_)
            has_ended = await self._rows(id_)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            self._end(
                id_,
                Status.FAILED,
                phrase("its file cannot be read: {problem}", problem=why or error),
            )
        except StoreError as error:
            # Another server has the store, and goes on with it.
            _log.error("import_stopped", job=id_, reason=error.message)
            self._queue.clear()
        except Exception:  # noqa: BLE001 - it is logged
            _log.exception("import_broken", job=id_)
            self._end(id_, Status.FAILED, phrase("the server failed; see its log"))
        else:
            if has_ended:
                # Whoever sees that it is done looks for the report.
                await self._notes.settled()
                self._end(id_, Status.DONE)

    async def _rows(self, id_: str) -> bool:
        """Whether the file has ended."""
        path, pace = self._spool.path(id_), Pace(self._rate)
        goes_on = self._is_going(id_)
        while goes_on():
            job = self._set(id_, status=Status.RUNNING)
            reads, end = await asyncio.to_thread(portion, path, job.format, job.position, PORTION)
            if end is None:
                return True
            for first in range(0, len(reads), TOGETHER):
                some = reads[first : first + TOGETHER]
                came = await decide(self._operations, self._jobs[id_], some, goes_on)
                if came:
                    self._took(id_, came, some[len(came) - 1].end)
                if not goes_on():
                    return False
                await pace.rest(len(came))
            self._set(id_, position=end)
        return False

    def _took(self, id_: str, came: Sequence[Came], position: int) -> None:
        """Note what came of rows."""
        job = self._jobs[id_]
        room = max(0, MAX_REFUSALS - job.refused - job.unusable)
        refusals = [refusal for one in came for refusal in one.refusals]
        job = self._set(
            id_,
            position=position,
            rows=job.rows + len(came),
            changed=job.changed + sum(one.changed for one in came),
            unchanged=job.unchanged + sum(one.unchanged for one in came),
            refused=job.refused + sum(one.refused for one in came),
            unusable=job.unusable + sum(one.unusable for one in came),
        )
        self.counts["rows"] += len(came)
        self.counts["refused"] += sum(one.refused for one in came)
        self.counts["unusable"] += sum(one.unusable for one in came)
        self._notes.note(job, refusals[:room])

    def _end(self, id_: str, status: Status, why: str = "") -> None:
        """An import is over; what has ended it first counts."""
        if self._is_over(id_):
            return
        job = self._set(id_, status=status, ended_at=self._at().timestamp(), why=why)
        self._notes.note(job)
        self.counts["failed" if status is Status.FAILED else "finished"] += 1
        self._queue.remove(id_)
        self._spool.drop(id_)
        self._wake.set()
        _log.info(
            "import_ended",
            job=id_,
            status=status.value,
            rows=job.rows,
            changed=job.changed,
            refused=job.refused,
            unusable=job.unusable,
            why=why,
        )

    def _lose(self, ids: Collection[str]) -> None:
        """Another node has ended these, or goes on with them."""
        for id_ in ids:
            if id_ in self._queue:
                self._set(id_, status=Status.CANCELLED)
                self._queue.remove(id_)
                self._spool.drop(id_)
                self._wake.set()
                _log.info("import_lost", job=id_)

    def _set(self, id_: str, **fields: Any) -> Job:
        self._jobs[id_] = job = self._jobs[id_]._replace(**fields)
        return job

    def _is_over(self, id_: str) -> bool:
        return self._jobs[id_].status.is_over

    def _is_going(self, id_: str) -> Callable[[], bool]:
        return lambda: not (self._is_over(id_) or self._is_stopping)

    async def _forget_old(self) -> None:
        """Remove imports that ended long ago."""
        await self._notes.settled()
        over = [id_ for id_, job in self._jobs.items() if job.status.is_over]
        try:
            for id_ in await self._kept.forget(over):
                self._jobs.pop(id_, None)
        except StoreError:
            return
