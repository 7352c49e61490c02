"""The table `subscription`: dialogs, as messages that made them."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import inf
from typing import Any

from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow

_INSERT = """
    INSERT INTO subscription VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (row) DO UPDATE SET
        tag = excluded.tag, user = excluded.user, domain = excluded.domain,
        deadline = excluded.deadline, cseq = excluded.cseq, base = excluded.base,
        flags = excluded.flags, first = excluded.first, last = coalesce(excluded.last, last)"""
_INSERT_FIRST = _INSERT.replace("?)\n", "NULL)\n")
_UPDATE = """
    UPDATE subscription SET deadline = ?, cseq = ?, base = ?, flags = ?, last = ? WHERE row = ?"""
_UPDATE_NUMBERS = _UPDATE.replace(", last = ?", "")
_REMOVE = "DELETE FROM subscription WHERE row IN (SELECT value FROM json_each(?))"
_CSEQ = "SELECT cseq FROM subscription WHERE row = ?"
_HIGHEST = "SELECT coalesce(max(row), 0) FROM subscription"
# Names as BLOBs: one that is no UTF-8 must not keep the others from being read.
_READ = """
    SELECT row, tag, CAST(user AS BLOB), CAST(domain AS BLOB), deadline, cseq, base, flags, first,
        last
    FROM subscription WHERE row < ? ORDER BY row DESC LIMIT ?"""
_TYPES = (int, bytes, bytes, bytes, float, int, int, int, bytes)
"""Of all columns but `last`."""


def highest(connection: sqlite3.Connection) -> int:
    """Number of the newest row; 0 where there is none."""
    [number] = connection.execute(_HIGHEST).fetchone()
    return int(number)


def cseqs(connection: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, int]:
    """Number of each row that is stored → CSeq of the last SUBSCRIBE."""
    # One by one: json_each takes 2 to 8 times as long for one alone, and saves 0.2 µs of many.
    found: dict[int, int] = {}
    for number in numbers:
        row = connection.execute(_CSEQ, (number,)).fetchone()
        if row is not None:
            found[number] = row[0]
    return found


def put(connection: sqlite3.Connection, rows: Iterable[DialogRow]) -> None:
    """Write rows; a message that is None stays as it is stored. The caller commits.

    A row without its first message must be stored already; else it is not written.
    """
    made: list[tuple[Any, ...]] = []
    made_and_changed: list[tuple[Any, ...]] = []
    again: list[tuple[Any, ...]] = []
    changed: list[tuple[Any, ...]] = []
    for number, tag, (user, domain), deadline, cseq, base, flags, first, last in rows:
        if first is None:
            if last is None:
                again.append((deadline, cseq, base, flags, number))
            else:
                changed.append((deadline, cseq, base, flags, last, number))
            continue
        # bytearray: `sqlite3` takes 0.3 µs more for bytes, and as much for a None.
        key, message = bytearray(tag), bytearray(first)
        row = (number, key, user, domain, deadline, cseq, base, flags, message)
        if last is None:
            made.append(row)
        else:
            made_and_changed.append((*row, last))
    for statement, wanted in (
        (_INSERT_FIRST, made),
        (_INSERT, made_and_changed),
        (_UPDATE_NUMBERS, again),
        (_UPDATE, changed),
    ):
        if wanted:
            connection.executemany(statement, wanted)


def remove(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Remove rows; the caller commits."""
    connection.execute(_REMOVE, (f"{[*numbers]}",))


def read(connection: sqlite3.Connection, before: int, at_most: int) -> list[DialogRow]:
    """Rows with numbers below `before`, the highest first; of spoilt ones there is only the number.

    Raises:
        sqlite3.Error: the file cannot be read.
        ValueError: it is damaged: there is no end to rows that are not in order.
    """
    rows = [_row(columns) for columns in connection.execute(_READ, (before, at_most))]
    for row in rows:
        if row.row >= before:
            raise ValueError("rows of `subscription` are not in order")
        before = row.row
    return rows


def _row(columns: tuple[Any, ...]) -> DialogRow:
    number, tag, user, domain, deadline, *_, last = columns
    is_ours = tuple(map(type, columns[:-1])) == _TYPES and -inf < deadline < inf
    if is_ours and (last is None or type(last) is bytes):
        with suppress(UnicodeDecodeError):
            return DialogRow(number, tag, Aor(user.decode(), domain.decode()), *columns[4:])
    return DialogRow(number, b"", Aor("", ""), 0.0, 0, 0, 0, b"", None)
