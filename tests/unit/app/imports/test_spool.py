"""Files that are being imported."""

import asyncio
import fcntl
import hashlib
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dfks_rules.app.imports.spool import PassingSpool, Spool
from dfks_rules.errors import StoreError
from dfks_rules.web.problem import Problem


async def _pieces(*pieces: bytes | Exception) -> AsyncIterator[bytes]:
    for one in pieces:
        if isinstance(one, Exception):
            raise one
        yield one


async def test_a_file_is_kept_beside_the_store_for_the_server_alone(tmp_path: Path) -> None:
    """It holds numbers of people."""
    spool = Spool(tmp_path / "s.db")
    pieces = [b"x" * 300_000, b"y", b"z" * 5]
    kept = await spool.keep("17", _pieces(*pieces))
    path = tmp_path / "s.db.imports" / "17"
    assert path.read_bytes() == b"".join(pieces)
    assert kept == (300_006, hashlib.sha256(b"".join(pieces)).hexdigest())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    spool.drop("17")
    spool.drop("17")
    assert not path.exists()


async def test_nothing_remains_of_a_file_that_breaks_off(tmp_path: Path) -> None:
    """Whatever goes wrong with it."""
    spool = Spool(tmp_path / "s.db")
    with pytest.raises(Problem):
        await spool.keep("17", _pieces(b"x", Problem("too-large")))
    assert list(spool.folder.iterdir()) == []


async def test_a_file_that_cannot_be_written_is_a_failure_of_the_store(tmp_path: Path) -> None:
    """The client may come again."""
    (tmp_path / "s.db.imports").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot keep") as raised:
        await Spool(tmp_path / "s.db").keep("17", _pieces(b"x"))
    assert raised.value.code == "store_unavailable"


async def test_what_a_kill_has_left_is_swept_away(tmp_path: Path) -> None:
    """Files of imports that were not accepted, or are over."""
    spool = Spool(tmp_path / "s.db")
    spool.sweep([])
    for name in ("17", "18"):
        await spool.keep(name, _pieces(b"x"))
    spool.sweep(["18"])
    assert [path.name for path in spool.folder.iterdir()] == ["18"]


async def test_a_node_keeps_files_in_a_folder_of_its_own_until_it_ends() -> None:
    """For the server alone; the engine has them, too."""
    spool, other = PassingSpool(), PassingSpool()
    spool.end()
    await spool.keep("17", _pieces(b"x"))
    spool.sweep([])
    assert spool.path("17").read_bytes() == b"x"
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
    assert spool.folder != other.folder
    for one in (spool, other):
        one.end()
        assert not one.folder.exists()


async def test_folders_that_a_kill_has_left_are_removed_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of this user's servers that are gone; also not what only looks like one."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gone = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await gone.wait()
    (tmp_path / f"dfks-imports-{gone.pid}-left").mkdir()
    (tmp_path / f"dfks-imports-{gone.pid}-left" / "17").write_bytes(b"x")
    (tmp_path / f"dfks-imports-{gone.pid}-file").write_bytes(b"x")
    (tmp_path / f"dfks-imports-{os.getpid()}-mine").mkdir()
    (tmp_path / "dfks-imports-x-y").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"dfks-imports-{gone.pid}-link").symlink_to(elsewhere)
    locked = tmp_path / f"dfks-imports-{gone.pid}-locked"
    locked.mkdir()
    descriptor = os.open(locked, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    before = set(os.listdir(tmp_path))
    spool = PassingSpool()
    spool.sweep([])
    os.close(descriptor)
    assert before - set(os.listdir(tmp_path)) == {f"dfks-imports-{gone.pid}-left"}
    assert spool.folder.name.startswith(f"dfks-imports-{os.getpid()}-")
    spool.end()


async def test_a_folder_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends the file hears of it; the server goes on."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(StoreError, match="cannot keep the file to import: No such file"):
        await PassingSpool().keep("17", _pieces(b"x"))
