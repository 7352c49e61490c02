"""Imports for tests: on a real store, with operations that decide in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

from structlog.testing import capture_logs

from dfks_rules.app.imports.jobs import Jobs
from dfks_rules.app.imports.keeping import Kept, SqliteImports
from dfks_rules.app.imports.spool import Spool
from dfks_rules.operations.imports import Job, Wanted
from dfks_rules.operations.rows import Format
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.operations import MemoryOperations
from tests.helpers.policy import NOON

CSV = Wanted(Format.CSV, is_dry=False, actor="hr", domains=None)
HEAD = "presentity,feature,status,forwardTo\n"


@asynccontextmanager
async def importing(
    folder: Path,
    operations: MemoryOperations,
    *,
    rate: float = 100_000,
    starts: bool = True,
    kept: Callable[[SqliteStore], Kept] = SqliteImports,
) -> AsyncIterator[Jobs]:
    """The imports of a server, until it is killed or ends.

    Args:
        folder: where the store is.
        operations: what decides on rows; it gets the imports.
        rate: rows a second.
        starts: whether they run.
        kept: what keeps them in the store.
    """
    path = folder / "s.db"
    store = SqliteStore(path, asyncio.get_running_loop())
    seconds = count()
    jobs = Jobs(
        kept(store),
        Spool(path),
        operations,
        rate,
        lambda: NOON + timedelta(seconds=next(seconds)),
    )
    operations.jobs = jobs
    if starts:
        jobs.start()
    # Else they would stand among what commands print.
    with capture_logs():
        try:
            yield jobs
        finally:
            await jobs.stop()
            store.close()


async def given(jobs: Jobs, content: str, wanted: Wanted = CSV) -> str:
    """Have a file imported; the id."""

    async def pieces() -> AsyncIterator[bytes]:
        yield content.encode()

    return (await jobs.receive(wanted, pieces())).id


def job(jobs: Jobs, id_: str) -> Job:
    """How far an import is."""
    return next(one for one in jobs.own() if one.id == id_)


async def over(jobs: Jobs, id_: str) -> Job:
    """Wait until an import is over."""
    await until(lambda: job(jobs, id_).status.is_over)
    return job(jobs, id_)


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - it is not an event
            await asyncio.sleep(0.005)
