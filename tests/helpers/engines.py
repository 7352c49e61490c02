"""Nodes that use a real PostgreSQL, and somebody else who holds its locks."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow, Gone, Verdict
from dfks_rules.store.postgres.connection import PATIENCE
from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.postgres.ports import Outcome, Report, Sought, Step, cohort_of
from tests.helpers.postgres import Database
from tests.helpers.wanted import change, dialog_row

if TYPE_CHECKING:
    import asyncpg

EVERY = 1 << 62
"""Above all numbers of rows."""


class Node:
    """A node that has joined."""

    def __init__(self, engine: PostgresEngine, epoch: int, name: str, database: Database) -> None:
        """`epoch` is its life."""
        self.engine = engine
        self.epoch = epoch
        self.name = name
        self.database = database

    def row(self, n: int = 1, cseq: int = 1, first: bytes | None = b"SUBSCRIBE") -> DialogRow:
        """A subscription of its own."""
        return dialog_row((self.epoch << 32) + n, cseq, first)

    async def commit(self, *steps: Step) -> list[Outcome]:
        """Commit steps."""
        return await self.engine.commit(self.epoch, steps, "abc")

    async def verdicts(self, *steps: Step) -> list[Verdict]:
        """Commit steps; what came of them."""
        return [one.verdict for one in await self.commit(*steps)]

    async def keep(self, *rows: DialogRow) -> None:
        """Store subscriptions."""
        [kept] = await self.commit(Step(rows=rows))
        assert kept == Outcome(Verdict.STORED)

    async def adopt(
        self, tag: bytes, row: DialogRow | None = None, cseq: int = 1, *, is_back: bool = False
    ) -> DialogRow | Gone:
        """Make a dialog its own, with the number of this row; None: find it if it is."""
        number = None if row is None else row.row
        [found] = await self.engine.adopt(self.epoch, [Sought(tag, number, cseq, is_back)])
        return found

    async def stored(self, presentity: Aor) -> Snapshot:
        """What is stored for a presentity."""
        [(found, snapshot)] = await self.engine.fetch([presentity])
        assert found == presentity
        return snapshot

    async def rows_of(self, *rows: DialogRow) -> list[DialogRow]:
        """All that are in the cohorts of these."""
        cohorts = {cohort_of(row.row) for row in rows}
        return await self.engine.rows(sorted(cohorts), EVERY, 1000)

    async def is_alive(self) -> bool:
        """Whether it may renew its lease."""
        return (await self.engine.renew(self.epoch, 60.0, Report("", 0, 0.0, 0))).is_alive

    def end_lease(self) -> None:
        """Have its lease be over."""
        over = "UPDATE dfks.lease SET until = clock_timestamp() - interval '1 s' WHERE epoch = %s"
        self.database.run(over, self.epoch)


class Nodes:
    """Those of one database."""

    def __init__(self, database: Database, opened: AsyncExitStack) -> None:
        """They are closed with `opened`."""
        self.database = database
        self._opened = opened
        self._count = 0

    async def join(self, patience: float = PATIENCE) -> Node:
        """Another one, with a lease of a minute."""
        self._count += 1
        name = f"node-{self._count}"
        engine = PostgresEngine(self.database.url, name, patience)
        self._opened.push_async_callback(engine.close)
        return Node(engine, (await engine.join(name, "0.1.0", 60.0)).epoch, name, self.database)

    @asynccontextmanager
    async def transaction(self, statement: str, *values: object) -> AsyncIterator[None]:
        """Somebody else has run a statement in a transaction, which is committed at the end."""
        connection = await self.raw()
        await connection.execute("BEGIN")
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        await connection.fetch(statement, *values)
        try:
            yield
            await connection.execute("COMMIT")
        finally:
            connection.terminate()

    async def raw(self) -> "asyncpg.Connection":
        """A connection like any other's."""
        import asyncpg

        connection = await asyncpg.connect(self.database.url)
        self._opened.callback(connection.terminate)
        return connection

    async def waits(self, count: int = 1) -> None:
        """Return once so many calls wait for locks."""
        query = """
            SELECT count(*) FROM pg_stat_activity
            WHERE wait_event_type = 'Lock' AND datname = current_database()"""
        deadline = time.monotonic() + 10
        while self.database.run(query) != [(count,)]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)


def sets(
    presentity: Aor, before: Snapshot, after: Snapshot, visit: DialogRow | None = None
) -> Step:
    """A step that changes one presentity."""
    return Step((change(presentity, before, after),), visit=visit)
