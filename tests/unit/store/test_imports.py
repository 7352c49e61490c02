"""The tables of imports."""

import sqlite3
from collections.abc import Iterator

import pytest

from dfks_rules.operations.imports import Job, Refusal, Status
from dfks_rules.operations.rows import Format
from dfks_rules.store.imports import PORTION, forget_old, jobs, note, refusals
from dfks_rules.store.migrations import migrate

_JOB = Job("17", Format.CSV, True, "hr", frozenset({"b", "a"}), 70, "5ea", 1_767_614_400.0)


def _refusal(row: int, part: int = 0) -> Refusal:
    return Refusal(row, part, "sip:a@b", "DoNotDisturb", "no", "p/r", "Not now", "5eed-1")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database with all tables."""
    connection = sqlite3.connect(":memory:")
    migrate(connection)
    yield connection
    connection.close()


def test_an_import_is_read_as_it_was_noted(connection: sqlite3.Connection) -> None:
    """The last note counts."""
    note(connection, _JOB, ())
    later = _JOB._replace(
        status=Status.FAILED, position=69, rows=5, changed=1, refused=2, ended_at=7.5, why="gone"
    )
    note(connection, later, ())
    other = _JOB._replace(id="18", domains=None, begun_at=_JOB.begun_at + 1)
    note(connection, other, ())
    assert jobs(connection) == [other, later]


def test_refusals_are_listed_by_row_from_any_place_on(connection: sqlite3.Connection) -> None:
    """What a kill has left unnoted is noted again, and counts once."""
    note(connection, _JOB, [_refusal(2), _refusal(10), _refusal(10, 1)])
    note(connection, _JOB, [_refusal(10, 1), _refusal(11)])
    assert refusals(connection, "17", (0, 0), 2) == [_refusal(2), _refusal(10)]
    assert refusals(connection, "17", (10, 0), 9) == [_refusal(10, 1), _refusal(11)]
    assert refusals(connection, "18", (0, 0), 9) == []


def test_the_oldest_import_is_forgotten_in_portions(connection: sqlite3.Connection) -> None:
    """Phones wait while rows are removed."""
    old = _JOB._replace(status=Status.DONE, ended_at=8.0)
    note(connection, old, [_refusal(row) for row in range(PORTION + 1)])
    note(connection, old._replace(id="18", begun_at=old.begun_at + 1), [_refusal(1)])
    assert forget_old(connection, 1) is None
    assert len(refusals(connection, "17", (-1, 0), 9)) == 1
    assert forget_old(connection, 1) == "17"
    assert forget_old(connection, 1) is None
    assert [job.id for job in jobs(connection)] == ["18"]
    assert refusals(connection, "18", (0, 0), 9) == [_refusal(1)]


def test_an_import_that_is_not_over_is_never_forgotten(connection: sqlite3.Connection) -> None:
    """However many come after it."""
    note(connection, _JOB, ())
    assert forget_old(connection, 0) is None
    assert jobs(connection) == [_JOB]


@pytest.mark.parametrize("id_", ["../s.db", "", b"17", "/etc/passwd"])
def test_an_id_that_leads_elsewhere_is_none(connection: sqlite3.Connection, id_: str) -> None:
    """The file that is called so would be read, and removed."""
    note(connection, _JOB._replace(id=id_), ())
    with pytest.raises(ValueError, match="no id"):
        jobs(connection)
