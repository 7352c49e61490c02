"""Copies of a store that is in use."""

import asyncio
import fcntl
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.store import backup
from dfks_rules.store.backup import back_up
from dfks_rules.store.sqlite import SqliteStore
from dfks_rules.store.states import stored_states
from tests.helpers.stored import (
    ALICE,
    BOB,
    CFA,
    DND,
    ON,
    ask,
    change_file,
    fill,
    full_disk,
    press,
    press_all,
    to,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store."""
    path = tmp_path / "store" / "dfks.db"
    fill(path, (ALICE, DND, ON), (BOB, CFA, to("201")))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where backups go."""
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


def test_a_copy_is_one_file_with_everything(path: Path, folder: Path) -> None:
    """It can be moved, mailed and opened where nothing can be written."""
    contents = back_up(path, folder / "a.db", replace=False)
    assert os.listdir(folder) == ["a.db"]
    assert (folder / "a.db").stat().st_mode & 0o777 == 0o600
    assert dict(stored_states(folder / "a.db")) == dict(stored_states(path))
    assert (contents.presentities, contents.changes) == (2, 2)
    assert ask(folder / "a.db", "PRAGMA journal_mode") == [("delete",)]
    assert os.listdir(folder) == ["a.db"]


def test_a_copy_leaves_the_disk_to_the_server_between_its_steps(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else sets wait for it: SQLite's interface for Python sleeps only for locks."""
    monkeypatch.setattr(backup, "STEP", 1)
    rests: list[float] = []
    monkeypatch.setattr("dfks_rules.store.backup.time.sleep", rests.append)
    back_up(path, folder / "a.db", replace=False)
    [(pages,)] = ask(folder / "a.db", "PRAGMA page_count")
    assert isinstance(pages, int)
    assert rests == [backup.REST] * pages


async def test_commits_do_not_make_it_start_again(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite begins anew at each change unless the reader holds on to one moment."""
    monkeypatch.setattr(backup, "STEP", 1)
    await press_all(path, ((BOB, CFA, to(f"{number:0500}")) for number in range(100)))
    before = ask(path, "SELECT count(*) FROM change")[0][0]
    store = SqliteStore(path, asyncio.get_running_loop())
    try:
        done = asyncio.create_task(asyncio.to_thread(back_up, path, folder / "a.db", replace=False))
        presses = 0
        while not done.done():
            await press(store, ALICE, CFA, to(str(presses)))
            presses += 1
        contents = await done
        assert presses > 2
        # It is of the moment at which it began.
        assert before == 102
        assert contents.changes < 102 + presses
    finally:
        store.close()
    [(changes,)] = ask(folder / "a.db", "SELECT count(*) FROM change")
    assert changes == contents.changes


def test_what_exists_is_not_overwritten(path: Path, folder: Path) -> None:
    """A typing error must not cost last week's backup."""
    target = folder / "a.db"
    target.write_text("precious")
    with pytest.raises(StoreError, match="exists") as raised:
        back_up(path, target, replace=False)
    assert raised.value.code == "store_backup_exists"
    assert target.read_text() == "precious"
    back_up(path, target, replace=True)
    assert dict(stored_states(target)) == dict(stored_states(path))


def test_a_file_that_appears_meanwhile_is_not_overwritten(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two cron jobs, one name."""
    target = folder / "a.db"
    copied = backup.copy

    def copy(*arguments: object) -> None:
        copied(*arguments)  # type: ignore[arg-type]
        target.write_text("precious")

    monkeypatch.setattr(backup, "copy", copy)
    with pytest.raises(StoreError) as raised:
        back_up(path, target, replace=False)
    assert raised.value.code == "store_backup_exists"
    assert target.read_text() == "precious"
    assert os.listdir(folder) == ["a.db"]


@pytest.mark.parametrize("replace", [False, True])
def test_the_store_is_not_its_own_backup(path: Path, replace: bool) -> None:
    """Not by another name, and not with `--force`."""
    link = path.with_name("link.db")
    link.symlink_to(path)
    with pytest.raises(StoreError, match="is the store itself"):
        back_up(path, link, replace=replace)
    assert len(dict(stored_states(path))) == 2


def test_what_a_killed_backup_left_is_in_nobodys_way(path: Path, folder: Path) -> None:
    """The next one with this name replaces it."""
    (folder / "a.db.part").write_bytes(b"half" * 10_000)
    back_up(path, folder / "a.db", replace=False)
    assert os.listdir(folder) == ["a.db"]


def test_two_backups_to_one_name_do_not_mix(path: Path, folder: Path) -> None:
    """The second is told, and the first goes on."""
    with (folder / "a.db.part").open("wb") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="another process") as raised:
            back_up(path, folder / "a.db", replace=False)
    assert raised.value.code == "store_in_use"


def test_a_store_that_is_not_sound_has_no_backup(path: Path, folder: Path) -> None:
    """A backup that cannot be restored is worse than an error tonight."""
    change_file(path, "UPDATE presentity SET revision = 9")
    with pytest.raises(StoreError, match=r"has errors, and so has its copy") as raised:
        back_up(path, folder / "a.db", replace=False)
    assert raised.value.code == "store_unsound"
    assert os.listdir(folder) == []


def test_no_store_no_backup(tmp_path: Path, folder: Path) -> None:
    """And no file that looks like one."""
    with pytest.raises(StoreError) as raised:
        back_up(tmp_path / "none.db", folder / "a.db", replace=False)
    assert raised.value.code == "store_unavailable"
    assert os.listdir(folder) == []


def test_a_folder_that_is_not_there_is_told(path: Path, folder: Path) -> None:
    """The disk for backups is not mounted."""
    with pytest.raises(StoreError, match="No such file or directory"):
        back_up(path, folder / "nowhere" / "a.db", replace=False)


def test_a_full_disk_leaves_nothing_behind(path: Path, folder: Path) -> None:
    """Half a backup would fill what is left, and be taken for a whole one."""
    fill(path, *((ALICE, CFA, to(f"{number:0500}")) for number in range(100)))
    old = folder / "a.db"
    old.write_text("precious")
    with full_disk(65_536), pytest.raises(StoreError, match="cannot write") as raised:
        back_up(path, old, replace=True)
    assert raised.value.code == "store_unavailable"
    assert os.listdir(folder) == ["a.db"]
    assert old.read_text() == "precious"


def test_killed_at_any_moment_it_leaves_no_backup_that_is_not_whole(
    path: Path, folder: Path
) -> None:
    """Whatever is called FILE can be restored."""
    fill(path, *((ALICE, CFA, to(f"{number:0500}")) for number in range(300)))
    code = (
        "import sys; from pathlib import Path; from dfks_rules.store import backup\n"
        "backup.STEP = 2; print('go', flush=True)\n"
        "backup.back_up(Path(sys.argv[1]), Path(sys.argv[2]), replace=True)"
    )
    target = folder / "a.db"
    killed = 0
    for wait in (0.0, 0.02, 0.05, 0.1, 0.2, 0.3):
        command = [sys.executable, "-c", code, str(path), str(target)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                process.wait(wait)
            except subprocess.TimeoutExpired:
                process.kill()
                killed += 1
        if target.exists():
            assert dict(stored_states(target)) == dict(stored_states(path))
    assert killed
    back_up(path, target, replace=True)
    assert os.listdir(folder) == ["a.db"]
    with sqlite3.connect(target) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
