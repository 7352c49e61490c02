"""Whether the tables of a file are those that its version has.

A file that somebody else has made may contain programs: triggers that act on each commit, and views
in place of tables, which never come to an end. It is looked at before anything is read from it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache

from dfks_rules.store.migrations import MIGRATIONS, version_of

_TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
_SHAPE = """
    SELECT name, type, "notnull", pk, hidden,
        (SELECT type || wr FROM pragma_table_list WHERE name = :table AND schema = 'main')
    FROM pragma_table_xinfo(:table) ORDER BY cid"""
_UNIQUE = """
    SELECT name FROM pragma_index_list(:table) WHERE "unique" AND origin != 'pk'"""

Shape = list[tuple[object, ...]]
"""Of each column the name, type and place, and what kind of table it is in."""


def find_strangers(connection: sqlite3.Connection) -> Iterator[str]:
    """What a store of a version that this release knows does not have, or has otherwise.

    Tables, views and indexes of others are no matter, unless they keep rows from being stored.

    Raises:
        StoreError: `store_not_a_database`.
        sqlite3.Error: the file cannot be read.
    """
    version = version_of(connection)
    if version > len(MIGRATIONS):
        return
    for [name] in connection.execute(_TRIGGERS).fetchall():
        yield f"it has a trigger `{name}`, which no release of dfks-rules has made"
    for table, shape in _shapes_of(version).items():
        if _shape(connection, table) != shape:
            yield f"its table `{table}` is not that of version {version}"
        for [name] in connection.execute(_UNIQUE, {"table": table}).fetchall():
            yield f"it has an index `{name}` on `{table}`, which keeps rows from being stored"


@cache
def _shapes_of(version: int) -> dict[str, Shape]:
    """The tables of a version."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for script in MIGRATIONS[:version]:
            connection.executescript(script)
        names = connection.execute(_TABLES).fetchall()
        return {name: _shape(connection, name) for [name] in names}


def _shape(connection: sqlite3.Connection, table: str) -> Shape:
    return connection.execute(_SHAPE, {"table": table}).fetchall()
