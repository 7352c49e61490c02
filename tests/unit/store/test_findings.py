"""What is wrong with rows, found in portions; each kind of damage is in test_check.py."""

import asyncio
import sqlite3
import threading
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.model.identity import Aor
from dfks_rules.store import findings
from dfks_rules.store.check import check_store, find_problems
from dfks_rules.store.reader import open_to_read
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.states import forwarding
from tests.helpers.stored import ALICE, BOB, CFA, DND, OFF, ON, change_file, fill, subscribe, to
from tests.helpers.wanted import commit, outcome, wanted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a past."""
    path = tmp_path / "dfks.db"
    presses = [(who, CFA, to(f"20{n}")) for n in range(6) for who in (ALICE, BOB)]
    fill(path, (ALICE, DND, ON), *presses, (ALICE, DND, OFF))
    for number in (1, 2, 3):
        subscribe(path, number)
    return path


@pytest.fixture
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "PAGE", 2)
    monkeypatch.setattr(findings, "PRESENTITIES", 1)


def _insert_people(path: Path, people: int) -> None:
    """Each has a state, and the change that made it."""
    change_file(
        path,
        f"""
        CREATE TEMP TABLE person AS WITH RECURSIVE n(n) AS (
            SELECT 100 UNION ALL SELECT n + 1 FROM n WHERE n < 99 + {people}) SELECT n FROM n;
        INSERT INTO presentity SELECT 'u' || n, 'd.example', 1, n FROM person;
        INSERT INTO feature_state (user, domain, feature, status, feature_values, changed_at)
        SELECT 'u' || n, 'd.example', 'DoNotDisturb', 1, '{{}}', '' FROM person;
        INSERT INTO change SELECT n, 5.0, 'u' || n, 'd.example', 1, 'DoNotDisturb',
            '{{"status": false, "values": {{}}}}', '{{"status": true, "values": {{}}}}', 'watcher',
            '', '', '', 0, 5.0 FROM person;""",  # noqa: S608
    )


@pytest.mark.usefixtures("_small_portions")
def test_portions_find_what_one_look_would(path: Path) -> None:
    """Whatever lies between them."""
    assert check_store(path, bytes)[1] == []
    change_file(path, "UPDATE feature_state SET status = 1 WHERE user = 'alice'")
    # The switch that was changed first is found behind the others.
    [problem] = check_store(path, bytes)[1]
    assert (
        problem == "sip:alice@example.com: DoNotDisturb is not as change 14 of the journal left it"
    )


@pytest.mark.usefixtures("_small_portions")
@pytest.mark.parametrize("previous", [4, 6, 13, 99])
def test_a_link_that_does_not_lead_back_is_told_and_not_followed(path: Path, previous: int) -> None:
    """A cycle would be walked for ever."""
    change_file(path, f"UPDATE change SET previous = {previous} WHERE seq = 4")  # noqa: S608
    assert any(
        "change 4 of the journal does not continue" in p for p in check_store(path, bytes)[1]
    )


@pytest.mark.usefixtures("_small_portions")
def test_a_server_can_begin_its_log_anew_while_its_store_is_checked(path: Path) -> None:
    """The log of a busy server would fill the disk meanwhile."""
    busy: list[int] = []
    change_file(path, "UPDATE presentity SET revision = revision + 1")
    with (
        closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as server,
        open_to_read(path) as connection,
    ):
        for _ in find_problems(connection, bytes):
            server.execute("UPDATE server SET is_clean = 1 - is_clean")
            busy.append(server.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
    assert busy == [0, 0]


def test_memory_does_not_grow_with_the_store(path: Path, tmp_path: Path) -> None:
    """A small machine checks a large store."""
    peaks = []
    for number, people in enumerate((2_000, 12_000)):
        store = tmp_path / f"{number}.db"
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(store)) as target:
            source.backup(target)
        _insert_people(store, people)
        tracemalloc.start()
        assert check_store(store, bytes)[1] == []
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.usefixtures("_small_portions")
def test_nothing_wrong_is_found_while_a_server_writes_and_purges(path: Path) -> None:
    """An alarm that is none is worse than none."""
    people = [Aor(f"u{number}", "d.example") for number in range(20)]

    async def serve() -> None:
        store = SqliteStore(path, asyncio.get_running_loop(), keep_changes=0.02)
        held = dict.fromkeys(people, NOTHING_STORED)
        for number in range(100):
            commits = []
            for person in people[number % 3 :: 3]:
                after = held[person].replace(CFA, forwarding(True, str(number)))
                commits.append(commit(store, wanted(person, held[person], after)))
                held[person] = after
            for one in commits:
                await outcome(one)
        store.close()

    server = threading.Thread(target=lambda: asyncio.run(serve()))
    found: list[list[str]] = []
    with pytest.MonkeyPatch.context() as always:
        always.setattr("dfks_rules.store.commit.PURGE_EVERY", 0.0)
        server.start()
        while server.is_alive():
            found.append(check_store(path, bytes)[1])
        server.join()
    assert found
    assert not any(found)
