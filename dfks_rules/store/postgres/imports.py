"""Imports in the engine: any node shows them, and one whose node has ended goes on at another."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import orjson

from dfks_rules.errors import StoreError
from dfks_rules.operations.imports import MAX_UNFINISHED, Job, Refusal, Status, TooManyError
from dfks_rules.operations.rows import Format
from dfks_rules.store.imports import KEPT
from dfks_rules.store.postgres.connection import Connection, Row

LOOK = 2.0
"""Seconds between two looks for imports of nodes that have ended."""
GAP = 0.2
"""Seconds between two notes: each is a commit, which rows that are set wait for."""
PIECE = 256 * 1024
"""Bytes of a file in a row."""
_BEGIN = "SELECT dfks.import_begin_1($1, $2, $3, $4, $5) AS has_begun"
_PUT = "SELECT dfks.import_put_1($1, $2, $3)"
_GET = "SELECT * FROM dfks.import_get_1($1, $2)"
_REMOVE = "SELECT dfks.import_remove_1($1)"
_NOTE = "SELECT dfks.import_note_1($1, $2, $3, $4, $5, $6, $7, $8, $9) AS lost"
_LIST = "SELECT * FROM dfks.import_list_1()"
_CLAIM = "SELECT * FROM dfks.import_claim_1($1, $2)"
_CANCEL = "SELECT * FROM dfks.import_cancel_1($1, $2)"
_REFUSALS = "SELECT * FROM dfks.import_refusals_1($1, $2, $3, $4)"
_FORGET = "SELECT dfks.import_forget_1($1)"


class ImportTables:
    """Imports, as one life of a node uses them.

    Reference: `app.imports.keeping.Kept`.
    """

    def __init__(self, connection: Connection, epoch: int) -> None:
        """Use a connection, for this life."""
        self._connection = connection
        self._epoch = epoch
        self._tasks: set[asyncio.Task[None]] = set()
        self._write_at = 0.0
        """When the next note may be written, of the loop."""
        self.look_every: float | None = LOOK

    def begun(self) -> list[Job]:
        """None: a life begins without any, and claims some."""
        return []

    async def add(self, job: Job, path: Path) -> None:
        """Keep a new import with its file."""
        said = (self._epoch, job.id, job.begun_at, _said(job), MAX_UNFINISHED)
        has_begun = (await self._connection.row(_BEGIN, *said))["has_begun"]
        if has_begun is None:
            raise _fenced()
        if not has_begun:
            raise TooManyError
        try:
            for number in range(-(-job.size // PIECE)):
                data = await asyncio.to_thread(_piece, path, number)
                await self._connection.rows(_PUT, job.id, number, data)
            await self._note([(job, ())])
        except BaseException:
            # Else others would show it once this life is over.
            self._keep(asyncio.get_running_loop().create_task(self._remove(job.id)))
            raise

    async def shown(self, own: Sequence[Job]) -> list[Job]:
        """All imports; of those of this node that are not over, it knows more."""
        found = {job.id: job for job in map(_job, await self._connection.rows(_LIST))}
        for job in own:
            if job.id in found and not (job.status.is_over or found[job.id].status.is_over):
                found[job.id] = job
        return [*found.values()]

    def write(
        self,
        notes: Sequence[tuple[Job, Sequence[Refusal]]],
        done: Callable[[StoreError | None, Collection[str]], None],
    ) -> None:
        """Store notes, a moment after those before."""
        self._keep(asyncio.get_running_loop().create_task(self._write(notes, done)))

    async def refusals(self, job: str, after: tuple[int, int], at_most: int) -> list[Refusal]:
        """Those of an import that follow one."""
        rows = await self._connection.rows(_REFUSALS, job, *after, at_most)
        return [Refusal(*orjson.loads(row["said"])) for row in rows]

    async def cancel(self, job: str, at: float) -> Job:
        """End an import that another node does."""
        found = await self._connection.rows(_CANCEL, job, at)
        if not found:
            raise KeyError(job)
        return _job(found[0])

    async def claim(self, known: Sequence[str]) -> list[Job]:
        """One of a node that has ended."""
        return [_job(row) for row in await self._connection.rows(_CLAIM, self._epoch, [*known])]

    async def fetch(self, job: Job, path: Path) -> None:
        """Copy the file of an import from the engine."""
        number = size = 0
        while size < job.size:
            found = await self._connection.rows(_GET, job.id, number)
            if not found:
                raise ValueError("it is gone from the database")
            data = found[0]["data"]
            await asyncio.to_thread(_append, path, data, is_first=number == 0)
            number, size = number + 1, size + len(data)

    async def forget(self, over: Sequence[str]) -> list[str]:
        """Remove what ended long ago; what is over need not be remembered here."""
        if over:
            await self._connection.rows(_FORGET, KEPT)
        return [*over]

    async def _write(
        self,
        notes: Sequence[tuple[Job, Sequence[Refusal]]],
        done: Callable[[StoreError | None, Collection[str]], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._write_at - loop.time()))
        self._write_at = loop.time() + GAP
        try:
            lost = await self._note(notes)
        except StoreError as error:
            done(error, ())
        else:
            done(None, lost)

    async def _note(self, notes: Sequence[tuple[Job, Sequence[Refusal]]]) -> list[str]:
        jobs = [(job.id, job.status.value, job.ended_at, _said(job)) for job, _ in notes]
        refusals = [
            (job.id, one.row, one.part, orjson.dumps([*one]).decode())
            for job, some in notes
            for one in some
        ]
        columns = [*_columns(jobs, 4), *_columns(refusals, 4)]
        row = await self._connection.row(_NOTE, self._epoch, *columns)
        if row["lost"] is None:
            raise _fenced()
        return [*row["lost"]]

    async def _remove(self, job: str) -> None:
        try:
            await self._connection.rows(_REMOVE, [job])
        except StoreError:
            return  # It is removed when this life is over.

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _fenced() -> StoreError:
    return StoreError("store_fenced", "the others take this node for dead")


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[column] for row in rows] for column in range(width)]


def _said(job: Job) -> str:
    domains = None if job.domains is None else sorted(job.domains)
    return orjson.dumps(job._replace(domains=domains)._asdict()).decode()  # type: ignore[arg-type]


def _job(row: Row) -> Job:
    said = orjson.loads(row["said"])
    known = {name: said[name] for name in Job._fields if name in said}
    domains = None if said["domains"] is None else frozenset(said["domains"])
    return Job(**known)._replace(
        format=Format(said["format"]),
        domains=domains,
        status=Status(row["status"]),
        ended_at=row["ended_at"],
    )


def _piece(path: Path, number: int) -> bytes:
    with path.open("rb") as file:
        file.seek(number * PIECE)
        return file.read(PIECE)


def _append(path: Path, data: bytes, *, is_first: bool) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("wb" if is_first else "ab") as file:
        file.write(data)
