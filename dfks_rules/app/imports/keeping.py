"""Where imports are kept: in the store of a server, or in the engine that nodes share."""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from dfks_rules.errors import StoreError
from dfks_rules.operations.imports import Job, Refusal
from dfks_rules.store import imports as tables
from dfks_rules.store.sqlite import SqliteStore

Note = tuple[Job, Sequence[Refusal]]
"""How far an import is, and what was refused since the note before."""


class Kept(Protocol):
    """Keeps imports. Whatever is awaited raises StoreError where that is out of reach."""

    look_every: float | None
    """Seconds between two looks for imports of nodes that have ended; None: there are no others."""

    def begun(self) -> list[Job]:
        """What there is when the server starts.

        Raises:
            StoreError: it cannot be read.
        """
        ...

    async def add(self, job: Job, path: Path) -> None:
        """Keep a new import, whose file is there.

        Raises:
            TooManyError: as many as may be unfinished are, at whichever node.
        """
        ...

    async def shown(self, own: Sequence[Job]) -> list[Job]:
        """All imports, those of this server among them, of which it knows more."""
        ...

    def write(
        self, notes: Sequence[Note], done: Callable[[StoreError | None, Collection[str]], None]
    ) -> None:
        """Store notes; `done` is told which imports this server must not go on with."""
        ...

    async def refusals(self, job: str, after: tuple[int, int], at_most: int) -> list[Refusal]:
        """Those of an import that follow one."""
        ...

    async def cancel(self, job: str, at: float) -> Job:
        """End an import that another node does, at this time, and give it as it is then.

        Raises:
            KeyError: there is none.
        """
        ...

    async def claim(self, known: Sequence[str]) -> list[Job]:
        """Imports that this server is to go on with, beside those that it knows."""
        ...

    async def fetch(self, job: Job, path: Path) -> None:
        """Have the file of an import there."""
        ...

    async def forget(self, over: Sequence[str]) -> list[str]:
        """Remove what ended long ago; gives those of `over` that need not be remembered here."""
        ...


class SqliteImports:
    """Imports of a server with a store of its own, noted with its transactions.

    Reference: `Kept`.
    """

    def __init__(self, store: SqliteStore) -> None:
        """`store` has them."""
        self._store = store
        self.look_every: float | None = None

    def begun(self) -> list[Job]:
        """All that are stored."""
        return self._store.read_aside(tables.jobs)

    async def add(self, job: Job, _path: Path) -> None:
        """Note it; the file stays where it is."""
        await self._store.written_aside(lambda connection: tables.note(connection, job, ()))

    async def shown(self, own: Sequence[Job]) -> list[Job]:
        """There are no others."""
        return [*own]

    def write(
        self, notes: Sequence[Note], done: Callable[[StoreError | None, Collection[str]], None]
    ) -> None:
        """Store notes."""

        def run(connection: sqlite3.Connection) -> None:
            for job, refusals in notes:
                tables.note(connection, job, refusals)

        self._store.write_aside(run, lambda error: done(error, ()))

    async def refusals(self, job: str, after: tuple[int, int], at_most: int) -> list[Refusal]:
        """Those of an import that follow one."""

        def read(connection: sqlite3.Connection) -> list[Refusal]:
            return tables.refusals(connection, job, after, at_most)

        return self._store.read_aside(read)

    async def cancel(self, job: str, at: float) -> Job:
        """There is no other node."""
        raise KeyError(job)

    async def claim(self, known: Sequence[str]) -> list[Job]:
        """There is no other node."""
        return []

    async def fetch(self, job: Job, path: Path) -> None:
        """It is there."""

    async def forget(self, over: Sequence[str]) -> list[str]:
        """Remove what ended long ago, a portion at a time."""
        gone: list[str] = []

        def forget(connection: sqlite3.Connection) -> None:
            found = tables.forget_old(connection, tables.KEPT)
            gone.extend([] if found is None else [found])

        while len(over) - len(gone) > tables.KEPT:
            await self._store.written_aside(forget)
        return gone
