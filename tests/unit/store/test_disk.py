"""The thread that waits for the disk."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfks_rules.model.afterwards import Afterwards
from dfks_rules.store import disk
from dfks_rules.store.database import Database
from dfks_rules.store.disk import Disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "features.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """An empty one."""
    opened = Database(path)
    yield opened
    opened.close()


def _move(path: Path, there: Path) -> None:
    path.rename(there)


async def test_what_was_written_is_synced_and_told_on_the_loop(database: Database) -> None:
    """The loop goes on meanwhile."""
    told: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    waits = Disk(
        database, loop, lambda: told.put_nowait(threading.get_ident()), *[lambda _: None] * 2
    )
    waits.sync_soon(1)
    async with asyncio.timeout(5):
        assert await told.get() == threading.get_ident()
    assert list(waits.results) == [None]
    waits.stop()


async def test_what_was_written_before_the_end_is_synced(database: Database) -> None:
    """Whoever stops it finds the result, though the loop was told nothing yet."""
    waits = Disk(database, asyncio.get_running_loop(), lambda: None, *[lambda _: None] * 2)
    waits.sync_soon(1)
    waits.stop()
    assert list(waits.results) == [None]


async def test_a_loss_is_told_once_and_so_is_its_end(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are looked at while nothing is written."""
    monkeypatch.setattr(disk, "LOOK_EVERY", 0.01)
    told: asyncio.Queue[str | None] = asyncio.Queue()
    waits = Disk(
        database, asyncio.get_running_loop(), lambda: None, told.put_nowait, lambda _: None
    )
    aside = path.with_name("aside.db")
    async with asyncio.timeout(5):
        _move(path, aside)
        loss = await told.get()
        assert loss is not None
        assert "is gone" in loss
        _move(aside, path)
        assert await told.get() is None
    waits.stop()
    assert told.empty()


async def test_the_log_is_moved_though_nothing_is_committed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heartbeats alone filled 70 MB a day."""
    monkeypatch.setattr(disk, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(disk, "CHECKPOINT_EVERY", 0.0)
    loop, moved = asyncio.get_running_loop(), asyncio.Event()
    monkeypatch.setattr(database, "checkpoint", lambda: loop.call_soon_threadsafe(moved.set))
    waits = Disk(database, loop, lambda: None, *[lambda _: None] * 2)
    async with asyncio.timeout(5):
        await moved.wait()
    waits.stop()


async def test_nothing_is_moved_while_files_are_gone(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They must fit together when they are put back."""
    moved: list[None] = []
    monkeypatch.setattr(disk, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(database, "checkpoint", lambda: moved.append(None))
    _move(path, path.with_name("aside.db"))
    waits = Disk(database, asyncio.get_running_loop(), lambda: None, *[lambda _: None] * 2)
    waits.sync_soon(1)
    waits.stop()
    assert moved == []


def test_a_loop_that_is_closed_ends_nothing(database: Database) -> None:
    """A server that ends in disorder still keeps what was written."""
    loop = asyncio.new_event_loop()
    waits = Disk(database, loop, lambda: None, *[lambda _: None] * 2)
    loop.close()
    waits.sync_soon(1)
    waits.stop()
    assert list(waits.results) == [None]


async def test_what_a_sync_leads_to_is_done_before_the_next_turn(database: Database) -> None:
    """Answers go out as soon as there are any."""
    loop = asyncio.get_running_loop()
    afterwards, said = Afterwards(loop.call_soon), asyncio.Queue[str]()

    def tell() -> None:
        loop.call_soon(said.put_nowait, "next turn")
        afterwards.call(lambda: said.put_nowait("sent"))

    waits = Disk(database, loop, tell, *[lambda _: None] * 2, afterwards=afterwards)
    waits.sync_soon(1)
    async with asyncio.timeout(5):
        assert [await said.get(), await said.get()] == ["sent", "next turn"]
    waits.stop()
