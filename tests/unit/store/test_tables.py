"""The two tables."""

import sqlite3
from collections.abc import Iterator

import pytest

from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.store.migrations import migrate
from dfks_rules.store.tables import Commit, read, write
from tests.helpers.states import forwarding

ALICE = Aor("alice", "example.com")
BOB = Aor("bob", "example.com")
DND, _, CFB, CFNA = FEATURES[:4]
FIRST = NOTHING_STORED.replace(DND, FeatureState(status=True))
SECOND = FIRST.replace(CFB, forwarding(True, "2424"))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database with empty tables."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    migrate(opened)
    yield opened
    opened.close()


def _codes(connection: sqlite3.Connection, *changes: Commit) -> list[str | None]:
    return [None if error is None else error.code for error in write(connection, changes)]


def test_only_the_features_that_changed_have_rows(connection: sqlite3.Connection) -> None:
    """`changed_at` then says when that feature was changed last."""
    state = forwarding(True, "2424", 4)
    write(connection, [Commit(ALICE, NOTHING_STORED, NOTHING_STORED.replace(CFNA, state))])
    rows = connection.execute("SELECT * FROM feature_state").fetchall()
    assert [row[:6] for row in rows] == [
        ("alice", "example.com", "CallForwardingNoAnswer", 1, "2424", 4)
    ]
    [[well_formed]] = connection.execute(
        "SELECT changed_at GLOB '????-??-??T??:??:??.???Z' AND julianday(changed_at) NOT NULL "
        "FROM feature_state"
    )
    assert well_formed


def test_changes_that_build_on_each_other_are_stored_in_one_go(
    connection: sqlite3.Connection,
) -> None:
    """Two presses of one user can come into one batch."""
    changes = [Commit(ALICE, NOTHING_STORED, FIRST), Commit(ALICE, FIRST, SECOND)]
    assert _codes(connection, *changes) == [None, None]
    assert read(connection, ALICE) == SECOND


def test_a_conflict_leaves_the_other_changes_of_its_batch(connection: sqlite3.Connection) -> None:
    """Each caller gets the answer to his own commit."""
    write(connection, [Commit(ALICE, NOTHING_STORED, FIRST)])
    stale = Commit(ALICE, NOTHING_STORED, NOTHING_STORED.replace(CFB, FeatureState(status=True)))
    assert _codes(connection, Commit(BOB, NOTHING_STORED, FIRST), stale) == [None, "store_conflict"]
    assert read(connection, BOB) == FIRST
    assert read(connection, ALICE) == FIRST


def test_a_change_that_builds_on_one_that_failed_is_unavailable(
    connection: sqlite3.Connection,
) -> None:
    """It is no conflict: what it builds on never held, and asking again at once is no help."""
    assert _codes(connection, Commit(ALICE, FIRST, SECOND)) == ["store_unavailable"]
    assert read(connection, ALICE) == NOTHING_STORED


@pytest.mark.parametrize(
    "state",
    [
        forwarding(False, "\ud800"),
        forwarding(False, "nul\0inside"),
        forwarding(False, rings=1 << 64),
    ],
)
def test_a_value_that_no_database_takes_harms_nobody_else(
    connection: sqlite3.Connection, state: FeatureState
) -> None:
    """It is refused alone, and nothing of it stays."""
    bad = Commit(ALICE, NOTHING_STORED, NOTHING_STORED.replace(CFB, state))
    assert _codes(connection, bad, Commit(BOB, NOTHING_STORED, FIRST)) == [
        "store_unavailable",
        None,
    ]
    assert read(connection, ALICE) == NOTHING_STORED
    assert read(connection, BOB) == FIRST


def test_a_name_that_no_database_takes_harms_nobody_else(connection: sqlite3.Connection) -> None:
    """Names come from peers."""
    bad = Commit(Aor("\ud800", "x"), NOTHING_STORED, FIRST)
    assert _codes(connection, bad, Commit(BOB, NOTHING_STORED, FIRST)) == [
        "store_unavailable",
        None,
    ]


def test_a_transaction_that_fails_leaves_nothing_and_can_be_repeated(
    connection: sqlite3.Connection,
) -> None:
    """SQLite's own limit on the size of a file stands for a disk that is full."""
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    changes = [Commit(Aor(f"user{n}", "x" * 200), NOTHING_STORED, FIRST) for n in range(100)]
    with pytest.raises(sqlite3.OperationalError, match="full"):
        write(connection, changes)
    assert read(connection, changes[0].presentity) == NOTHING_STORED
    connection.execute("PRAGMA max_page_count = 100000")
    assert _codes(connection, *changes) == [None] * 100


def test_read_refuses_a_feature_that_it_does_not_know(connection: sqlite3.Connection) -> None:
    """Somebody has written into the file: better said than passed over."""
    write(connection, [Commit(ALICE, NOTHING_STORED, FIRST)])
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
    write(connection, [Commit(ALICE, NOTHING_STORED, FIRST)])
    connection.execute("UPDATE feature_state SET feature_values = ?", (values,))
    with pytest.raises(ValueError, match=r"feature_values|of another type"):
        read(connection, ALICE)


def test_read_gives_a_presentity_that_has_no_feature_rows(connection: sqlite3.Connection) -> None:
    """A commit may change nothing but the revision."""
    after = Snapshot(1, NOTHING_STORED.states)
    assert _codes(connection, Commit(ALICE, NOTHING_STORED, after)) == [None]
    assert read(connection, ALICE) == after
