"""Group commit: waiting for other programs, failures, heartbeats and what is written behind."""

import asyncio
import errno
import os
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dfks_rules.model.afterwards import Afterwards
from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow, Verdict, Wanted
from dfks_rules.store import group
from dfks_rules.store.life import Beat
from dfks_rules.store.migrations import migrate
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.wanted import commit, dialog_row, outcome, wanted

ALICE = Aor("alice", "example.com")
BOB = Aor("bob", "example.com")
FIRST = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))
SECOND = FIRST.replace(FEATURES[1], FeatureState(status=True))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "features.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    """An empty store: all calls go to its group commit."""
    opened = SqliteStore(path, asyncio.get_running_loop())
    yield opened
    opened.close()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Another program is about to write."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


def _written(
    store: SqliteStore, rows: list[DialogRow], gone: tuple[int, ...] = ()
) -> asyncio.Future[bool]:
    future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    store.write(rows, gone, future.set_result)
    return future


async def test_commits_wait_until_another_program_gives_its_lock_back(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup takes a moment: no phone is refused for it, and the loop goes on."""
    monkeypatch.setattr(group, "RETRY", 0.01)
    with _locked(path):
        results = [commit(store, wanted(one, NOTHING_STORED, FIRST)) for one in (ALICE, BOB)]
        while store.counts["locked"] < 3:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.005)
        results.append(commit(store, wanted(ALICE, FIRST, SECOND)))
        assert not any(result.done() for result in results)
    assert [await outcome(result) for result in results] == [Verdict.STORED] * 3
    assert store.known(ALICE) == SECOND


async def test_the_next_transaction_waits_for_no_company(store: SqliteStore, path: Path) -> None:
    """A processor that waits goes cold, which costs more than company saves."""
    first = commit(store, wanted(ALICE, NOTHING_STORED, FIRST))
    await asyncio.sleep(0)  # It is written.
    others = [commit(store, Wanted((), (), dialog_row(store.number()))) for _ in range(20)]
    await first
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM subscription").fetchone() == (20,)
    await asyncio.gather(*others)


