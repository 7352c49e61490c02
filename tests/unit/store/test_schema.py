"""Whether the tables of a file are those that its version has."""

import sqlite3
from contextlib import closing

import pytest

from dfks_rules.store.migrations import MIGRATIONS, migrate
from dfks_rules.store.schema import find_strangers

HANGING = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT n FROM n"


def _strangers(harm: str, version: int = len(MIGRATIONS)) -> list[str]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        connection.executescript(f"{harm}; PRAGMA user_version = {version}")
        return [*find_strangers(connection)]


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_each_version_has_its_own_tables(version: int) -> None:
    """However a file came to its version."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for script in MIGRATIONS[: version + 1]:
            connection.executescript(script)
        connection.execute(f"PRAGMA user_version = {version + 1}")
        assert [*find_strangers(connection)] == []
        migrate(connection)
        assert [*find_strangers(connection)] == []


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        ("CREATE TRIGGER t AFTER INSERT ON change BEGIN DELETE FROM server; END", "a trigger `t`"),
        (f"DROP TABLE server; CREATE VIEW server AS {HANGING}", "its table `server` is not"),
        ("DROP TABLE subscription", "its table `subscription` is not that of version"),
        ("CREATE TABLE q AS SELECT * FROM change; DROP TABLE change; "
         "ALTER TABLE q RENAME TO change", "its table `change` is not"),
        ("ALTER TABLE presentity ADD COLUMN x NOT NULL DEFAULT 1", "its table `presentity` is not"),
        ("CREATE UNIQUE INDEX q ON change (user)", "an index `q` on `change`"),
    ],
)  # fmt: skip
def test_what_no_release_has_made_is_told(harm: str, problem: str) -> None:
    """It would run within the server, or keep it from storing anything."""
    assert any(problem in one for one in _strangers(harm))


def test_tables_views_and_indexes_of_others_do_no_harm() -> None:
    """An operator may have made some for reports."""
    mine = "CREATE TABLE mine (x); CREATE INDEX i ON change (user); CREATE VIEW v AS SELECT 1"
    assert _strangers(mine) == []


def test_a_newer_version_is_not_judged() -> None:
    """Its release may have triggers."""
    trigger = "CREATE TRIGGER t AFTER INSERT ON change BEGIN SELECT 1; END"
    assert _strangers(trigger, version=99) == []
