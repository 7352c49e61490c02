"""The tables of states."""

import sqlite3
from collections.abc import Iterator

import pytest

from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.store import life
from dfks_rules.store.commit import Writer
from dfks_rules.store.journal import When
from dfks_rules.store.migrations import migrate
from dfks_rules.store.tables import as_json, read, values_of
from tests.helpers.wanted import wanted

ALICE = Aor("alice", "example.com")
FIRST = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database that holds one state."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    migrate(opened)
    writer = Writer(opened, life.begin(opened).term)
    writer.write([wanted(ALICE, NOTHING_STORED, FIRST)], None, When(0.0, 0.0))
    yield opened
    opened.close()


def test_read_gives_what_is_stored(connection: sqlite3.Connection) -> None:
    """And nothing for those who were never changed."""
    assert read(connection, ALICE) == FIRST
    assert read(connection, Aor("bob", "example.com")) == NOTHING_STORED


def test_read_refuses_a_feature_that_it_does_not_know(connection: sqlite3.Connection) -> None:
    """Somebody has written into the file: better said than passed over."""
    connection.execute("UPDATE feature_state SET feature = 'Fax'")
    with pytest.raises(ValueError, match="Fax"):
        read(connection, ALICE)


@pytest.mark.parametrize(
    "values", ["[]", "7", '{"ringCount": "many"}', '{"forwardTo": 1.5}', '{"ringCount": true}']
)
def test_read_refuses_values_that_are_none_of_ours(
    connection: sqlite3.Connection, values: str
) -> None:
    """Any other error would leave the request unanswered; a phone would be told nonsense."""
    connection.execute("UPDATE feature_state SET feature_values = ?", (values,))
    with pytest.raises(ValueError, match=r"feature_values|of another type"):
        read(connection, ALICE)


def test_read_gives_a_presentity_that_has_no_feature_rows(connection: sqlite3.Connection) -> None:
    """A commit may change nothing but the revision."""
    connection.execute("DELETE FROM feature_state")
    assert read(connection, ALICE) == Snapshot(1, NOTHING_STORED.states)


def test_values_of_refuses_a_name_that_it_does_not_know() -> None:
    """Somebody has written into the file."""
    with pytest.raises(ValueError, match="colour"):
        values_of({"colour": "red"})


@pytest.mark.parametrize("what", ["\ud800", "nul\0inside", "\\\0", 1 << 64])
def test_as_json_refuses_what_no_database_takes(what: object) -> None:
    """Whoever asked is told, and nobody else is harmed."""
    with pytest.raises(ValueError, match=r".+"):
        as_json([what])


def test_as_json_takes_a_text_that_only_looks_like_nul() -> None:
    """A backslash is written as two."""
    assert as_json(["\\u0000"]) == '["\\\\u0000"]'
