"""The table `subscription`: dialogs, as messages that made them."""

import sqlite3
from collections.abc import Iterable, Sequence

from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow

_INSERT = """
    INSERT INTO subscription VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (row) DO UPDATE SET
        tag = excluded.tag, user = excluded.user, domain = excluded.domain,
        deadline = excluded.deadline, cseq = excluded.cseq, base = excluded.base,
        flags = excluded.flags, first = excluded.first, last = coalesce(excluded.last, last)"""
_UPDATE = """
    UPDATE subscription SET deadline = ?, cseq = ?, base = ?, flags = ?,
        last = coalesce(?, last)
    WHERE row = ?"""
_REMOVE = "DELETE FROM subscription WHERE row IN (SELECT value FROM json_each(?))"
_CSEQS = "SELECT row, cseq FROM subscription WHERE row IN (SELECT value FROM json_each(?))"
_HIGHEST = "SELECT coalesce(max(row), 0) FROM subscription"
_READ = "SELECT * FROM subscription WHERE row < ? ORDER BY row DESC LIMIT ?"


_FIRST = DialogRow._fields.index("first")
_LAST = DialogRow._fields.index("last")


def highest(connection: sqlite3.Connection) -> int:
    """Number of the newest row; 0 where there is none."""
    [number] = connection.execute(_HIGHEST).fetchone()
    return int(number)


def cseqs(connection: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, int]:
    """Number of each row that is stored → CSeq of the last SUBSCRIBE."""
    return dict(connection.execute(_CSEQS, (f"{[*numbers]}",)).fetchall())


def put(connection: sqlite3.Connection, rows: Iterable[DialogRow]) -> None:
    """Write rows; a message that is None stays as it is stored. The caller commits.

    A row without its first message must be stored already; else it is not written.
    """
    # Slices, since every new subscription comes through here.
    whole, again = [], []
    for row in rows:
        if row[_FIRST] is None:
            again.append((*row[3:_FIRST], row[_LAST], row[0]))
        else:
            whole.append((*row[:2], *row[2], *row[3:]))
    if whole:
        connection.executemany(_INSERT, whole)
    if again:
        connection.executemany(_UPDATE, again)


def remove(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Remove rows; the caller commits."""
    connection.execute(_REMOVE, (f"{[*numbers]}",))


def read(connection: sqlite3.Connection, before: int, at_most: int) -> list[DialogRow]:
    """Rows with numbers below `before`, the highest first.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    return [
        DialogRow(number, tag, Aor(user, domain), *rest)
        for number, tag, user, domain, *rest in connection.execute(_READ, (before, at_most))
    ]
