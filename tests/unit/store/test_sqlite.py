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
from dfks_rules.service.ports import Verdict
from dfks_rules.store import disk, tables
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.states import forwarding
from tests.helpers.wanted import wanted

ALICE = Aor("alice", "example.com")
BOB = Aor("bob", "example.com")
FIRST = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))
SECOND = FIRST.replace(FEATURES[1], forwarding(True, "2424"))
STORED, UNAVAILABLE = Verdict.STORED, Verdict.UNAVAILABLE


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
) -> asyncio.Future[Verdict]:
    """Resolved with the verdict when the commit is settled."""
    future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    store.commit(wanted(presentity, before, after), lambda what, *_: future.set_result(what))
    return future


async def _fetched(store: SqliteStore, *presentities: Aor) -> StoreError | None:
    future: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()
    store.fetch(presentities, lambda error, _: future.set_result(error))
    return await future


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
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is STORED
    store.close()
    store = SqliteStore(path, asyncio.get_running_loop())
    assert store.known(ALICE) == FIRST
    assert await _commit(store, ALICE, FIRST, SECOND) is STORED
    store.close()


COMMITTER = """
import asyncio, os, sys
from pathlib import Path
from dfks_rules.model.features import FEATURES, FeatureState, Value
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Change, Wanted
from dfks_rules.store.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]), asyncio.get_running_loop())
    def press(presentity):
        before = store.known(presentity)
        values = ((Value.FORWARD_TO, str(before.revision + 1)),)
        state = FeatureState(before.revision % 2 == 0, values)
        after = before.replace(FEATURES[3], state)
        def settle(verdict, error, now):
            assert error is None
            os.write(1, b"%s %d\\n" % (presentity.user.encode(), after.revision))
            press(presentity)
        store.commit(Wanted((Change(presentity, before, after, (), 1),)), settle)
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
        stored = store.known(Aor(user, "example.com"))
        assert stored is not None
        assert stored.revision >= revision
        assert stored.state(FEATURES[3]).value(Value.FORWARD_TO) == str(stored.revision)
    store.close()


async def test_a_full_disk_fails_commits_whole_and_the_store_recovers(
    store: SqliteStore, path: Path
) -> None:
    """Phones are told that it did not work; nothing is half stored; no restart is needed."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is STORED
    with _full_disk(path.with_name("features.db-wal").stat().st_size):
        assert await _commit(store, ALICE, FIRST, SECOND) == UNAVAILABLE
        chain = [_commit(store, ALICE, FIRST, SECOND)]
        chain.append(_commit(store, ALICE, SECOND, SECOND.replace(FEATURES[2], FIRST.states[0])))
        assert [await result for result in chain] == [UNAVAILABLE] * 2
    assert store.known(ALICE) == FIRST
    assert await _commit(store, ALICE, FIRST, SECOND) is STORED
    assert store.known(ALICE) == SECOND


async def test_other_programs_can_read_while_the_store_is_open(
    store: SqliteStore, path: Path
) -> None:
    """The promise to integrators: what was settled can be queried."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is STORED
    other = sqlite3.connect(path)
    rows = other.execute("SELECT user, domain, feature, status FROM feature_state").fetchall()
    other.close()
    assert rows == [("alice", "example.com", "DoNotDisturb", 1)]


async def test_a_loaded_snapshot_does_not_run_ahead_of_settlement(store: SqliteStore) -> None:
    """Nobody is told a state that may still be lost."""
    assert store.known(ALICE) == NOTHING_STORED
    settled = _commit(store, ALICE, NOTHING_STORED, FIRST)
    while not settled.done():
        assert store.known(ALICE) == NOTHING_STORED
        await asyncio.sleep(0)
    assert store.known(ALICE) == FIRST


async def test_a_presentity_that_left_the_cache_is_read_from_the_file(path: Path) -> None:
    """The cache bounds memory, not the number of presentities."""
    store = SqliteStore(path, asyncio.get_running_loop(), cached=10)
    users = [Aor(f"user{number}", "example.com") for number in range(800)]
    results = [_commit(store, user, NOTHING_STORED, FIRST) for user in users]
    assert set(await asyncio.gather(*results)) == {STORED}
    assert len(store._cache) == 10
    assert all(store.known(user) == FIRST for user in users)
    assert len(store._cache) == 10
    store.close()


async def test_what_cannot_be_read_is_not_known_and_fetch_says_why(
    store: SqliteStore, path: Path
) -> None:
    """An empty answer would switch every feature of the presentity off."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("ALTER TABLE feature_state RENAME TO gone")
    assert store.known(BOB) is None
    error = await _fetched(store, BOB)
    other.execute("ALTER TABLE gone RENAME TO feature_state")
    other.close()
    assert error is not None
    assert error.code == "store_unavailable"
    assert store.known(BOB) == NOTHING_STORED
    assert store.counts["reads_failed"] == 2


