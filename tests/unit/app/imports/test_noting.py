"""How far imports are, in the store."""

import asyncio
import sqlite3
from collections.abc import Callable, Collection
from typing import cast

import pytest

from dfks_rules.app.imports.keeping import SqliteImports
from dfks_rules.app.imports.noting import Notes
from dfks_rules.errors import StoreError
from dfks_rules.operations.imports import Job, Refusal
from dfks_rules.operations.rows import Format
from dfks_rules.store import imports as tables
from dfks_rules.store.migrations import migrate
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.stores import FULL

_NOBODY: Callable[[Collection[str]], None] = lambda _ids: None  # noqa: E731
_JOB = Job("17", Format.CSV, False, "hr", None, 70, "5ea", 0.0)


class _Store:
    """Writes when the test says so."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        migrate(self.connection)
        self.waiting: list[
            tuple[Callable[[sqlite3.Connection], None], Callable[[StoreError | None], None]]
        ] = []

    def write_aside(
        self, run: Callable[[sqlite3.Connection], None], done: Callable[[StoreError | None], None]
    ) -> None:
        self.waiting.append((run, done))

    def settle(self, error: StoreError | None = None) -> None:
        """Write, or fail."""
        run, done = self.waiting.pop(0)
        if error is None:
            run(self.connection)
        done(error)


def _refusal(row: int) -> Refusal:
    return Refusal(row, 0, "sip:a@b", "DoNotDisturb", "no", "", "", "")


async def test_what_comes_while_one_is_written_forms_the_next() -> None:
    """Notes never queue up behind a slow disk."""
    store = _Store()
    notes = Notes(SqliteImports(cast(SqliteStore, store)), _NOBODY)
    for row in range(1, 5):
        notes.note(_JOB._replace(rows=row), [_refusal(row)])
    settled = asyncio.create_task(notes.settled())
    store.settle()
    await asyncio.sleep(0)
    assert not settled.done()
    store.settle()
    await settled
    assert store.waiting == []
    assert [job.rows for job in tables.jobs(store.connection)] == [4]
    found = tables.refusals(store.connection, "17", (0, 0), 9)
    assert [one.row for one in found] == [1, 2, 3, 4]


async def test_what_could_not_be_written_is_written_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No refusal is lost; the newest place counts."""
    monkeypatch.setattr("dfks_rules.app.imports.noting.RETRY", 0.0)
    store = _Store()
    notes = Notes(SqliteImports(cast(SqliteStore, store)), _NOBODY)
    notes.note(_JOB._replace(rows=1), [_refusal(1)])
    notes.note(_JOB._replace(rows=2), [_refusal(2)])
    store.settle(FULL)
    await asyncio.sleep(0.01)
    store.settle()
    await notes.settled()
    assert [job.rows for job in tables.jobs(store.connection)] == [2]
    assert len(tables.refusals(store.connection, "17", (0, 0), 9)) == 2


async def test_nothing_is_tried_again_once_the_server_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that goes on after a failed hand-over would ask a closed store for ever."""
    monkeypatch.setattr("dfks_rules.app.imports.noting.RETRY", 0.0)
    store = _Store()
    notes = Notes(SqliteImports(cast(SqliteStore, store)), _NOBODY)
    notes.note(_JOB._replace(rows=1))
    notes.end()
    store.settle(FULL)
    await asyncio.sleep(0.01)
    assert store.waiting == []