async def test_a_lock_that_is_never_given_back_fails_commits_until_it_is(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator who forgets a transaction in a shell must not stop the server for good."""
    monkeypatch.setattr(group, "RETRY", 0.01)
    monkeypatch.setattr(group, "PATIENCE", 0.1)
    begin = asyncio.get_running_loop().time()
    with _locked(path):
        first = commit(store, wanted(ALICE, NOTHING_STORED, FIRST))
        row = _written(store, [dialog_row(7)])
        verdict, error, now = await first
        assert verdict is Verdict.UNAVAILABLE
        assert error is not None
        assert "another program holds a lock" in error.message
        assert now - begin >= 0.1
        assert await row is False
        assert await outcome(commit(store, wanted(ALICE, NOTHING_STORED, FIRST))) is (
            Verdict.UNAVAILABLE
        )
    assert await outcome(commit(store, wanted(ALICE, NOTHING_STORED, FIRST))) is Verdict.STORED
    assert store.counts["subscriptions_failed"] == 1


async def test_a_disk_that_hangs_does_not_fill_the_memory(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes too late is refused at once."""
    monkeypatch.setattr(group, "MOST_WAITING", 2)
    results = [commit(store, wanted(Aor(f"u{n}", "x"), NOTHING_STORED, FIRST)) for n in range(3)]
    assert results[2].done()
    assert [await outcome(result) for result in results] == [
        Verdict.STORED,
        Verdict.STORED,
        Verdict.UNAVAILABLE,
    ]


async def test_close_tells_those_who_wait_for_another_program(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for ever."""
    monkeypatch.setattr("dfks_rules.store.database.BUSY_SECONDS", 0.05)
    with _locked(path):
        result = commit(store, wanted(ALICE, NOTHING_STORED, FIRST))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        store.close()
    assert result.result()[0] is Verdict.UNAVAILABLE


async def test_nothing_is_written_after_the_close(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even the heartbeat that another program has held up."""
    monkeypatch.setattr("dfks_rules.store.database.BUSY_SECONDS", 0.05)
    with capture_logs() as lines, _locked(path):
        store.beat(Beat(1.0, 1.0, ""))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        store.close()
        await asyncio.sleep(2 * group.RETRY)
    assert lines == []


async def test_subscriptions_written_behind_are_durable_when_that_is_told(
    store: SqliteStore, path: Path
) -> None:
    """They ride with what else there is."""
    rows = [dialog_row(store.number()) for _ in range(3)]
    result = commit(store, wanted(ALICE, NOTHING_STORED, FIRST))
    assert await _written(store, rows) is True
    assert result.done()
    assert await _written(store, [], (rows[0].row,)) is True
    assert store.read(1 << 62, 9) == [rows[2], rows[1]]


async def test_a_refresh_asked_for_before_a_set_does_not_come_after_it(
    store: SqliteStore,
) -> None:
    """The row would go back to an earlier request."""
    number = store.number()
    row = dialog_row(number, cseq=2)
    first = _written(store, [row._replace(cseq=1)])
    second = commit(store, Wanted((), (), row))
    third = _written(store, [row._replace(cseq=3, first=None)])
    assert await first
    assert await outcome(second) is Verdict.STORED
    assert await third
    assert store.read(number + 1, 1) == [row._replace(cseq=3)]


async def test_a_heartbeat_is_found_by_the_next_life(store: SqliteStore, path: Path) -> None:
    """It is written by itself if there is nothing else, and with the last commits."""
    store.beat(Beat(1e9, 1.0, "boot"))
    await outcome(commit(store, Wanted(())))
    beat = Beat(1e9 + 5, 6.0, "boot", is_clean=True)
    store.beat(beat)
    store.close()
    successor = SqliteStore(path, asyncio.get_running_loop())
    assert (successor.previous, successor.term) == (beat, store.term + 1)
    assert successor.secret == store.secret
    assert successor.number() > store.number()
    successor.close()


@pytest.mark.parametrize("sizes", [(1, 1 << 20), (1 << 20, 1)])
async def test_a_stop_that_could_not_write_everything_is_no_planned_one(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int]
) -> None:
    """The next life would tell nobody what only the lost rows knew."""
    monkeypatch.setattr(group, "MAX_BATCH", 1)
    connection = store._database.connection
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 8}")
    written = [_written(store, [dialog_row(store.number(), first=bytes(size))]) for size in sizes]
    store.beat(Beat(1e9, 1.0, "boot", is_clean=True))
    store.close()
    assert sorted(one.result() for one in written) == [False, True]
    successor = SqliteStore(path, asyncio.get_running_loop())
    assert successor.previous is None or not successor.previous.is_clean
    successor.close()


