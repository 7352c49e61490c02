"""Readers of the store."""

import grp
import os
import pwd
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.store.database import Database

_READ = """
import sqlite3, sys
try:
    [[seen]] = sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM presentity")
    print(seen)
except sqlite3.Error as error:
    print(error)
"""
_OWN = grp.getgrgid(os.getgid()).gr_name


def _modes(folder: Path) -> dict[str, tuple[str, int]]:
    found = {file.name: file.stat() for file in folder.iterdir()}
    return {
        name: (grp.getgrgid(one.st_gid).gr_name, stat.S_IMODE(one.st_mode))
        for name, one in found.items()
    }


@pytest.fixture
def shared() -> Iterator[tuple[Path, str, Callable[[], str]]]:
    """A file in a folder that a group may enter, the group, and what a member of it reads there."""
    if os.getuid() != 0:
        pytest.skip("needs root, to become a user of another group")
    nobody, group = pwd.getpwnam("nobody"), "nogroup"
    folder = Path(tempfile.mkdtemp(prefix="dfks-shared-"))  # others may not enter pytest's
    os.chown(folder, 0, grp.getgrnam(group).gr_gid)
    folder.chmod(0o750)

    def read() -> str:
        # Debian's: that of a virtual environment may be where a stranger must not look.
        done = subprocess.run(
            [_python(), "-I", "-c", _READ, str(folder / "x.db")],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    yield folder / "x.db", group, read
    shutil.rmtree(folder)


def _python() -> str:
    return "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable


def test_a_group_may_read_the_files_and_nobody_else(tmp_path: Path) -> None:
    """The lock is the server's own."""
    database = Database(tmp_path / "x.db", _OWN)
    modes = _modes(tmp_path)
    database.close()
    shared = [f"x.db{end}" for end in ("", "-wal", "-shm")]
    assert modes == dict.fromkeys(shared, (_OWN, 0o640)) | {"x.db.lock": (_OWN, 0o600)}


def test_an_unknown_group_is_refused(tmp_path: Path) -> None:
    """A proxy that may read nothing forwards no call, and says it in no log of ours."""
    with pytest.raises(StoreError, match="there is no group `nobody-has-this` on this machine"):
        Database(tmp_path / "x.db", "nobody-has-this")
    Database(tmp_path / "x.db").close()


def test_a_group_of_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux lets only members give files to a group; the message says so."""

    def deny(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "chown", deny)
    with pytest.raises(StoreError, match="must own it and be a member of the group"):
        Database(tmp_path / "x.db", _OWN)


def test_a_member_of_the_group_reads_while_the_server_writes_and_after_it_stopped(
    shared: tuple[Path, str, Callable[[], str]],
) -> None:
    """It may write nothing, not even the index of the log."""
    path, group, read = shared
    database = Database(path, group)
    seen = []
    for number in range(3):
        database.connection.execute("INSERT INTO presentity VALUES (?, 'x', 1, 0)", [number])
        seen.append(read())
    database.close()
    assert [*seen, read()] == ["1", "2", "3", "3"]
    database = Database(path, group)
    database.connection.execute("DELETE FROM presentity")
    assert read() == "0"
    database.close()


def test_a_member_of_the_group_reads_after_the_server_was_killed(
    shared: tuple[Path, str, Callable[[], str]],
) -> None:
    """Calls are forwarded as before until it is back."""
    path, group, read = shared
    script = (
        "import os, pathlib, sys; from dfks_rules.store.database import Database\n"
        "database = Database(pathlib.Path(sys.argv[1]), sys.argv[2])\n"
        "database.connection.execute(\"INSERT INTO presentity VALUES ('a', 'x', 1, 0)\")\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(path), group], check=False)
    assert read() == "1"
    Database(path, group).close()
    assert read() == "1"


def test_a_server_without_a_group_lets_nobody_read(
    shared: tuple[Path, str, Callable[[], str]],
) -> None:
    """They hold the numbers that people forward their calls to."""
    path, _, read = shared
    database = Database(path)
    assert read() == "unable to open database file"
    database.close()


def test_a_reader_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    """Its connection stays open over a restart, and reads on."""
    path = tmp_path / "x.db"
    database = Database(path, _OWN)
    reader = sqlite3.connect(path, isolation_level=None)
    assert reader.execute("SELECT count(*) FROM presentity").fetchone() == (0,)
    for seen in (1, 2):
        database.connection.execute("INSERT INTO presentity VALUES (?, 'x', 1, 0)", [seen])
        database.close()
        assert reader.execute("SELECT count(*) FROM presentity").fetchone() == (seen,)
        database = Database(path, _OWN)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM presentity").fetchone()
    database.close()
    Database(path, _OWN).close()
    reader.close()
