"""Opening the files of a store, and why they cannot be opened."""

import errno
import os
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread

import pytest
from structlog.testing import capture_logs

from dfks_rules.errors import StoreError
from dfks_rules.store.database import Database, explained
from dfks_rules.store.migrations import MIGRATIONS
from tests.helpers.stored import spoil_schema


def _refusal(path: Path) -> StoreError:
    with pytest.raises(StoreError) as raised:
        Database(path)
    return raised.value


def test_files_are_made_with_their_directory_for_their_owner_only(tmp_path: Path) -> None:
    """They hold the numbers that people forward their calls to."""
    path = tmp_path / "a" / "b" / "features.db"
    database = Database(path)
    files = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    database.close()
    assert files == dict.fromkeys([path.name + end for end in ("", "-wal", "-shm", ".lock")], 0o600)


def test_a_closed_database_is_one_file_and_its_lock(tmp_path: Path) -> None:
    """It can be copied as it is."""
    Database(tmp_path / "x.db").close()
    assert {file.name for file in tmp_path.iterdir()} == {"x.db", "x.db.lock"}


def test_a_closed_database_holds_no_descriptor(tmp_path: Path) -> None:
    """A server that opens another one would run out of them."""
    before = set(os.listdir("/proc/self/fd"))
    database = Database(tmp_path / "x.db")
    database.sync()
    database.close()
    assert set(os.listdir("/proc/self/fd")) <= before


def test_a_second_process_is_refused_and_told_which_one_serves(tmp_path: Path) -> None:
    """Two servers on one file would not see each other's changes."""
    path = tmp_path / "features.db"
    database = Database(path)
    script = (
        "import sys, pathlib; from dfks_rules.store.database import Database\n"
        "try: Database(pathlib.Path(sys.argv[1]))\n"
        "except Exception as error: print(error.code, error.message)"
    )
    child = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    database.close()
    expected = f"store_in_use cannot use `{path}`: process {os.getpid()} is using it\n"
    assert child.stdout == expected
    Database(path).close()


def test_a_link_leads_to_one_database_with_one_lock_and_one_log(tmp_path: Path) -> None:
    """SQLite keeps its log beside the file itself; by the link's name it would not be found."""
    path, link = tmp_path / "data" / "x.db", tmp_path / "x.db"
    link.symlink_to(path)
    database = Database(link)
    database.sync()
    assert database.loss() is None
    with pytest.raises(StoreError, match=f"process {os.getpid()} is using it"):
        Database(path)
    link.unlink()
    assert database.loss() is not None
    database.close()
    assert {file.name for file in tmp_path.rglob("*")} == {"data", "x.db", "x.db.lock"}


