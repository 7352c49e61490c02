"""A store that is read beside a server."""

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from dfks_rules import __version__
from dfks_rules.errors import StoreError
from dfks_rules.store.database import explained
from dfks_rules.store.migrations import MIGRATIONS
from dfks_rules.store.reader import open_journal, open_to_read, refuse_other_versions
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.stored import (
    ALICE,
    BOB,
    CFA,
    DND,
    OFF,
    ON,
    change_file,
    fill,
    make_newer,
    press,
    to,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a past."""
    path = tmp_path / "dfks.db"
    fill(path, (ALICE, DND, ON), (BOB, CFA, to("201")), (ALICE, DND, OFF))
    return path


async def test_each_look_sees_what_was_stored_before_it(path: Path) -> None:
    """`dfks history --follow` looks again and again."""
    store = SqliteStore(path, asyncio.get_running_loop())
    try:
        with open_journal(path) as journal:
            for newest in (4, 5):
                await press(store, ALICE, DND, ON if newest == 4 else OFF)
                assert await journal.newest() == newest
                assert (await journal.of(ALICE, 2))[0].seq == newest
    finally:
        store.close()


async def test_what_a_killed_server_has_left_in_its_log_is_read(path: Path, tmp_path: Path) -> None:
    """Then it matters most who pressed what."""
    copy = tmp_path / "killed.db"
    writer = sqlite3.connect(path)
    writer.execute("UPDATE change SET rule = 'in-the-log' WHERE seq = 3")
    writer.commit()
    for end in ("", "-wal"):
        shutil.copy(f"{path}{end}", f"{copy}{end}")
    writer.close()
    with open_journal(copy) as journal:
        assert (await journal.of(ALICE, 1))[0].rule == "in-the-log"


def test_nothing_can_be_written_through_it(path: Path) -> None:
    """A reader that could would be a second writer."""
    with (
        pytest.raises(StoreError) as raised,
        open_to_read(path) as connection,
    ):
        connection.execute("DELETE FROM change")
    assert raised.value.code == "store_read_only"


def test_the_release_that_is_needed_is_named(path: Path) -> None:
    """Whoever went back a release at night must know where to."""
    newer = make_newer(path)
    with pytest.raises(StoreError) as raised, open_journal(path):
        pass
    assert raised.value.code == "store_newer_version"
    assert raised.value.message == (
        f"cannot use `{path}`: it has version {newer}, written by dfks-rules 7.1.0; this is "
        f"dfks-rules {__version__}, which knows versions up to {len(MIGRATIONS)}: use dfks-rules "
        "7.1.0 or newer, or restore a backup from before the upgrade"
    )


def test_an_older_version_says_what_brings_it_up_to_date(path: Path) -> None:
    """A reader does not migrate."""
    change_file(path, "PRAGMA user_version = 2")
    with open_to_read(path) as connection, pytest.raises(StoreError) as raised:
        refuse_other_versions(connection)
    assert raised.value.code == "store_older_version"
    assert "`dfks store migrate`" in raised.value.message


def test_no_file_is_made(tmp_path: Path) -> None:
    """A typing error must not leave an empty store behind."""
    with pytest.raises(StoreError) as raised, open_to_read(tmp_path / "none.db"):
        pass
    assert raised.value.code == "store_unavailable"
    assert raised.value.message.endswith("none.db`: there is no such file")
    assert os.listdir(tmp_path) == []


def test_a_store_of_another_user_is_said_to_be_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator who is not the user of the server must not look for a broken disk."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    assert "run the command as the user of the server" in explained(path, error).message
