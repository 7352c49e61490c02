"""What a store promises, checked: the file is sound, and its tables agree with one another.

A server may go on writing meanwhile: see `store.findings` for what can be said then. Only whether
the pages of the file fit together has to be found out at one moment. Until then the server cannot
begin its log anew, about 2 s for each GB.
"""

import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.store.findings import Read, find_contradictions, find_unreadable_messages
from dfks_rules.store.migrations import MIGRATIONS, is_table, release_of, version_of
from dfks_rules.store.reader import open_to_read, refuse_other_versions
from dfks_rules.store.schema import find_strangers

MAX_PROBLEMS = 20
"""Most problems that are told: a broken page breaks whatever is on it."""


class Contents(NamedTuple):
    """How much is in a store; while a server is writing, not all of one moment."""

    version: int
    """Of its tables."""
    release: str | None
    """Of dfks-rules that gave it this version; None where no record was kept."""
    presentities: int
    states: int
    changes: int
    """In the journal; 0 for versions without one, as below."""
    newest_at: float | None
    """When the newest of them was made, seconds since 1970."""
    subscriptions: int


def examine(path: Path) -> Contents:
    """What is in a store, or a copy of one, that must be sound. Other versions are only counted.

    Raises:
        StoreError: `store_unsound` and the first problem; or see `open_to_read`.
    """
    with open_to_read(path) as connection:
        problem = next(find_problems(connection), None)
        if problem is not None:
            raise StoreError("store_unsound", f"it is not sound: {problem}")
        return contents_of(connection)


def check_store(path: Path, read: Read) -> tuple[Contents, list[str]]:
    """What is in a store, and what is wrong with it: at most `MAX_PROBLEMS`.

    Args:
        path: the store; a server may be using it.
        read: reads stored messages.

    Raises:
        StoreError: it is of another version, or cannot be opened; see `open_to_read`.
    """
    with open_to_read(path) as connection:
        refuse_other_versions(connection)
        problems = [*islice(find_problems(connection, read), MAX_PROBLEMS)]
        if problems:
            return _contents_if_readable(connection), problems
        return contents_of(connection), problems


def _contents_if_readable(connection: sqlite3.Connection) -> Contents:
    """How much is in a store that is not sound; what is no table of ours is not counted."""
    nothing = Contents(version_of(connection), None, 0, 0, 0, None, 0)
    try:
        return nothing if any(find_strangers(connection)) else contents_of(connection)
    except sqlite3.Error:
        return nothing


def contents_of(connection: sqlite3.Connection) -> Contents:
    """How much is in a store of any version; nothing is in what is no table."""
    version = version_of(connection)
    newest = None
    if is_table(connection, "change"):
        row = connection.execute("SELECT at FROM change ORDER BY seq DESC LIMIT 1").fetchone()
        newest = None if row is None else float(row[0])
    return Contents(
        version,
        release_of(connection),
        _count(connection, "presentity"),
        _count(connection, "feature_state"),
        _count(connection, "change"),
        newest,
        _count(connection, "subscription"),
    )


def _count(connection: sqlite3.Connection, table: str) -> int:
    if not is_table(connection, table):
        return 0
    [count] = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    return int(count)


def find_problems(connection: sqlite3.Connection, read: Read | None = None) -> Iterator[str]:
    """What is wrong, one line each: first with the file, then, if it is sound, with its rows.

    Args:
        connection: a store of any version; what rows mean is known of this release's only.
        read: reads stored messages; None leaves them out.
    """
    is_sound = True
    try:
        strangers = [*find_strangers(connection)]
        yield from strangers
        if strangers:
            return
        pages = f"PRAGMA integrity_check({MAX_PROBLEMS})"
        for [problem] in connection.execute(pages).fetchall():
            if problem != "ok":
                is_sound = False
                lines = str(problem).splitlines()
                yield from [line for line in lines if not line.startswith("***")]  # A heading.
        if is_sound and version_of(connection) == len(MIGRATIONS):
            yield from find_contradictions(connection)
            if read is not None:
                yield from find_unreadable_messages(connection, read)
    except sqlite3.Error as error:
        yield str(error)
