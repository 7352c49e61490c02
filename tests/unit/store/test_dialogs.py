"""The table of subscriptions."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dfks_rules.store import dialogs
from dfks_rules.store.migrations import migrate
from tests.helpers.stored import renumber_first
from tests.helpers.wanted import dialog_row


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database with empty tables."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    migrate(opened)
    yield opened
    opened.close()


def test_rows_are_read_as_they_were_written_the_newest_first(
    connection: sqlite3.Connection,
) -> None:
    """In portions, each of which begins below the last number of the one before."""
    rows = [dialog_row(number)._replace(last=bytes(range(256))) for number in range(1, 6)]
    dialogs.put(connection, rows)
    assert dialogs.read(connection, 1 << 62, 2) == [rows[4], rows[3]]
    assert dialogs.read(connection, 4, 9) == [rows[2], rows[1], rows[0]]
    assert dialogs.read(connection, 1, 9) == []


@pytest.mark.parametrize(
    "column",
    [
        "tag = 'text'",
        "user = CAST(x'ff61' AS TEXT)",
        "domain = CAST(x'ff61' AS TEXT)",
        "deadline = 'soon'",
        "deadline = 9e999",
        "cseq = 'text'",
        "base = 0.5",
        "flags = x'00'",
        "first = 'text'",
        "last = 'text'",
    ],
)
def test_a_spoilt_row_does_not_hide_the_others(connection: sqlite3.Connection, column: str) -> None:
    """Its number is told, by which it can be removed."""
    rows = [dialog_row(number) for number in range(1, 4)]
    dialogs.put(connection, rows)
    connection.execute(f"UPDATE subscription SET {column} WHERE row = 2")  # noqa: S608 - ours
    newest, spoilt, oldest = dialogs.read(connection, 1 << 62, 9)
    assert [newest, oldest] == [rows[2], rows[0]]
    assert (spoilt.row, spoilt.tag) == (2, b"")


def test_a_refresh_leaves_the_messages_as_they_are(connection: sqlite3.Connection) -> None:
    """Most refreshes say nothing new, and messages are most of a row."""
    made = dialog_row(7)._replace(last=b"last")
    dialogs.put(connection, [made])
    later = made._replace(deadline=2e9, cseq=2, base=3, flags=1)
    dialogs.put(connection, [later._replace(first=None, last=None)])
    assert dialogs.read(connection, 99, 9) == [later]
    dialogs.put(connection, [later._replace(first=None, last=b"newer")])
    assert dialogs.read(connection, 99, 9) == [later._replace(last=b"newer")]


def test_a_row_written_again_replaces_what_was(connection: sqlite3.Connection) -> None:
    """Where it is unknown whether it was stored the first time."""
    made = dialog_row(7)._replace(last=b"last")
    dialogs.put(connection, [made])
    again = made._replace(tag=b"other", cseq=2, first=b"SUBSCRIBE 2", last=None)
    dialogs.put(connection, [again])
    assert dialogs.read(connection, 99, 9) == [again._replace(last=b"last")]


def test_a_refresh_of_a_row_that_is_gone_makes_none(connection: sqlite3.Connection) -> None:
    """A subscription without its first message could not be restored."""
    dialogs.put(connection, [dialog_row(7, first=None)])
    assert dialogs.read(connection, 99, 9) == []


def test_rows_are_removed_by_number(connection: sqlite3.Connection) -> None:
    """Those that are not there make no difference."""
    dialogs.put(connection, [dialog_row(number) for number in range(4)])
    dialogs.remove(connection, [1, 3, 77])
    assert [row.row for row in dialogs.read(connection, 99, 9)] == [2, 0]


def test_cseqs_gives_those_of_rows_that_are_stored(connection: sqlite3.Connection) -> None:
    """By which a repeated SUBSCRIBE is known."""
    dialogs.put(connection, [dialog_row(7, cseq=3), dialog_row(8, cseq=4), dialog_row(9)])
    assert dialogs.cseqs(connection, [7, 8, 5]) == {7: 3, 8: 4}


def test_a_page_whose_rows_are_not_in_order_is_no_endless_list(tmp_path: Path) -> None:
    """Whoever reads on from the last row of a portion would read the same ones for ever."""
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection)
        dialogs.put(connection, [dialog_row(number) for number in (1, 2, 3)])
    renumber_first(path, "subscription", 100)
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(ValueError, match="not in order"),
    ):
        dialogs.read(connection, 1 << 62, 1000)
