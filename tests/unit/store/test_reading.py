"""Reads of the file."""

import sqlite3
from collections.abc import Iterator

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.store import journal, life
from dfks_rules.store.commit import Writer
from dfks_rules.store.counts import new_counts
from dfks_rules.store.journal import When
from dfks_rules.store.migrations import migrate
from dfks_rules.store.reading import FileJournal, Reading
from tests.helpers.wanted import wanted

ALICE = Aor("alice", "example.com")
FIRST = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database with one change."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    migrate(opened)
    writer = Writer(opened, life.begin(opened).term)
    writer.write([wanted(ALICE, NOTHING_STORED, FIRST)], None, When(5.0, 5.0))
    yield opened
    opened.close()


def test_what_cannot_be_read_is_told_and_counted(connection: sqlite3.Connection) -> None:
    """Whatever is wrong: requests fail one by one, and monitoring sees it."""
    counts = new_counts()
    reading = Reading(connection, lambda: None, counts)
    connection.execute("UPDATE change SET before = '7'")
    with pytest.raises(StoreError, match="not a state") as raised:
        reading(journal.read, 0, 9)
    assert raised.value.code == "store_unavailable"
    connection.execute("DROP TABLE change")
    with pytest.raises(StoreError, match="no such table"):
        reading(journal.newest)
    assert counts["reads_failed"] == 2


def test_nothing_is_read_while_the_files_are_lost(connection: sqlite3.Connection) -> None:
    """What is in them is gone after a restart."""
    reading = Reading(connection, lambda: "it is gone", new_counts())
    with pytest.raises(StoreError, match="it is gone"):
        reading(journal.newest)


async def test_journal_of_an_open_store_is_that_of_its_file(connection: sqlite3.Connection) -> None:
    """The server reads it as the command line does."""
    kept = FileJournal(Reading(connection, lambda: None, new_counts()))
    assert await kept.newest() == 1
    assert await kept.read(0, 9) == await kept.of(ALICE, 9) == journal.read(connection, 0, 9)
    assert await kept.of(ALICE, 9, before=1) == []
