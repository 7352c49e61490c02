"""SqliteStore: what survives, what fails, and how it goes on; the rest is in tests/contract."""

import asyncio
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import Value
from dfks_rules.store import disk
from dfks_rules.store.sqlite import MAX_BATCH, SqliteStore
from tests.helpers.states import forwarding

ALICE = Aor("alice", "example.com")
BOB = Aor("bob", "example.com")
FIRST = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))
SECOND = FIRST.replace(FEATURES[1], forwarding(True, "2424"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "features.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    """An empty store."""
    opened = SqliteStore(path, asyncio.get_running_loop())
    yield opened
    opened.close()


def _commit(
    store: SqliteStore, presentity: Aor, before: Snapshot, after: Snapshot
) -> asyncio.Future[str | None]:
    """Resolved with the code of the error when the commit is settled."""
    future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def settle(error: StoreError | None, _now: float) -> None:
        future.set_result(None if error is None else error.code)

    store.commit(presentity, before, after, settle)
    return future


@contextmanager
def _full_disk(size: int) -> Iterator[None]:
    """No file of this process can grow beyond `size` bytes: a write then fails (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_what_was_settled_is_there_after_reopening(path: Path) -> None:
    """A restart of the server changes no feature."""
    store = SqliteStore(path, asyncio.get_running_loop())
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is None
    store.close()
    store = SqliteStore(path, asyncio.get_running_loop())
    assert store.load(ALICE) == FIRST
    assert await _commit(store, ALICE, FIRST, SECOND) is None
    store.close()


COMMITTER = """
import asyncio, os, sys
from pathlib import Path
from dfks_rules.model.features import FEATURES, FeatureState, Value
from dfks_rules.model.identity import Aor
from dfks_rules.store.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]), asyncio.get_running_loop())
    def press(presentity):
        before = store.load(presentity)
        values = ((Value.FORWARD_TO, str(before.revision + 1)),)
        state = FeatureState(before.revision % 2 == 0, values)
        after = before.replace(FEATURES[3], state)
        def settle(error, now):
            assert error is None
            os.write(1, b"%s %d\\n" % (presentity.user.encode(), after.revision))
            press(presentity)
        store.commit(presentity, before, after, settle)
    for number in range(32):
        press(Aor(f"user{number}", "example.com"))
    await asyncio.Event().wait()

asyncio.run(main())
"""


def _told_before_a_kill(path: Path, kill_after: int) -> dict[str, int]:
    """Last revision that was settled for each user by a process that died while it was busy."""
    told: dict[str, int] = {}
    with subprocess.Popen(
        [sys.executable, "-c", COMMITTER, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for count, line in enumerate(child.stdout):  # Also what it told before it died.
            user, revision = line.split()
            told[user] = int(revision)
            if count == kill_after:
                child.kill()
    return told


async def test_a_kill_in_the_middle_of_commits_loses_nothing_that_was_settled(path: Path) -> None:
    """What a phone was told must hold, whatever happens to the server."""
    told = await asyncio.to_thread(_told_before_a_kill, path, kill_after=2000)
    assert len(told) == 32
    store = SqliteStore(path, asyncio.get_running_loop())
    for user, revision in told.items():
        stored = store.load(Aor(user, "example.com"))
        assert stored.revision >= revision
        assert stored.state(FEATURES[3]).value(Value.FORWARD_TO) == str(stored.revision)
    store.close()


async def test_a_full_disk_fails_commits_whole_and_the_store_recovers(
    store: SqliteStore, path: Path
) -> None:
    """Phones are told that it did not work; nothing is half stored; no restart is needed."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is None
    with _full_disk(path.with_name("features.db-wal").stat().st_size):
        assert await _commit(store, ALICE, FIRST, SECOND) == "store_unavailable"
        chain = [_commit(store, ALICE, FIRST, SECOND)]
        chain.append(_commit(store, ALICE, SECOND, SECOND.replace(FEATURES[2], FIRST.states[0])))
        assert [await result for result in chain] == ["store_unavailable"] * 2
    assert store.load(ALICE) == FIRST
    assert await _commit(store, ALICE, FIRST, SECOND) is None
    assert store.load(ALICE) == SECOND


async def test_a_lock_of_another_program_fails_commits_until_it_is_gone(
    store: SqliteStore, path: Path
) -> None:
    """An operator who forgets an open transaction in a shell must not stop the server for good."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) == "store_unavailable"
    other.execute("ROLLBACK")
    other.close()
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is None


async def test_other_programs_can_read_while_the_store_is_open(
    store: SqliteStore, path: Path
) -> None:
    """The promise to integrators: what was settled can be queried."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is None
    other = sqlite3.connect(path)
    rows = other.execute("SELECT user, domain, feature, status FROM feature_state").fetchall()
    other.close()
    assert rows == [("alice", "example.com", "DoNotDisturb", 1)]


async def test_a_loaded_snapshot_does_not_run_ahead_of_settlement(store: SqliteStore) -> None:
    """Nobody is told a state that may still be lost."""
    assert store.load(ALICE) == NOTHING_STORED
    settled = _commit(store, ALICE, NOTHING_STORED, FIRST)
    while not settled.done():
        assert store.load(ALICE) == NOTHING_STORED
        await asyncio.sleep(0)
    assert store.load(ALICE) == FIRST


async def test_a_presentity_that_left_the_cache_is_read_from_the_file(path: Path) -> None:
    """The cache bounds memory, not the number of presentities."""
    store = SqliteStore(path, asyncio.get_running_loop(), cached=10)
    users = [Aor(f"user{number}", "example.com") for number in range(3 * MAX_BATCH)]
    results = [_commit(store, user, NOTHING_STORED, FIRST) for user in users]
    assert set(await asyncio.gather(*results)) == {None}
    assert len(store._cache) == 10
    assert all(store.load(user) == FIRST for user in users)
    assert len(store._cache) == 10
    store.close()


async def test_load_says_when_the_file_cannot_be_read(store: SqliteStore, path: Path) -> None:
    """An empty answer would switch every feature of the presentity off."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is None
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("ALTER TABLE feature_state RENAME TO gone")
    with pytest.raises(StoreError) as raised:
        store.load(Aor("bob", "example.com"))
    other.execute("ALTER TABLE gone RENAME TO feature_state")
    other.close()
    assert raised.value.code == "store_unavailable"
    assert store.load(Aor("bob", "example.com")) == NOTHING_STORED


async def test_load_refuses_a_name_that_no_text_can_hold(store: SqliteStore) -> None:
    """Names come from peers; they must not raise anything unexpected."""
    with pytest.raises(StoreError) as raised:
        store.load(Aor("\ud800", "example.com"))
    assert raised.value.code == "store_unavailable"


async def test_one_who_fails_on_being_told_does_not_keep_the_others_from_it(
    store: SqliteStore,
) -> None:
    """A bug in one use case must not lose the answers to other phones."""
    failures: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    bug = RuntimeError("a bug")

    def fail(error: StoreError | None, now: float) -> None:
        raise bug

    store.commit(ALICE, NOTHING_STORED, FIRST, fail)
    others = [
        _commit(store, Aor(f"user{number}", "example.com"), NOTHING_STORED, FIRST)
        for number in range(10)
    ]
    assert await asyncio.gather(*others) == [None] * 10
    assert failures == [bug]


async def test_a_commit_after_close_is_unavailable(store: SqliteStore) -> None:
    """It is settled, not lost."""
    store.close()
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) == "store_unavailable"


def test_close_settles_also_when_the_loop_is_closed_already(path: Path) -> None:
    """Whatever the order in which a server is taken down."""
    loop = asyncio.new_event_loop()
    store = SqliteStore(path, loop, clock=lambda: 7.5)
    settled: list[tuple[StoreError | None, float]] = []
    store.commit(ALICE, NOTHING_STORED, FIRST, lambda error, now: settled.append((error, now)))
    loop.close()
    store.close()
    assert settled == [(None, 7.5)]


async def test_after_a_sync_that_failed_the_file_says_what_holds(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unsure whether the change is kept, and no later set may be refused because of that."""

    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is None
    with monkeypatch.context() as broken_disk:
        broken_disk.setattr("dfks_rules.store.database.os.fdatasync", fail)
        assert await _commit(store, ALICE, FIRST, SECOND) == "store_unavailable"
    held = store.load(ALICE)
    assert held in (FIRST, SECOND)
    after = held.replace(FEATURES[1], FIRST.states[0])
    assert await _commit(store, ALICE, held, after) is None
    assert store.load(ALICE) == after


async def test_what_is_asked_for_while_the_disk_is_waited_for_is_one_transaction(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred presses cost two waits for the disk, not a hundred."""
    go_on = threading.Event()
    waits: list[int] = []

    def slow(descriptor: int) -> None:
        waits.append(descriptor)
        go_on.wait()

    monkeypatch.setattr("dfks_rules.store.database.os.fdatasync", slow)
    results = []
    for number in range(100):
        user = Aor(f"user{number}", "example.com")
        results.append(_commit(store, user, NOTHING_STORED, FIRST))
        await asyncio.sleep(0)  # Another turn of the loop for each.
    go_on.set()
    assert await asyncio.gather(*results) == [None] * 100
    assert len(waits) == 2


async def test_close_settles_what_is_under_way_and_what_was_asked_for_meanwhile(
    store: SqliteStore,
) -> None:
    """Every phone gets its answer before the server is gone."""
    first = _commit(store, ALICE, NOTHING_STORED, FIRST)
    await asyncio.sleep(0)
    second = _commit(store, ALICE, FIRST, SECOND)
    store.close()
    assert (first.result(), second.result()) == (None, None)


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits a second for the thread to look at the files."""
    monkeypatch.setattr(disk, "LOOK_EVERY", 0.01)


def _is_readable(store: SqliteStore) -> bool:
    try:
        store.load(ALICE)
    except StoreError:
        return False
    return True


async def _until(store: SqliteStore, *, readable: bool) -> None:
    """Until the thread has looked at the files."""
    async with asyncio.timeout(5):
        while _is_readable(store) is not readable:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)


def _content(path: Path) -> bytes:
    return path.read_bytes()


def _move(path: Path, there: Path) -> None:
    path.rename(there)


def _put_back_a_backup(path: Path) -> bytes:
    """Replace the database as a careless operator does; what is there then."""
    backup = path.with_name("backup.db")
    backup.write_bytes(path.read_bytes())
    backup.replace(path)
    return _content(path)


@pytest.mark.parametrize("end", ["", "-wal"])
async def test_commit_to_a_database_that_was_deleted_is_not_told_as_kept(
    path: Path, store: SqliteStore, end: str
) -> None:
    """It would be gone after the next restart, and the phone's lamp says otherwise."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is None
    path.with_name(path.name + end).unlink()
    with capture_logs() as lines:
        assert await _commit(store, ALICE, FIRST, SECOND) == "store_unavailable"
        with pytest.raises(StoreError, match="is gone"):
            store.load(ALICE)
        assert await _commit(store, BOB, NOTHING_STORED, FIRST) == "store_unavailable"
    assert [line["event"] for line in lines] == ["store_lost"]


async def test_database_that_was_replaced_is_neither_read_nor_written(
    path: Path, store: SqliteStore, quick_looks: None
) -> None:
    """A backup that was copied over it is another file: only a restart serves from it."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is None
    before = _put_back_a_backup(path)
    await _until(store, readable=False)
    assert await _commit(store, ALICE, FIRST, SECOND) == "store_unavailable"
    store.close()
    assert _content(path) == before


async def test_database_that_comes_back_is_served_from_again(
    path: Path, store: SqliteStore, quick_looks: None
) -> None:
    """Moved aside by mistake; what was told as failed is not there."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is None
    aside = path.with_name("aside.db")
    with capture_logs() as lines:
        _move(path, aside)
        await _until(store, readable=False)
        assert await _commit(store, ALICE, FIRST, SECOND) == "store_unavailable"
        _move(aside, path)
        await _until(store, readable=True)
        assert store.load(ALICE) == FIRST
        assert await _commit(store, ALICE, FIRST, SECOND) is None
    assert [line["event"] for line in lines] == ["store_lost", "store_back"]


async def test_a_database_that_comes_back_is_read_anew(
    path: Path, store: SqliteStore, quick_looks: None
) -> None:
    """Whoever had it may have changed it."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is None
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("UPDATE presentity SET revision = 7")
    other.close()
    assert store.load(ALICE).revision == 1, "it is cached"
    aside = path.with_name("aside.db")
    _move(path, aside)
    await _until(store, readable=False)
    _move(aside, path)
    await _until(store, readable=True)
    assert store.load(ALICE).revision == 7