async def test_a_name_that_no_text_can_hold_is_not_known(store: SqliteStore) -> None:
    """Names come from peers; they must not raise anything unexpected."""
    nobody = Aor("\ud800", "example.com")
    assert store.known(nobody) is None
    assert await _fetched(store, nobody) is not None


async def test_fetch_reads_what_others_have_changed(store: SqliteStore, path: Path) -> None:
    """An operator who repairs the file by hand; the cache knows nothing of it."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is STORED
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("UPDATE presentity SET revision = 7")
    other.close()
    assert await _commit(store, ALICE, FIRST, SECOND) is Verdict.CONFLICT
    assert await _fetched(store, ALICE, BOB) is None
    stored = store.known(ALICE)
    assert stored == FIRST._replace(revision=7)
    after = stored.replace(FEATURES[2], FIRST.states[0])
    assert await _commit(store, ALICE, stored, after) is STORED


async def test_fetch_waits_for_another_program(store: SqliteStore, path: Path) -> None:
    """Such as a shell with `PRAGMA locking_mode = EXCLUSIVE`."""
    asked: list[sqlite3.Connection] = []

    def locked(connection: sqlite3.Connection, presentity: Aor) -> Snapshot:
        asked.append(connection)
        if len(asked) == 1:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        return tables.read(connection, presentity)

    with pytest.MonkeyPatch.context() as another_program:
        another_program.setattr("dfks_rules.store.sqlite.read", locked)
        assert await _fetched(store, ALICE) is None
    assert len(asked) == 2


async def test_one_who_fails_on_being_told_does_not_keep_the_others_from_it(
    store: SqliteStore,
) -> None:
    """A bug in one use case must not lose the answers to other phones."""
    failures: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    bug = RuntimeError("a bug")

    def fail(*_: object) -> None:
        raise bug

    store.commit(wanted(ALICE, NOTHING_STORED, FIRST), fail)
    others = [
        _commit(store, Aor(f"user{number}", "example.com"), NOTHING_STORED, FIRST)
        for number in range(10)
    ]
    assert await asyncio.gather(*others) == [STORED] * 10
    assert failures == [bug]


async def test_a_commit_after_close_is_unavailable(store: SqliteStore) -> None:
    """It is settled, not lost."""
    store.close()
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) == UNAVAILABLE


def test_close_settles_also_when_the_loop_is_closed_already(path: Path) -> None:
    """Whatever the order in which a server is taken down."""
    loop = asyncio.new_event_loop()
    store = SqliteStore(path, loop, clock=lambda: 7.5)
    settled: list[tuple[object, ...]] = []
    store.commit(wanted(ALICE, NOTHING_STORED, FIRST), lambda *what: settled.append(what))
    loop.close()
    store.close()
    assert settled == [(STORED, None, 7.5)]


@pytest.mark.usefixtures("quick_looks")
async def test_after_a_sync_that_failed_the_file_says_what_holds_once_it_is_synced(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read earlier, a set of the same would change nothing and be answered, and could be lost."""

    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is STORED
    with monkeypatch.context() as broken_disk:
        broken_disk.setattr("dfks_rules.store.database.os.fdatasync", fail)
        assert await _commit(store, ALICE, FIRST, SECOND) == UNAVAILABLE
        monkeypatch.setattr("dfks_rules.store.sqlite.PATIENCE", 0.1)
        error = await _fetched(store, ALICE)
        assert error is not None
        assert "may lack" in error.message
        assert store.known(ALICE) is None
    await _until(store, readable=True)
    held = store.known(ALICE)
    assert held == SECOND
    after = held.replace(FEATURES[1], FIRST.states[0])
    assert await _commit(store, ALICE, held, after) is STORED
    assert store.known(ALICE) == after


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
    assert await asyncio.gather(*results) == [STORED] * 100
    assert len(waits) == 2


