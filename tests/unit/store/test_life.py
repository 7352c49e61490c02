"""The row `server`."""

import re
import sqlite3
from collections.abc import Iterator

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.store import life
from dfks_rules.store.life import Beat
from dfks_rules.store.migrations import migrate


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database in which no server has lived."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    migrate(opened)
    yield opened
    opened.close()


def test_each_life_has_a_higher_term_and_the_same_secret(connection: sqlite3.Connection) -> None:
    """NOTIFYs of the next have higher CSeqs, and tags are found again."""
    first, second = life.begin(connection), life.begin(connection)
    assert (first.term, second.term) == (1, 2)
    assert first.secret == second.secret
    assert len(first.secret) == life.SECRET_SIZE
    assert len(set(first.secret)) > 8


def test_only_the_newest_life_holds(connection: sqlite3.Connection) -> None:
    """Whoever was taken for dead is fenced."""
    first = life.begin(connection)
    assert life.holds(connection, first.term)
    second = life.begin(connection)
    assert not life.holds(connection, first.term)
    assert life.holds(connection, second.term)


def test_a_life_knows_when_the_one_before_was_last_alive(connection: sqlite3.Connection) -> None:
    """From there on a crash may have lost something."""
    assert life.begin(connection).previous is None
    beat = Beat(1.8e9, 77.5, "boot", is_clean=True, told=41)
    life.write(connection, beat)
    assert life.begin(connection).previous == beat


def test_a_life_without_a_heartbeat_has_not_ended_cleanly(connection: sqlite3.Connection) -> None:
    """It may have changed something after the stop that was planned."""
    beat = Beat(1.8e9, 77.5, "boot", is_clean=True)
    life.begin(connection)
    life.write(connection, beat)
    life.begin(connection)
    assert life.begin(connection).previous == beat._replace(is_clean=False)


@pytest.mark.parametrize(
    "column",
    [
        "secret = 'text'",
        "term = -1",
        "beat_at = 'text'",
        "beat_at = 9e999",
        "beat_at = 1e12",
        "beat_boot = 'text'",
        "beat_boot = NULL",
        "boot_id = x'ff'",
        "is_clean = 'text'",
        "told = 'text'",
    ],
)
def test_begin_refuses_a_row_that_somebody_has_spoilt(
    connection: sqlite3.Connection, column: str
) -> None:
    """Tags that nobody finds again would end all subscriptions. It is left as it was found."""
    life.begin(connection)
    life.write(connection, Beat(1.8e9, 77.5, "boot"))
    connection.execute(f"UPDATE server SET {column}")  # noqa: S608 - ours
    before = connection.execute("SELECT * FROM server").fetchall()
    with pytest.raises(StoreError, match="row `server` is not valid"):
        life.begin(connection)
    assert connection.execute("SELECT * FROM server").fetchall() == before


def test_begin_says_what_helps_when_no_term_is_left(connection: sqlite3.Connection) -> None:
    """After a million starts. What it says does help."""
    life.begin(connection)
    connection.execute("UPDATE server SET term = 1048574")
    assert life.begin(connection).term == 1048575
    with pytest.raises(StoreError, match="begun 1,048,575 times") as caught:
        life.begin(connection)
    [said] = re.findall(r"sqlite3 FILE '(.+)'", caught.value.message)
    connection.executescript(said)
    assert life.begin(connection).term == 1
