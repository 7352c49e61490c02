"""`dfks store`."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks
from dfks_rules.errors import StoreError
from dfks_rules.store.migrations import MIGRATIONS
from dfks_rules.store.postgres import schema
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.stored import (
    ALICE,
    BOB,
    CFA,
    DND,
    OFF,
    ON,
    change_file,
    fill,
    make_older,
    subscribe,
    to,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with a past, where the settings are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dfks.yaml").write_text("store: 'sqlite:dfks.db'\n")
    fill(tmp_path / "dfks.db", (ALICE, DND, ON), (BOB, CFA, to("201")))
    subscribe(tmp_path / "dfks.db", 1)
    return tmp_path


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(dfks, ["store", *arguments])


VERSION = f"version {len(MIGRATIONS)} of dfks-rules"


def test_a_sound_store_is_ok(folder: Path) -> None:
    """And says how much is in it."""
    result = _run("check")
    told, ok = result.stdout.splitlines()
    assert (result.exit_code, ok) == (0, "OK")
    assert told.startswith(f"dfks.db: {VERSION}")
    assert ", 2 users, 1 subscription, 2 changes, the newest of 2" in told


def test_each_error_is_a_line_and_the_exit_code_tells(folder: Path) -> None:
    """For people, and for cron."""
    change_file(folder / "dfks.db", "UPDATE subscription SET first = CAST('x' AS BLOB)")
    result = _run("check")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:] == [
        "dfks.db: error: subscription 1 to sip:alice@example.com cannot be read: no "
        "SUBSCRIBE is kept in it",
        "1 error; see docs/howto/back-up.md",
    ]
    change_file(folder / "dfks.db", "UPDATE presentity SET revision = 9")
    assert "3 errors; see" in _run("check").stdout


def test_a_backup_is_restored(folder: Path) -> None:
    """All of it, with what has become of the store before."""
    backup = _run("backup", "b.db")
    assert backup.stdout.startswith(f"b.db: {VERSION}"), backup.exception
    fill(folder / "dfks.db", (ALICE, DND, OFF))
    restored = _run("restore", "b.db")
    first, differ, kept = restored.stdout.splitlines()
    assert first.startswith(f"dfks.db: {VERSION}")
    assert differ == "features differ from the store before: 1 user"
    assert kept.startswith("the store before is now ")
    assert (folder / kept.split()[-1]).exists()
    assert _run("check").exit_code == 0


def test_a_backup_is_not_overwritten_without_force(folder: Path) -> None:
    """It may be the only one."""
    assert _run("backup", "b.db").exit_code == 0
    failed = _run("backup", "b.db").exception
    assert isinstance(failed, StoreError)
    assert failed.code == "store_backup_exists"
    assert _run("backup", "--force", "b.db").exit_code == 0


def test_a_store_that_cannot_be_read_is_said_to_be_so(folder: Path) -> None:
    """Nothing of it could be carried on."""
    _run("backup", "b.db")
    (folder / "dfks.db").write_bytes(b"no database" * 999)
    said = _run("restore", "b.db").stdout
    assert "journal and subscriptions are those of the backup" in said
    assert "cannot be read" in said


def test_migrate_says_from_where_to_where(folder: Path) -> None:
    """Or that there was nothing to do."""
    now = len(MIGRATIONS)
    assert _run("migrate").stdout == f"dfks.db: has version {now}\n"
    make_older(folder / "dfks.db")
    assert _run("migrate").stdout == f"dfks.db: was brought from version 2 to version {now}\n"


@needs_postgres
def test_migrate_makes_tables_in_postgresql(folder: Path, empty_database: Database) -> None:
    """And says where, without the password; by settings, or by what is said beside them."""
    user, _, where = empty_database.url.partition("@")
    url, now = f"{user}:secret@{where}", len(schema.migrations())
    shown = f"{user}:********@{where}"
    assert _run("migrate", "--store", url).stdout == f"{shown}: was made, with version {now}\n"
    (folder / "dfks.yaml").write_text(f"store: '{url}'\n")
    assert _run("migrate").stdout == f"{shown}: has version {now}\n"
    empty_database.run("DROP SCHEMA dfks CASCADE")
    asyncio.run(schema.migrate(empty_database.url, schema.migrations()[:-1]))
    brought = f"{shown}: was brought from version {now - 1} to version {now}\n"
    assert _run("migrate", "--store", url).stdout == brought


def test_only_postgresql_is_migrated_by_its_url() -> None:
    """A file is named by the settings, which say who may read it."""
    error = _run("migrate", "--store", "sqlite:dfks.db").exception
    assert isinstance(error, StoreError)
    assert error.code == "store_unknown_url"


@needs_postgres
def test_a_store_is_copied_and_counted(folder: Path, empty_database: Database) -> None:
    """What is in the database then is asked of it."""
    assert _run("migrate", "--store", empty_database.url).exit_code == 0
    result = _run("copy", "sqlite:dfks.db", empty_database.url)
    assert result.exit_code == 0, result.exception
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["copied", "there", "now"]
    assert [line.split() for line in lines] == [
        ["users", "2", "2"],
        ["features", "2", "2"],
        ["changes", "2", "2"],
        ["subscriptions", "1", "1"],
        ["webhooks", "0", "0"],
    ]
    again = _run("copy", "sqlite:dfks.db", empty_database.url)
    assert isinstance(again.exception, StoreError)
    assert again.exception.code == "store_not_empty"


@needs_postgres
def test_what_is_not_copied_is_said(folder: Path, empty_database: Database) -> None:
    """Whoever needs it sees to it before he starts a node."""
    change_file(
        folder / "dfks.db",
        "INSERT INTO import_job VALUES ('a', 'csv', 0, 'me', NULL, 0, '', 0.0, 'done',"
        " 0, 0, 0, 0, 0, 0, NULL, '')",
    )
    assert _run("migrate", "--store", empty_database.url).exit_code == 0
    result = _run("copy", "sqlite:dfks.db", empty_database.url)
    assert result.exit_code == 0, result.exception
    assert result.stdout.splitlines()[-1] == "not copied, since nodes have none: 1 import"


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("dfks.db", "postgresql://db/dfks"),
        ("sqlite:", "postgresql://db/dfks"),
        ("sqlite:dfks.db", "sqlite:other.db"),
    ],
)
def test_a_copy_needs_a_file_and_a_database(folder: Path, source: str, target: str) -> None:
    """Nothing is guessed."""
    result = _run("copy", source, target)
    assert isinstance(result.exception, StoreError)
    assert result.exception.code == "store_unknown_url"
