"""A backup in place of a store."""

import asyncio
import fcntl
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, Deadline
from dfks_rules.model.identity import Aor
from dfks_rules.store.backup import back_up
from dfks_rules.store.check import check_store
from dfks_rules.store.migrations import MIGRATIONS
from dfks_rules.store.reader import open_journal
from dfks_rules.store.restore import _TAKEN_OVER, ACTOR, LEAP, migrate_store, restore_store
from dfks_rules.store.sqlite import SqliteStore
from dfks_rules.store.states import stored_states
from tests.helpers.stored import (
    ALICE,
    BOB,
    CFA,
    DND,
    OFF,
    ON,
    ask,
    change_file,
    fill,
    full_disk,
    make_newer,
    make_older,
    press,
    press_all,
    spoil,
    spoil_schema,
    subscribe,
    to,
)

CAROL = Aor("carol", "example.com")
NOW = 4_000_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store that has changed since its backup."""
    path = tmp_path / "store" / "dfks.db"
    fill(path, (ALICE, DND, ON), (BOB, CFA, to("201")))
    back_up(path, tmp_path / "backup.db", replace=False)
    fill(path, (ALICE, DND, OFF), (CAROL, DND, ON), (BOB, CFA, OFF), (BOB, CFA, to("201")))
    subscribe(path, 7)
    return path


@pytest.fixture
def backup(path: Path, tmp_path: Path) -> Path:
    """What was stored before."""
    return tmp_path / "backup.db"


def _states(path: Path) -> dict[Aor, object]:
    return {aor: snapshot.states for aor, snapshot in stored_states(path)}


def _term(path: Path) -> int:
    [(term,)] = ask(path, "SELECT term FROM server")
    assert isinstance(term, int)
    return term


def _problems(path: Path) -> list[str]:
    return check_store(path, lambda head: None)[1]


def test_what_the_backup_says_holds_again(path: Path, backup: Path) -> None:
    """Who was stored later has nothing stored; whose states are the same again is not touched."""
    revisions = {aor: snapshot.revision for aor, snapshot in stored_states(path)}
    restored = restore_store(backup, path, owed=1)
    states = _states(path)
    assert states.pop(CAROL) == NOTHING_STORED.states
    assert states == _states(backup)
    assert restored.changed == 2
    now = {aor: snapshot.revision for aor, snapshot in stored_states(path)}
    assert now == {ALICE: revisions[ALICE] + 1, CAROL: revisions[CAROL] + 1, BOB: revisions[BOB]}
    assert _problems(path) == []


async def test_what_it_changes_is_in_the_journal(path: Path, backup: Path) -> None:
    """Nothing changes without a row; and numbers go on, so that readers miss nothing."""
    [(newest,)] = ask(path, "SELECT max(seq) FROM change")
    assert newest == 6
    restore_store(backup, path, owed=1, now=NOW)
    with open_journal(path) as journal:
        made = await journal.read(newest, 9)
        assert [entry.seq for entry in await journal.of(ALICE, 9)] == [made[0].seq, 3, 1]
    assert [(entry.presentity, entry.before, entry.after) for entry in made] == [
        (ALICE, OFF, ON),
        (CAROL, ON, OFF),
    ]
    assert {(entry.actor, entry.origin.value, entry.at) for entry in made} == {
        (ACTOR, "operator", NOW)
    }


def test_subscriptions_go_on_with_a_higher_term(path: Path, backup: Path) -> None:
    """Phones that have subscribed since the backup are told, and no CSeq is used twice."""
    assert ask(backup, "SELECT row FROM subscription") == []
    before = _term(path)
    assert before > _term(backup)
    restore_store(backup, path, owed=1)
    assert ask(path, "SELECT row, flags FROM subscription") == [(7, 0)]
    assert _term(path) > before
    # Phones are told what has changed only after a stop that was not clean.
    assert ask(path, "SELECT is_clean FROM server") == [(0,)]


async def test_a_server_goes_on_with_it(path: Path, backup: Path) -> None:
    """It is a store as any other."""
    await asyncio.to_thread(restore_store, backup, path, owed=1)
    store = SqliteStore(path, asyncio.get_running_loop())
    try:
        await press(store, ALICE, DND, OFF)
    finally:
        store.close()
    assert _problems(path) == []


def test_the_store_before_is_kept_whole(path: Path, backup: Path) -> None:
    """It may turn out to be the better one."""
    before = _states(path)
    restored = restore_store(backup, path, owed=1, now=NOW)
    assert restored.kept == path.with_name("dfks.db.before-20961002T070640Z")
    assert _states(restored.kept) == before
    assert _problems(restored.kept) == []


@pytest.mark.parametrize("ends", [("-wal",), ("-wal", "-shm")])
def test_a_log_that_was_left_is_not_applied_to_the_backup(
    path: Path, backup: Path, ends: tuple[str, ...]
) -> None:
    """SQLite replays it into whatever lies beside it."""
    writer = sqlite3.connect(path)
    writer.execute("UPDATE feature_state SET changed_at = 'later'")
    writer.commit()
    kept = {end: path.with_name(path.name + end).read_bytes() for end in ends}
    content = path.read_bytes()
    writer.close()
    # The server was killed: its log is there.
    path.write_bytes(content)
    for end, data in kept.items():
        path.with_name(path.name + end).write_bytes(data)
    restored = restore_store(backup, path, owed=1)
    assert restored.kept is not None
    assert set(os.listdir(path.parent)) == {"dfks.db", "dfks.db.lock", restored.kept.name}
    assert ask(restored.kept, "SELECT DISTINCT changed_at FROM feature_state") == [("later",)]
    assert _problems(path) == []


def test_a_running_server_is_not_replaced(path: Path, backup: Path) -> None:
    """It would go on writing to a file that nobody finds."""
    content = path.read_bytes()
    with path.with_name("dfks.db.lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for change in (lambda: restore_store(backup, path, owed=1), lambda: migrate_store(path)):
            with pytest.raises(StoreError, match="stop the server first") as raised:
                change()
            assert raised.value.code == "store_in_use"
    assert path.read_bytes() == content
    assert [file for file in os.listdir(path.parent) if "part" in file or "before" in file] == []


def test_another_program_that_reads_is_waited_for_and_then_told(path: Path, backup: Path) -> None:
    """What it holds in the log would be missing in the store that is kept."""
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM presentity").fetchall()
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("UPDATE feature_state SET changed_at = 'later'")
    with pytest.raises(StoreError, match="another program is reading it") as raised:
        restore_store(backup, path, owed=1)
    assert raised.value.code == "store_in_use"
    writer.close()
    reader.close()
    assert restore_store(backup, path, owed=1).changed == 2


def _cut(backup: Path) -> None:
    backup.write_bytes(backup.read_bytes()[:-4096])


def _contradict(backup: Path) -> None:
    change_file(backup, "UPDATE presentity SET revision = 9")


def _empty(backup: Path) -> None:
    backup.write_bytes(b"")


def _text(backup: Path) -> None:
    backup.write_text("-- a dump\n" * 100)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (_cut, "store_unavailable"),
        (_contradict, "store_unsound"),
        (_empty, "store_not_a_database"),
        (_text, "store_not_a_database"),
        (Path.unlink, "store_unavailable"),
    ],
)
def test_a_backup_that_is_not_whole_is_refused(
    path: Path, backup: Path, damage: object, code: str
) -> None:
    """The store stays as it is."""
    before = path.read_bytes()
    damage(backup)  # type: ignore[operator]
    with pytest.raises(StoreError) as raised:
        restore_store(backup, path, owed=1)
    assert raised.value.code == code
    assert path.read_bytes() == before
    assert set(os.listdir(path.parent)) <= {"dfks.db", "dfks.db.lock"}


_HANGING = (
    "WITH RECURSIVE n(version) AS (SELECT 1 UNION ALL SELECT version + 1 FROM n)"
    " SELECT max(version) AS version, 1 AS release FROM n"
)


@pytest.mark.parametrize(
    "harm",
    [
        f"CREATE TRIGGER t AFTER UPDATE ON server BEGIN INSERT INTO server (term) {_HANGING}; END",
        f"ALTER TABLE presentity RENAME TO p; CREATE VIEW presentity AS {_HANGING}",
        f"ALTER TABLE presentity RENAME TO p; CREATE VIEW presentity AS {_HANGING};"
        "PRAGMA user_version = 99",
        f"DROP TABLE migration; CREATE VIEW migration AS {_HANGING}; PRAGMA user_version = 99",
        "PRAGMA user_version = -1",
        "PRAGMA user_version = -5",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = 2",
        "UPDATE change SET before = CAST(zeroblob(300000000) AS TEXT)",
    ],
)
def test_a_file_that_would_do_harm_is_refused(path: Path, backup: Path, harm: str) -> None:
    """A backup may come from anywhere; it must neither act, nor hang, nor fill the memory."""
    before = _states(path)
    change_file(backup, harm)
    with pytest.raises(StoreError):
        restore_store(backup, path, owed=1)
    assert _states(path) == before


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_refused(
    path: Path, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    """A pipe has no end that could be waited for."""
    make(tmp_path / "x.db")
    with pytest.raises(StoreError, match="not a file"):
        restore_store(tmp_path / "x.db", path, owed=1)


@pytest.mark.parametrize("name", ["dfks.db.part", "dfks.db.lock"])
def test_links_in_the_folder_of_the_store_are_not_followed(
    path: Path, backup: Path, name: str
) -> None:
    """Root restores for a server that may be in the hands of others: their files alone change."""
    precious = path.with_name("precious")
    precious.write_text("mine")
    path.with_name(name).unlink(missing_ok=True)
    path.with_name(name).symlink_to(precious)
    with pytest.raises(StoreError, match="symbolic"):
        restore_store(backup, path, owed=1)
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("term", ["'x'", "1 << 40", "-1", "x'00'", "NULL"])
def test_a_store_whose_row_is_spoilt_is_replaced_all_the_same(
    path: Path, backup: Path, term: str
) -> None:
    """That is what the backup is for."""
    change_file(
        path,
        "CREATE TABLE s AS SELECT * FROM server; DROP TABLE server;"  # noqa: S608
        f"ALTER TABLE s RENAME TO server; UPDATE server SET term = {term}",
    )
    assert restore_store(backup, path, owed=1).changed is None
    assert _problems(path) == []


def test_a_backup_of_a_newer_release_is_refused(path: Path, backup: Path) -> None:
    """And the message says which release it needs."""
    make_newer(backup)
    with pytest.raises(StoreError, match=r"use dfks-rules 7\.1\.0 or newer") as raised:
        restore_store(backup, path, owed=1)
    assert raised.value.code == "store_newer_version"


def test_a_store_that_is_not_sound_is_replaced_all_the_same(path: Path, backup: Path) -> None:
    """That is what backups are for. Its term is passed by, if it can be read or not."""
    damaged = spoil(path, "feature_state", "change")
    term = _term(backup)
    restored = restore_store(backup, path, owed=1)
    assert restored.changed is None
    assert _states(path) == _states(backup)
    assert _term(path) > term + LEAP
    assert restored.kept is not None
    assert restored.kept.read_bytes() == damaged


def test_a_store_whose_schema_is_spoilt_is_replaced_all_the_same(path: Path, backup: Path) -> None:
    """SQLite quotes what it finds there, and that may be no text."""
    spoil_schema(path)
    assert restore_store(backup, path, owed=1).changed is None
    assert _states(path) == _states(backup)


def test_a_backup_of_another_store_replaces_all_of_it(path: Path, tmp_path: Path) -> None:
    """As on a new machine where a server has run once already."""
    other = tmp_path / "other.db"
    fill(other, (CAROL, CFA, to("301")))
    subscribe(other, 3)
    back_up(other, tmp_path / "other-backup.db", replace=False)
    term = _term(path)
    restored = restore_store(tmp_path / "other-backup.db", path, owed=1)
    assert restored.changed is None
    assert _states(path) == _states(other)
    # What its phones show now is unknown: they are told.
    assert ask(path, "SELECT row, flags FROM subscription") == [(3, 1)]
    assert _term(path) > term


def test_where_there_is_no_store_the_backup_becomes_one(backup: Path, tmp_path: Path) -> None:
    """The disk is new."""
    target = tmp_path / "new.db"
    restored = restore_store(backup, target, owed=1)
    assert (restored.kept, restored.changed) == (None, None)
    assert _states(target) == _states(backup)
    assert target.stat().st_mode & 0o777 == 0o600
    # The store that is lost was started again and again, and its phones remember their CSeqs.
    assert _term(target) > _term(backup) + LEAP


async def test_a_newer_backup_is_restored_where_an_older_one_was_by_mistake(
    path: Path, backup: Path, tmp_path: Path
) -> None:
    """The journal that goes on then knows nothing of users and changes between the two."""
    newer = tmp_path / "newer.db"
    back_up(path, newer, replace=False)
    target = tmp_path / "new.db"
    restore_store(backup, target, owed=1)
    pressed = [(ALICE, DND, OFF), (ALICE, DND, ON)] * 2
    await press_all(target, pressed)
    restored = restore_store(newer, target, owed=1)
    assert restored.changed == 2
    assert _states(target) == _states(newer)
    assert _problems(target) == []
    with open_journal(target) as journal:
        assert [entry.after for entry in await journal.of(CAROL, 9)] == [ON]


def test_a_link_to_the_store_stays_a_link(path: Path, backup: Path, tmp_path: Path) -> None:
    """As the server, which opens what it leads to."""
    link = tmp_path / "link.db"
    link.symlink_to(path)
    restore_store(backup, link, owed=1)
    assert link.is_symlink()
    assert _states(path)[ALICE] == _states(backup)[ALICE]


def test_the_store_is_not_its_own_backup(path: Path) -> None:
    """It would be kept, and gone."""
    with pytest.raises(StoreError, match="is the store itself"):
        restore_store(path, path, owed=1)


def test_an_older_backup_is_brought_up_to_date(path: Path, backup: Path) -> None:
    """Of before an upgrade; the file itself is only read."""
    make_older(backup)
    content = backup.read_bytes()
    restored = restore_store(backup, path, owed=1)
    assert restored.contents.version == len(MIGRATIONS)
    assert {**_states(path)} == {ALICE: _states(path)[ALICE], BOB: _states(path)[BOB]}
    assert backup.read_bytes() == content


@pytest.mark.parametrize("more", [-8_192, 12_288])
def test_a_full_disk_leaves_the_store_as_it_is(path: Path, backup: Path, more: int) -> None:
    """While the backup is copied, and while the journal of the store before is."""
    fill(path, *((BOB, CFA, to(f"{number:0500}")) for number in range(100)))
    before, files = _states(path), {*os.listdir(path.parent)}
    size = backup.stat().st_size + more
    with full_disk(size), pytest.raises(StoreError, match="cannot write") as raised:
        restore_store(backup, path, owed=1)
    assert raised.value.code == "store_unavailable"
    assert _states(path) == before
    assert {*os.listdir(path.parent)} - files <= {"dfks.db-wal", "dfks.db-shm"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_root_may_restore_for_the_user_of_the_server(path: Path, backup: Path) -> None:
    """The server could not open a file of root with mode 0600."""
    path.with_name("dfks.db.lock").unlink()
    for file in (path, path.parent):
        os.chown(file, 12_345, 12_345)
    restore_store(backup, path, owed=1)
    owners = {file.stat().st_uid for file in path.parent.iterdir()}
    assert owners == {12_345}


def test_killed_at_any_moment_it_leaves_one_of_the_two(path: Path, backup: Path) -> None:
    """Never none, and never half of one."""
    code = (
        "import sys; from pathlib import Path; from dfks_rules.store import restore\n"
        "print('go', flush=True)\n"
        "restore.restore_store(Path(sys.argv[1]), Path(sys.argv[2]), owed=1)"
    )
    for wait in (0.0, 0.003, 0.006, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.5):
        change_file(path, "UPDATE feature_state SET changed_at = ''")
        command = [sys.executable, "-c", code, str(backup), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                process.wait(wait)
            except subprocess.TimeoutExpired:
                process.kill()
        assert _problems(path) == []
    assert restore_store(backup, path, owed=1).changed is not None


def test_migrate_brings_a_store_to_the_version_of_this_release(path: Path) -> None:
    """And says from which one."""
    make_older(path)
    assert migrate_store(path) == 2
    assert migrate_store(path) == len(MIGRATIONS)
    assert len(_states(path)) == 3


def test_migrate_makes_no_store(tmp_path: Path) -> None:
    """A typing error in the settings."""
    with pytest.raises(StoreError) as raised:
        migrate_store(tmp_path / "none.db")
    assert raised.value.code == "store_unavailable"
    assert os.listdir(tmp_path) == []


def test_webhooks_go_on_where_they_are(path: Path, backup: Path) -> None:
    """Otherwise they would be told again of everything since the backup, or not at all."""
    rows = (
        "INSERT INTO webhook_endpoint VALUES"
        " ('wh_1', 'https://a.example/', 'whsec_', NULL, 0, '[]', NULL, 0, NULL, 'ops', 0);"
        "INSERT INTO webhook_cursor VALUES ('wh_1', 0, 7, 2, 35.0);"
        "INSERT INTO webhook_dead VALUES"
        " (5, 'wh_1', 'abc-5', 'x.v1', NULL, NULL, 0, 28, '500', x'7b7d');"
    )
    change_file(path, rows)
    restore_store(backup, path, owed=1)
    assert ask(path, "SELECT id FROM webhook_endpoint") == [("wh_1",)]
    assert ask(path, "SELECT * FROM webhook_cursor") == [("wh_1", 0, 7, 2, 35.0)]
    assert ask(path, "SELECT number FROM webhook_dead") == [(5,)]


_IMPORT = "INSERT INTO import_job VALUES ({}, 'csv', 0, 'hr', NULL, 9, '', 7.0, {}, '')".format

_REFUSAL = "INSERT INTO import_refusal VALUES ('before', 1, 0, 's', 'f', 'r', '', '', '')"


@pytest.mark.parametrize("is_same", [True, False])
def test_no_import_goes_on(path: Path, backup: Path, tmp_path: Path, is_same: bool) -> None:
    """It may be why the backup is restored, and would overwrite it again."""
    if not is_same:
        path = tmp_path / "other.db"
        fill(path, (CAROL, DND, ON))
    under_way = "'{}', 5, 1, 1, 0, 0, 0, NULL"
    change_file(backup, _IMPORT("'then'", under_way.format("running")))
    change_file(path, _IMPORT("'now'", under_way.format("waiting")))
    change_file(path, _IMPORT("'before'", "'done', 9, 2, 2, 0, 0, 0, 8.0"))
    change_file(path, _REFUSAL)
    restore_store(backup, path, owed=1, now=NOW)
    found = ask(path, "SELECT id, status, ended_at FROM import_job ORDER BY id")
    if is_same:
        assert found == [("before", "done", 8.0), ("now", "cancelled", NOW)]
        assert ask(path, "SELECT job FROM import_refusal") == [("before",)]
    else:
        assert found == [("then", "cancelled", NOW)]


def test_nothing_is_forgotten_that_a_release_adds(path: Path) -> None:
    """Whoever adds a table says here what a restore does with it."""
    of_the_backup = {"presentity", "feature_state", "answer", "migration"}
    tables = {name for (name,) in ask(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables - {"sqlite_sequence"} == of_the_backup | set(_TAKEN_OVER)


def test_deadlines_are_those_of_the_backup(path: Path, backup: Path) -> None:
    """They belong to the states: what is overdue then is switched off when a server starts."""
    new = "SET expires = 1900000000, expires_by = 'p/new' WHERE user = 'bob'"
    old = "SET expires = 1800000000, expires_by = 'p/old' WHERE user = 'bob'"
    for file, change in ((path, new), (backup, old)):
        change_file(file, f"UPDATE feature_state {change}")
    restore_store(backup, path, owed=1)
    [bob] = [snapshot for aor, snapshot in stored_states(path) if aor == BOB]
    assert bob.deadlines == (Deadline(CFA, 1_800_000_000, "p/old"),)
    assert _problems(path) == []


def test_a_deadline_that_is_none_is_found(path: Path) -> None:
    """Another program wrote it."""
    change_file(path, "UPDATE feature_state SET expires = 'noon', expires_by = 'p/r'")
    assert any("`expires` is not a moment" in one for one in _problems(path))
