"""Versions of the file."""

import re
import sqlite3
from collections.abc import Iterator

import pytest

from dfks_rules import __version__
from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.store import journal, life, migrations
from dfks_rules.store.migrations import APPLICATION_ID, MIGRATIONS, migrate, release_of
from dfks_rules.store.tables import read
from tests.helpers.states import forwarding


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A new database."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    yield opened
    opened.close()


def _pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_new_file_gets_the_newest_version_and_our_mark(connection: sqlite3.Connection) -> None:
    """`file features.db` and `PRAGMA user_version` tell an operator what it is."""
    migrate(connection)
    assert _pragma(connection, "user_version") == len(MIGRATIONS)
    assert _pragma(connection, "application_id") == APPLICATION_ID


def test_integrators_find_the_columns_that_the_documentation_names(
    connection: sqlite3.Connection,
) -> None:
    """The tables are read with other tools: their shape is a promise."""
    migrate(connection)
    columns = [
        [row[1] for row in connection.execute(f"PRAGMA table_xinfo({table})")]
        for table in ("presentity", "feature_state", "change")
    ]
    assert columns == [
        ["user", "domain", "revision", "changed"],
        [
            *("user", "domain", "feature", "status", "forward_to", "ring_count", "changed_at"),
            *("feature_values", "expires", "expires_by"),
        ],
        [
            *("seq", "at", "user", "domain", "revision", "feature", "before", "after"),
            *("origin", "actor", "rule", "decision", "previous", "steady"),
        ],
    ]


def test_a_file_of_the_first_version_keeps_every_state(connection: sqlite3.Connection) -> None:
    """Values have moved into one column; the old ones still show them to other tools."""
    connection.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
    first = [
        ("alice", "a.example", "DoNotDisturb", 1, None, None, "2026-01-05T12:00:00.000Z"),
        ("alice", "a.example", "CallForwardingBusy", 0, 'sip:"b\\ö☎"@x', None, "2026-01-06"),
        ("alice", "a.example", "CallForwardingNoAnswer", 1, "0123", 4, "2026-01-07"),
    ]
    connection.execute("INSERT INTO presentity VALUES ('alice', 'a.example', 7)")
    connection.executemany("INSERT INTO feature_state VALUES (?, ?, ?, ?, ?, ?, ?)", first)
    migrate(connection)
    columns = "user, domain, feature, status, forward_to, ring_count, changed_at"
    stored = connection.execute(f"SELECT {columns} FROM feature_state").fetchall()  # noqa: S608
    assert set(stored) == set(first)
    assert read(connection, Aor("alice", "a.example")) == Snapshot(
        7,
        (
            FeatureState(status=True),
            FeatureState(),
            forwarding(False, 'sip:"b\\ö☎"@x'),
            forwarding(True, "0123", 4),
            *NOTHING_STORED.states[4:],
        ),
    )


def test_a_file_of_the_second_version_keeps_every_state(connection: sqlite3.Connection) -> None:
    """Its presentities have no changes in the journal yet."""
    connection.executescript(f"{MIGRATIONS[0]} {MIGRATIONS[1]} PRAGMA user_version = 2;")
    connection.execute("INSERT INTO presentity VALUES ('alice', 'a.example', 7)")
    connection.execute(
        "INSERT INTO feature_state (user, domain, feature, status, changed_at, feature_values)"
        "VALUES ('alice', 'a.example', 'DoNotDisturb', 1, '2026-01-05T12:00:00.000Z', '{}')"
    )
    migrate(connection)
    alice = Aor("alice", "a.example")
    stored = Snapshot(7, (FeatureState(status=True), *NOTHING_STORED.states[1:]))
    assert read(connection, alice) == stored
    assert journal.of(connection, alice, 9) == []


def test_a_file_of_the_third_version_knows_what_was_told(connection: sqlite3.Connection) -> None:
    """Its heartbeat and its journal go by one clock: what is older than 40 s was told."""
    connection.executescript(f"{' '.join(MIGRATIONS[:3])} PRAGMA user_version = 3;")
    connection.execute("INSERT INTO server VALUES (1, 5, zeroblob(32), 1000.0, 1.0, 'boot', 0)")
    connection.executemany(
        "INSERT INTO change VALUES (?, ?, 'alice', 'a.example', 1, '', '', '', '', '', '', '', 0)",
        [(7, 100.0), (8, 959.0), (9, 961.0)],
    )
    migrate(connection)
    previous = life.begin(connection).previous
    assert previous is not None
    assert previous.told == 8
    assert journal.purge(connection, 960.0, 9) == 2


def test_migrate_leaves_a_file_of_the_newest_version_alone(connection: sqlite3.Connection) -> None:
    """Every start runs it."""
    migrate(connection)
    before = connection.total_changes
    migrate(connection)
    assert connection.total_changes == before


def test_migrate_applies_only_the_steps_that_a_file_has_not_seen(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade keeps what is stored."""
    migrate(connection)
    connection.execute("INSERT INTO presentity VALUES ('alice', 'example.com', 3, 0)")
    step = "ALTER TABLE presentity ADD COLUMN note TEXT DEFAULT 'new';"
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, step))
    migrate(connection)
    assert connection.execute("SELECT * FROM presentity").fetchall() == [
        ("alice", "example.com", 3, 0, "new")
    ]
    assert _pragma(connection, "user_version") == len(MIGRATIONS) + 1


def test_a_step_that_fails_leaves_nothing_behind(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old version of the server can go on with the file."""
    migrate(connection)
    step = "CREATE TABLE half (a); INSERT INTO nowhere VALUES (1);"
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, step))
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection)
    assert _pragma(connection, "user_version") == len(MIGRATIONS)
    assert connection.execute("SELECT * FROM sqlite_master WHERE name = 'half'").fetchall() == []


def test_migrate_refuses_a_newer_version(connection: sqlite3.Connection) -> None:
    """An old server must not write what it does not understand."""
    migrate(connection)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="newer dfks-rules") as raised:
        migrate(connection)
    assert raised.value.code == "store_newer_version"


def test_migrate_refuses_the_database_of_another_program(connection: sqlite3.Connection) -> None:
    """A wrong path in the settings must not add tables to somebody's file."""
    connection.execute("CREATE TABLE contacts (name)")
    with pytest.raises(StoreError) as raised:
        migrate(connection)
    assert raised.value.code == "store_not_a_database"
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


def test_each_step_leaves_a_record_of_its_release(connection: sqlite3.Connection) -> None:
    """So that an older release can say which one a file needs."""
    assert migrate(connection) == 0
    rows = connection.execute("SELECT version, release, at FROM migration ORDER BY version")
    records = rows.fetchall()
    assert [row[:2] for row in records] == [
        (version, __version__) for version in range(1, len(MIGRATIONS) + 1)
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", row[2]) for row in records)
    assert release_of(connection) == __version__
    assert migrate(connection) == len(MIGRATIONS)


def test_a_file_that_needs_a_newer_release_names_it(connection: sqlite3.Connection) -> None:
    """Not only that it is a newer one."""
    migrate(connection)
    connection.execute("INSERT INTO migration VALUES (99, '7.1.0', '')")
    connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"use dfks-rules 7\.1\.0 or newer"):
        migrate(connection)


def test_a_record_that_is_not_there_is_not_made_up(connection: sqlite3.Connection) -> None:
    """Files of before kept none."""
    connection.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
    assert release_of(connection) is None