async def test_the_journal_shows_the_wall_clock_and_is_purged_by_one_that_nobody_sets(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is removed early where the wall clock is ten years ahead for a while, or behind."""
    monkeypatch.setattr("dfks_rules.store.commit.PURGE_EVERY", 0.0)
    steady = 0.0
    loop = asyncio.get_running_loop()
    store = SqliteStore(path, loop, clock=lambda: steady, keep_changes=60.0)
    store.go_by(5e8)
    users = (ALICE, BOB, Aor("carol", "x"), Aor("dave", "x"))
    walls = [1e9 + 3e8, 1e9 - 3e8, 1e9, 1e9 + 3e8]
    for user, wall in zip(users, walls, strict=True):
        monkeypatch.setattr("time.time", partial(float, wall))
        await outcome(commit(store, wanted(user, NOTHING_STORED, FIRST)))
        steady += 1.0
    assert [entry.at for entry in await store.journal.read(0, 9)] == walls
    steady = 61.5
    await outcome(commit(store, Wanted(())))
    assert [entry.seq for entry in await store.journal.read(0, 9)] == [3, 4]
    store.close()


async def test_change_is_told_of_once_it_is_settled(store: SqliteStore) -> None:
    """Not when it is written: a disk may take its time, and phones wait as long."""
    seen: list[int] = []
    store.commit(wanted(ALICE, NOTHING_STORED, FIRST), lambda *_: seen.append(store.told))
    await outcome(commit(store, Wanted((), (), dialog_row(store.number()))))
    await asyncio.sleep(0)
    assert (seen, store.told) == ([0], 1)


async def test_a_store_that_fails_says_so_once_and_once_that_it_does_not_any_more(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator reads of a full disk, not of every phone."""

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with capture_logs() as lines:
        with monkeypatch.context() as broken:
            broken.setattr("dfks_rules.store.database.os.fdatasync", fail)
            for _ in range(3):
                await commit(store, Wanted((), (), dialog_row(store.number())))
        assert await outcome(commit(store, Wanted(()))) is Verdict.STORED
    assert [line["event"] for line in lines] == ["store_write_failed", "store_recovered"]
    assert "Input/output error" in lines[0]["reason"]
    assert store.counts["syncs_failed"] == 3
    assert store.counts["unavailable"] == 3


async def test_what_the_disk_may_lack_is_not_told_of_by_what_comes_to_nothing(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver of events would hear of a change that a power cut takes back."""
    with monkeypatch.context() as broken:
        broken.setattr("dfks_rules.store.database.os.fdatasync", _io_error)
        in_doubt = await outcome(commit(store, wanted(ALICE, NOTHING_STORED, FIRST)))
        nothing = await outcome(commit(store, wanted(BOB, FIRST._replace(revision=7), SECOND)))
        assert (in_doubt, nothing) == (Verdict.UNAVAILABLE, Verdict.CONFLICT)
        assert (store.durable(), store.told) == (0, 0)
    assert await outcome(commit(store, wanted(BOB, NOTHING_STORED, FIRST))) is Verdict.STORED
    assert store.durable() == 2


def _raise(*_: object) -> None:
    raise RuntimeError("a bug")


def _io_error(_descriptor: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


def _fail_once(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Have the next sync fail, and the others not; set when it has."""
    failed, sync = threading.Event(), os.fdatasync

    def fail_first(descriptor: int) -> None:
        if not failed.is_set():
            failed.set()
            _io_error(descriptor)
        sync(descriptor)

    monkeypatch.setattr("dfks_rules.store.database.os.fdatasync", fail_first)
    return failed


async def test_whoever_is_told_late_that_a_sync_has_failed_finds_the_store_in_doubt_yet(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By that it is known whether watchers have to be told what is stored after all."""
    monkeypatch.setattr("dfks_rules.store.disk.LOOK_EVERY", 0.01)
    failed = _fail_once(monkeypatch)
    loop = asyncio.get_running_loop()
    told: asyncio.Future[Snapshot | None] = loop.create_future()
    store.commit(
        wanted(ALICE, NOTHING_STORED, FIRST), lambda *_: told.set_result(store.known(ALICE))
    )
    await asyncio.sleep(0)  # It is written.
    assert failed.wait(5)
    time.sleep(0.2)  # noqa: ASYNC251 - the loop is busy, while the disk works again
    assert await told is None
    async with asyncio.timeout(5):
        while store.known(ALICE) != FIRST:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.005)


async def test_a_change_is_durable_only_once_a_sync_has_succeeded(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another request that stores nothing syncs nothing, so it says nothing of the disk either."""
    with monkeypatch.context() as broken:
        broken.setattr("dfks_rules.store.database.os.fdatasync", _io_error)
        first = commit(store, wanted(ALICE, NOTHING_STORED, FIRST))
        assert await outcome(first) is Verdict.UNAVAILABLE
        assert await outcome(commit(store, wanted(ALICE, SECOND, FIRST))) is Verdict.CONFLICT
        assert store.durable() == 0
    assert await outcome(commit(store, wanted(BOB, NOTHING_STORED, FIRST))) is Verdict.STORED
    assert store.durable() == 2


async def test_a_failed_sync_is_counted_once_though_somebody_fails_on_being_told(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Monitoring counts failures of the disk, not of ours."""
    bugs: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, bug: bugs.append(bug["exception"]))
    monkeypatch.setattr("dfks_rules.store.database.os.fdatasync", _io_error)
    for _ in range(2):
        store.commit(Wanted((), (), dialog_row(store.number())), _raise)
    assert await outcome(commit(store, wanted(ALICE, NOTHING_STORED, FIRST))) is (
        Verdict.UNAVAILABLE
    )
    assert store.counts["syncs_failed"] == 1
    assert [str(bug) for bug in bugs] == ["a bug"] * 2


async def test_close_gives_the_files_back_though_somebody_fails_on_being_told(
    store: SqliteStore, path: Path
) -> None:
    """A successor waits for them, and others wait for what came of their requests."""
    bugs: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, bug: bugs.append(bug["exception"]))
    store.commit(wanted(ALICE, NOTHING_STORED, FIRST), _raise)
    await asyncio.sleep(0)  # It is written, and the next ones are not.
    store.commit(wanted(ALICE, FIRST, SECOND), _raise)
    last = commit(store, wanted(BOB, NOTHING_STORED, FIRST))
    store.close()
    assert len(bugs) == 2
    assert last.result()[0] is Verdict.STORED
    successor = SqliteStore(path, asyncio.get_running_loop())
    assert (successor.known(ALICE), successor.known(BOB)) == (SECOND, FIRST)
    successor.close()


async def test_reasons_that_alternate_are_each_told_once(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full and broken must not fill the log with every phone."""
    connection = store._database.connection
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    large = dialog_row(store.number(), first=bytes(1 << 20))
    with capture_logs() as lines:
        with monkeypatch.context() as broken:
            broken.setattr("dfks_rules.store.database.os.fdatasync", _io_error)
            connection.execute(f"PRAGMA max_page_count = {pages + 8}")
            for _ in range(3):
                for row in (large, dialog_row(store.number())):
                    await commit(store, Wanted((), (), row))
        assert await outcome(commit(store, Wanted(()))) is Verdict.STORED
    assert [line["event"] for line in lines] == ["store_write_failed"] * 2 + ["store_recovered"]


def _damaged(path: Path) -> Aor:
    """A store with one whose page is damaged; that of Alice is not."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection)
        rows = [(f"u{number:05}", "x", 1, 0) for number in range(2_000)]
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO presentity VALUES (?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    content = bytearray(path.read_bytes())
    page = content.index(b"xu01000") // 4096 * 4096
    content[page : page + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    return Aor("u01000", "x")


async def test_a_damaged_page_is_told_once_and_is_no_failure_of_all(path: Path) -> None:
    """Whoever is on it comes again and again; a monitor must not ring each time."""
    victim = _damaged(path)
    store = SqliteStore(path, asyncio.get_running_loop())
    states = [NOTHING_STORED, FIRST, SECOND._replace(revision=2), FIRST._replace(revision=3)]
    with capture_logs() as lines:
        for before, after in pairwise(states):
            refused = await outcome(commit(store, wanted(victim, FIRST, SECOND)))
            assert (refused, store.is_failing) == (Verdict.UNAVAILABLE, False)
            assert await outcome(commit(store, wanted(ALICE, before, after))) is Verdict.STORED
        assert [line["event"] for line in lines] == ["store_write_failed"]
    assert "damaged" in lines[0]["reason"]
    for _ in range(group.MANY_DAMAGED):
        assert not store.is_failing
        await commit(store, wanted(victim, FIRST, SECOND))
    assert store.is_failing
    await commit(store, wanted(ALICE, states[-1], SECOND._replace(revision=4)))
    assert not store.is_failing
    store.close()


async def test_commits_are_measured_from_when_they_were_asked_for(store: SqliteStore) -> None:
    """Waiting for the disk included; rows of subscriptions, which nobody waits for, are not."""
    assert store.queue == 0
    asked = asyncio.ensure_future(commit(store, wanted(ALICE, NOTHING_STORED, FIRST)))
    await asyncio.sleep(0)
    assert store.queue == 1
    assert (await asked)[0] is Verdict.STORED
    assert await _written(store, [dialog_row(1)])
    assert (store.queue, sum(store.committed.counts)) == (0, 1)
    assert 0 < store.committed.total < 5


async def test_what_a_message_asks_for_is_written_once_that_is_worked_on(path: Path) -> None:
    """Not a turn of the loop later: whoever reads the file finds it already."""
    loop = asyncio.get_running_loop()
    afterwards = Afterwards(loop.call_soon)
    store = SqliteStore(path, loop, afterwards=afterwards)
    with closing(sqlite3.connect(path)) as other:
        afterwards.begin()
        result = commit(store, wanted(ALICE, NOTHING_STORED, FIRST))
        assert other.execute("SELECT count(*) FROM presentity").fetchone() == (0,)
        afterwards.end()
        assert other.execute("SELECT count(*) FROM presentity").fetchone() == (1,)
    assert await outcome(result) is Verdict.STORED
    store.close()