def test_a_database_locked_by_another_program_is_refused(tmp_path: Path) -> None:
    """Waited for no longer than a moment."""
    path = tmp_path / "features.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert _refusal(path).code == "store_in_use"
    other.close()
    Database(path).close()


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"x" * 500]
)
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(
    tmp_path: Path, content: bytes
) -> None:
    """The path may be a mistake."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    error = _refusal(path)
    assert error.code == "store_not_a_database"
    assert str(path) in error.message
    assert path.read_bytes() == content


def test_a_file_of_a_newer_version_is_refused_with_its_name(tmp_path: Path) -> None:
    """After a downgrade the operator must know which file it is about."""
    path = tmp_path / "features.db"
    Database(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 7}")
    connection.close()
    error = _refusal(path)
    assert error.code == "store_newer_version"
    assert str(path) in error.message


def test_a_directory_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    """A path that ends too early."""
    error = _refusal(tmp_path)
    assert error.code == "store_unavailable"
    assert "Is a directory" in error.message


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    """A path that goes on too long."""
    (tmp_path / "file").touch()
    assert _refusal(tmp_path / "file" / "features.db").code == "store_unavailable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    """Found at start, not at the first key press."""
    path = tmp_path / "features.db"
    Database(path).close()
    path.chmod(0o400)
    assert _refusal(path).code == "store_read_only"


def test_a_refused_file_is_not_kept_locked(tmp_path: Path) -> None:
    """The operator mends the file, and the same process can try again."""
    path = tmp_path / "features.db"
    path.write_bytes(b"no database" * 100)
    assert _refusal(path).code == "store_not_a_database"
    path.unlink()
    Database(path).close()


def test_files_that_somebody_deleted_or_replaced_are_told(tmp_path: Path) -> None:
    """What is written to them then would be gone after a restart."""
    path, aside = tmp_path / "x.db", tmp_path / "aside"
    database = Database(path)
    database.sync()
    for file in (path, tmp_path / "x.db-wal"):
        assert database.loss() is None
        file.rename(aside)
        assert database.loss() == f"`{file}` is gone: No such file or directory"
        file.write_bytes(aside.read_bytes())
        assert database.loss() == f"`{file}` was replaced while the server was running"
        aside.rename(file)
        assert database.loss() is None
    database.close()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_refusal_of_the_system_is_told_as_read_only(number: int) -> None:
    """The operator looks for rights, and not for a broken disk."""
    error = explained(Path("x.db"), OSError(number, "no", "x.db.lock"))
    assert error.code == "store_read_only"
    assert error.message == "cannot use `x.db`: `x.db.lock` is not writable"
    assert explained(Path("x.db"), OSError(errno.EIO, "no", "y")).code == "store_unavailable"


def test_after_a_sync_that_failed_all_of_the_log_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux takes pages that it could not write for written: the next sync alone would lie."""

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "x.db"
    database = Database(path)
    database.connection.execute("INSERT INTO presentity VALUES ('alice', 'x', 1, 0)")
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", fail)
        with pytest.raises(OSError, match="Input/output"):
            database.sync()
    written: list[bytes] = []
    pwrite = os.pwrite

    def note(descriptor: int, data: bytes, at: int) -> int:
        written.append(data)
        return pwrite(descriptor, data, at)

    with monkeypatch.context() as watched:
        watched.setattr(os, "pwrite", note)
        database.sync()
        content = path.with_name(path.name + "-wal").read_bytes()
        database.sync()
    assert b"".join(written) == content
    assert database.connection.execute("SELECT user FROM presentity").fetchall() == [("alice",)]
    database.close()


def test_each_opening_is_another_life(tmp_path: Path) -> None:
    """Also one that ends before anything is stored."""
    terms = []
    for _ in range(2):
        database = Database(tmp_path / "x.db")
        terms.append(database.life.term)
        database.close()
    assert terms == [1, 2]


def test_a_file_that_was_brought_up_to_date_is_logged(tmp_path: Path) -> None:
    """An older release cannot use it any more: whoever goes back must find out why."""
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
    connection.close()
    with capture_logs() as logs:
        Database(path).close()
        Database(path).close()
        Database(tmp_path / "new.db").close()
    assert [one for one in logs if one["event"] == "store_migrated"] == [
        {
            "event": "store_migrated",
            "log_level": "warning",
            "before": 1,
            "version": len(MIGRATIONS),
        }
    ]


@pytest.mark.alone
def test_the_log_is_bounded_while_commits_never_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite begins it anew only if no commit comes during a checkpoint."""
    monkeypatch.setattr("dfks_rules.store.database.LOG_LIMIT", 1 << 20)
    database = Database(tmp_path / "x.db")
    commits: SimpleQueue[None] = SimpleQueue()
    is_over = Event()

    def commit_without_a_pause() -> None:
        while not is_over.is_set():
            with suppress(sqlite3.OperationalError):  # Locked by the checkpoint: once more.
                database.connection.execute("UPDATE server SET secret = randomblob(8000)")
                commits.put(None)

    writer = Thread(target=commit_without_a_pause)
    writer.start()
    for _ in range(100):
        for _ in range(50):  # Some 600 KB.
            commits.get()
        database.checkpoint()
    is_over.set()
    writer.join()
    assert (tmp_path / "x.db-wal").stat().st_size < 8 << 20
    database.close()


def test_folders_that_are_made_for_a_store_are_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each name is in the folder above, which must be synced as well."""
    synced: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", note)
    Database(tmp_path / "a" / "b" / "features.db").close()
    assert sorted(synced) == [str(tmp_path), str(tmp_path / "a")]
    synced.clear()
    Database(tmp_path / "a" / "b" / "features.db").close()
    assert synced == []


def test_a_schema_that_is_spoilt_is_an_error_like_any_other(tmp_path: Path) -> None:
    """SQLite quotes it, though it is no text."""
    path = tmp_path / "features.db"
    Database(path).close()
    spoil_schema(path)
    refusal = _refusal(path)
    assert refusal.code == "store_unavailable"
    assert "damaged" in refusal.message
