"""What a transaction need not read."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Verdict, Wanted
from dfks_rules.store import life, remembered
from dfks_rules.store.commit import Asked, Writer
from dfks_rules.store.journal import When
from dfks_rules.store.migrations import migrate
from dfks_rules.store.plan import Rows
from dfks_rules.store.remembered import Remembered
from tests.helpers.wanted import change, dialog_row, wanted

ALICE = Aor("alice", "example.com")
DND = FEATURES[0]
ON = NOTHING_STORED.replace(DND, FeatureState(status=True))
OFF_AGAIN = ON.replace(DND, FeatureState())
STORED, REPEATED, FENCED = Verdict.STORED, Verdict.REPEATED, Verdict.FENCED


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store in its first life."""
    path = tmp_path / "dfks.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    migrate(connection)
    life.begin(connection)
    connection.close()
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """The server's."""
    opened = sqlite3.connect(path, isolation_level=None)
    yield opened
    opened.close()


@pytest.fixture
def other(path: Path) -> Iterator[sqlite3.Connection]:
    """That of another program."""
    opened = sqlite3.connect(path, isolation_level=None)
    yield opened
    opened.close()


@pytest.fixture
def writer(connection: sqlite3.Connection) -> Writer:
    """Writes to the store."""
    return Writer(connection, 1)


def _write(writer: Writer, *asked: Asked) -> list[Verdict]:
    return [verdict for verdict, _ in writer.write(asked, None, When(7.0, 1.0))]


def _visit(cseq: int) -> Wanted:
    """A SUBSCRIBE in the dialog of subscription 7 that changes nothing."""
    return Wanted((), visit=dialog_row(7, cseq, first=None))


def test_what_was_written_or_read_before_is_not_read_again(
    connection: sqlite3.Connection, writer: Writer
) -> None:
    """Each look costs a microsecond or two."""
    _write(writer, wanted(ALICE, NOTHING_STORED, ON), Rows([dialog_row(7)], ()))
    _write(writer, _visit(2))
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    visit = dialog_row(7, 3, first=None)
    assert _write(writer, Wanted((change(ALICE, ON, OFF_AGAIN),), visit=visit)) == [STORED]
    assert [one for one in statements if one.lstrip().startswith("SELECT")] == []


def test_what_another_program_has_changed_is_read_again(
    other: sqlite3.Connection, writer: Writer
) -> None:
    """A decision that was made on something else must not be stored."""
    _write(writer, wanted(ALICE, NOTHING_STORED, ON), Rows([dialog_row(7)], ()))
    _write(writer, _visit(2))
    other.execute("UPDATE presentity SET revision = 9")
    other.execute("UPDATE subscription SET cseq = 5")
    asked = wanted(ALICE, ON, OFF_AGAIN), _visit(5), _visit(6)
    assert _write(writer, *asked) == [Verdict.CONFLICT, REPEATED, STORED]


def test_a_later_life_keeps_this_one_from_writing_for_good(
    other: sqlite3.Connection, writer: Writer
) -> None:
    """Also when nobody has written since it was noticed."""
    _write(writer, wanted(ALICE, NOTHING_STORED, ON))
    life.begin(other)
    assert _write(writer, wanted(ALICE, ON, OFF_AGAIN)) == [FENCED]
    assert _write(writer, wanted(ALICE, ON, OFF_AGAIN)) == [FENCED]


def test_a_term_that_cannot_be_read_is_asked_for_again(
    other: sqlite3.Connection, connection: sqlite3.Connection
) -> None:
    """The version of the file alone does not say whose it is."""
    kept = Remembered(connection, 1)
    other.execute("ALTER TABLE server RENAME TO gone")
    with pytest.raises(sqlite3.OperationalError):
        kept.may_write()
    with pytest.raises(sqlite3.OperationalError):
        kept.may_write()


def test_what_comes_to_nothing_is_not_remembered(
    connection: sqlite3.Connection, writer: Writer
) -> None:
    """Here the disk is full at the end of a transaction; what is stored then is read again."""
    _write(writer, wanted(ALICE, NOTHING_STORED, ON))
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    many = Rows([dialog_row(number, first=b"x" * 2000) for number in range(8, 99)], ())
    with pytest.raises(sqlite3.OperationalError):
        writer.write([wanted(ALICE, ON, OFF_AGAIN), many], None, When(7.0, 1.0))
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    assert _write(writer, wanted(ALICE, ON, OFF_AGAIN)) == [STORED]
    assert [one.split()[1] for one in statements if one.lstrip().startswith("SELECT")] == [
        "term",
        "revision,",
    ]


def test_a_row_that_was_written_behind_is_followed(writer: Writer) -> None:
    """Its CSeq is that of a later SUBSCRIBE than the one that was read."""
    _write(writer, Rows([dialog_row(7)], ()))
    _write(writer, _visit(2))
    _write(writer, Rows([dialog_row(7, 4, first=None)], ()))
    assert _write(writer, _visit(4), _visit(5)) == [REPEATED, STORED]


def test_a_row_that_was_removed_is_forgotten(writer: Writer) -> None:
    """Nothing may say that a SUBSCRIBE is known where it is not stored."""
    _write(writer, Rows([dialog_row(7)], ()))
    _write(writer, _visit(2))
    _write(writer, Rows((), [7]))
    assert _write(writer, _visit(2)) == [STORED]


def test_a_row_that_never_came_to_be_is_not_remembered(writer: Writer) -> None:
    """What made it has failed, and a row without its first message is not written."""
    _write(writer, Rows([dialog_row(9)], ()))
    assert _write(writer, _visit(2)) == [STORED]
    assert _write(writer, _visit(2)) == [STORED]


def test_memory_is_bounded(
    connection: sqlite3.Connection, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound all is forgotten, and read again where it is needed."""
    monkeypatch.setattr(remembered, "AT_MOST", 1)
    _write(writer, Rows([dialog_row(7), dialog_row(8)], ()))
    _write(writer, _visit(2), Wanted((), visit=dialog_row(8, 2, first=None)))
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    assert _write(writer, _visit(2), _visit(3)) == [REPEATED, STORED]
    assert [one for one in statements if one.startswith("SELECT cseq")] != []