async def test_close_settles_what_is_under_way_and_what_was_asked_for_meanwhile(
    store: SqliteStore,
) -> None:
    """Every phone gets its answer before the server is gone."""
    first = _commit(store, ALICE, NOTHING_STORED, FIRST)
    await asyncio.sleep(0)
    second = _commit(store, ALICE, FIRST, SECOND)
    store.close()
    assert (first.result(), second.result()) == (STORED, STORED)


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits a second for the thread to look at the files."""
    monkeypatch.setattr(disk, "LOOK_EVERY", 0.01)


def _is_readable(store: SqliteStore) -> bool:
    return store.known(ALICE) is not None


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
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is STORED
    path.with_name(path.name + end).unlink()
    with capture_logs() as lines:
        assert await _commit(store, ALICE, FIRST, SECOND) == UNAVAILABLE
        assert store.known(ALICE) is None
        error = await _fetched(store, ALICE)
        assert error is not None
        assert "is gone" in error.message
        assert await _commit(store, BOB, NOTHING_STORED, FIRST) == UNAVAILABLE
    assert [line["event"] for line in lines] == ["store_lost"]


async def test_database_that_was_replaced_is_neither_read_nor_written(
    path: Path, store: SqliteStore, quick_looks: None
) -> None:
    """A backup that was copied over it is another file: only a restart serves from it."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is STORED
    before = _put_back_a_backup(path)
    await _until(store, readable=False)
    assert await _commit(store, ALICE, FIRST, SECOND) == UNAVAILABLE
    store.close()
    assert _content(path) == before


async def test_database_that_comes_back_is_served_from_again(
    path: Path, store: SqliteStore, quick_looks: None
) -> None:
    """Moved aside by mistake; what was told as failed is not there."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is STORED
    aside = path.with_name("aside.db")
    with capture_logs() as lines:
        _move(path, aside)
        await _until(store, readable=False)
        assert await _commit(store, ALICE, FIRST, SECOND) == UNAVAILABLE
        _move(aside, path)
        await _until(store, readable=True)
        assert store.known(ALICE) == FIRST
        assert await _commit(store, ALICE, FIRST, SECOND) is STORED
    assert [line["event"] for line in lines] == ["store_lost", "store_back"]


async def test_a_database_that_comes_back_is_read_anew(
    path: Path, store: SqliteStore, quick_looks: None
) -> None:
    """Whoever had it may have changed it."""
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is STORED
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("UPDATE presentity SET revision = 7")
    other.close()
    assert store.known(ALICE) == FIRST, "it is cached"
    aside = path.with_name("aside.db")
    _move(path, aside)
    await _until(store, readable=False)
    _move(aside, path)
    await _until(store, readable=True)
    assert store.known(ALICE) == FIRST._replace(revision=7)


async def test_what_rides_along_is_durable_or_costs_nobody_a_set(store: SqliteStore) -> None:
    """A webhook's cursor that cannot be written must not lose a phone's key."""
    told: list[StoreError | None] = []
    store.write_aside(lambda c: c.execute("UPDATE server SET secret = x'aa'").close(), told.append)
    store.write_aside(lambda c: c.execute("INSERT INTO nothing VALUES (1)").close(), told.append)
    assert await _commit(store, ALICE, NOTHING_STORED, FIRST) is STORED
    assert [error is None for error in told] == [True, False]
    assert "nothing" in str(told[1])
    secret = store.read_aside(lambda c: c.execute("SELECT secret FROM server").fetchone()[0])
    assert secret == b"\xaa"


async def test_whoever_waits_for_what_is_written_aside_is_told(store: SqliteStore) -> None:
    """That it is durable, or why it is not stored."""
    await store.written_aside(lambda c: c.execute("UPDATE server SET secret = x'aa'").close())
    secret = store.read_aside(lambda c: c.execute("SELECT secret FROM server").fetchone()[0])
    assert secret == b"\xaa"
    with pytest.raises(StoreError, match="nothing"):
        await store.written_aside(lambda c: c.execute("INSERT INTO nothing VALUES (1)").close())
