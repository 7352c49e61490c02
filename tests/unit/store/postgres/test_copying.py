"""What a file keeps, in a database that nodes share."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Deadline, Feature
from dfks_rules.operations.webhooks import Cursor, Writes
from dfks_rules.service.ports import DialogRow
from dfks_rules.store.life import Beat
from dfks_rules.store.postgres.copying import Counts, copy_store
from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.sqlite import SqliteStore
from dfks_rules.store.webhooks import WebhookTables as FileWebhooks
from tests.helpers.engines import EVERY, Nodes
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.stored import (
    ALICE,
    BOB,
    CFA,
    DND,
    OFF,
    ON,
    change_file,
    make_older,
    press,
    press_all,
    subscribe,
    to,
)
from tests.helpers.told import ONE, TWO, letter

pytestmark = needs_postgres
_PRESSED = [(ALICE, DND, ON), (BOB, CFA, to("201")), (ALICE, DND, OFF)]


def _clock(_beat: Beat | None) -> float:
    return time.time()


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A store with a past: three changes of two users, and 70 subscriptions."""
    path = tmp_path / "dfks.db"
    await press_all(path, _PRESSED)
    for number in range(1, 71):
        subscribe(path, number * 3)
    return path


async def _rows(engine: PostgresEngine, epoch: int) -> tuple[list[DialogRow], dict[int, int]]:
    """What a node takes over, and the terms of its cohorts."""
    claimed = {one.cohort: one.term for one in await engine.claim(epoch)}
    return await engine.rows(sorted(claimed), EVERY, 1_000), claimed


async def test_all_of_it_is_there_and_counted(file: Path, database: Database) -> None:
    """States with their revisions, the journal with its numbers, and dialogs."""
    copied = await copy_store(file, database.url, _clock)
    assert copied.source == copied.target == Counts(2, 2, 3, 70, 0)
    engine = PostgresEngine(database.url)
    [alice, bob] = await engine.fetch([ALICE, BOB])
    assert (alice.snapshot.revision, alice.snapshot.state(DND)) == (2, OFF)
    assert (bob.snapshot.revision, bob.snapshot.state(CFA)) == (1, to("201"))
    journal = await engine.journal(0, None, None, 9)
    assert [(one.seq, one.presentity, one.feature) for one in journal] == [
        (1, ALICE, Feature.DO_NOT_DISTURB),
        (2, BOB, Feature.CALL_FORWARDING_ALWAYS),
        (3, ALICE, Feature.DO_NOT_DISTURB),
    ]
    store = SqliteStore(file, asyncio.get_running_loop())
    kept = await store.journal.read(0, 9)
    assert [one._replace(at=0.0) for one in journal] == [one._replace(at=0.0) for one in kept]
    assert all(abs(one.at - other.at) < 1e-5 for one, other in zip(journal, kept, strict=True))
    store.close()
    await engine.close()


async def test_a_node_takes_over_in_the_dialogs_that_phones_have(
    file: Path, nodes: Nodes, database: Database
) -> None:
    """With the tag that is theirs, and a term one higher than the server's was."""
    store = SqliteStore(file, asyncio.get_running_loop())
    term, secret, before = store.term, store.secret, store.read(1 << 62, 1_000)
    store.close()
    await copy_store(file, database.url, _clock)
    engine = PostgresEngine(database.url)
    joined = await engine.join("node-1", "0.1.0", 60.0)
    assert joined.secret == secret
    rows, terms = await _rows(engine, joined.epoch)
    assert [one.tag for one in rows] == [one.tag for one in before]
    assert len(terms) == 64
    assert {one.base + terms[(one.row >> 32) * 64 + one.row % 64] for one in rows} == {
        before[0].base + term + 1
    }
    assert [(one.cseq, one.flags, one.first, one.last) for one in rows] == [
        (one.cseq, one.flags, one.first, one.last) for one in before
    ]
    await engine.close()


async def test_changes_go_on_after_those_of_the_file(
    file: Path, nodes: Nodes, database: Database
) -> None:
    """Whoever has read up to a number reads on; who has read less than there is, is told so."""
    change_file(file, "DELETE FROM change WHERE seq = 1; UPDATE presentity SET changed = 3")
    change_file(file, "UPDATE presentity SET changed = 2 WHERE user = 'bob'")
    change_file(file, "UPDATE change SET previous = 0")
    await copy_store(file, database.url, _clock)
    node = await nodes.join()
    assert (await node.engine.feed(0, 9)).is_gap
    page = await node.engine.feed(1, 9)
    assert (page.last, page.is_gap) == (3, False)
    assert [one.seq for one in await node.engine.journal(2, None, None, 9)] == [3]


async def test_how_the_server_has_ended_is_known(
    file: Path, nodes: Nodes, database: Database
) -> None:
    """Phones are told what they may have missed before it died."""
    change_file(file, "UPDATE server SET beat_at = 1e9, beat_boot = 1.0, is_clean = 0")
    ahead = 1_000.0
    await copy_store(file, database.url, lambda _beat: time.time() - ahead)
    node = await nodes.join()
    [*claimed] = await node.engine.claim(node.epoch)
    assert {one.is_clean for one in claimed} == {False}
    # By the clock of the database.
    assert abs(claimed[0].renewed - (1e9 + ahead)) < 60


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO dfks.presentity VALUES ('a', 'b', 1, '{}', now())",
        "INSERT INTO dfks.node (name, release) VALUES ('node-1', '0.1.0')",
    ],
)
async def test_a_database_that_is_used_is_left_alone(
    file: Path, database: Database, statement: str
) -> None:
    """Or somebody copies twice, and loses what was set in between."""
    database.run(statement)
    with pytest.raises(StoreError) as raised:
        await copy_store(file, database.url, _clock)
    assert raised.value.code == "store_not_empty"
    # Nothing is wrong with the file.
    assert raised.value.message.startswith(("1 node uses the database", "the database has 1 user "))
    assert database.run("SELECT count(*) FROM dfks.change") == [(0,)]


async def test_a_second_copy_is_refused(file: Path, database: Database) -> None:
    """It says what is there."""
    await copy_store(file, database.url, _clock)
    with pytest.raises(StoreError, match="2 users, 2 features, 3 changes, 70 subscriptions"):
        await copy_store(file, database.url, _clock)
    assert database.run("SELECT count(*) FROM dfks.subscription") == [(70,)]


async def test_a_file_that_a_server_uses_is_not_copied(file: Path, database: Database) -> None:
    """What it stored afterwards would be lost."""
    store = SqliteStore(file, asyncio.get_running_loop())
    with pytest.raises(StoreError) as raised:
        await copy_store(file, database.url, _clock)
    assert raised.value.code == "store_in_use"
    await press(store, ALICE, DND, ON)
    store.close()


async def test_what_fails_half_way_leaves_nothing(file: Path, database: Database) -> None:
    """All of it, or nothing."""
    database.run("ALTER TABLE dfks.subscription ADD CHECK (number % 64 <> 9)")
    with pytest.raises(StoreError) as raised:
        await copy_store(file, database.url, _clock)
    assert raised.value.code == "store_unavailable"
    assert database.run("SELECT count(*) FROM dfks.presentity") == [(0,)]
    assert database.run("SELECT count(*) FROM dfks.node") == [(0,)]


@pytest.mark.parametrize("schema", ["none", "old file"])
async def test_both_have_to_be_of_this_release(file: Path, database: Database, schema: str) -> None:
    """`dfks store migrate` brings them there."""
    if schema == "none":
        database.run("DROP SCHEMA dfks CASCADE")
    else:
        make_older(file)
    with pytest.raises(StoreError) as raised:
        await copy_store(file, database.url, _clock)
    assert raised.value.code == "store_older_version"


async def test_a_store_that_is_not_sound_is_not_copied(file: Path, database: Database) -> None:
    """A mistake would be harder to find there."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE presentity SET revision = 9 WHERE user = 'alice'")
        connection.commit()
    with pytest.raises(StoreError) as raised:
        await copy_store(file, database.url, _clock)
    assert raised.value.code == "store_unsound"


async def test_a_store_that_no_server_has_used_is_copied(
    tmp_path: Path, database: Database
) -> None:
    """There is nothing to take over, and nothing to count."""
    file = tmp_path / "dfks.db"
    await press_all(file, [])
    copied = await copy_store(file, database.url, _clock)
    assert copied.target == Counts(0, 0, 0, 0, 0)


async def test_webhooks_go_on_where_they_were(file: Path, nodes: Nodes, database: Database) -> None:
    """With their secrets and dead letters: their receivers notice nothing."""
    store = SqliteStore(file, asyncio.get_running_loop())
    told: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()
    cursors = [Cursor("wh_1", 0, 2, 1, 5.5), Cursor("wh_2", 7, 3)]
    letters = [letter(1), letter(2, of_all=True)]
    writes = Writes([ONE, TWO], cursors=cursors, dead=letters)
    FileWebhooks(store).write(writes, told.set_result)
    assert await told is None
    store.close()
    copied = await copy_store(file, database.url, _clock)
    assert copied.target.webhooks == 2
    node = await nodes.join()
    tables = node.engine.webhooks(node.epoch)
    await tables.load()
    assert tables.endpoints() == [TWO, ONE]
    assert sorted(tables.cursors()) == cursors
    assert await tables.dead("wh_1", 99, 10) == letters[::-1]


async def test_deadlines_go_with_the_states(file: Path, database: Database) -> None:
    """What expires in the file does so in the database."""
    change_file(
        file,
        "UPDATE feature_state SET expires = 1800000000, expires_by = 'p/r' WHERE user = 'bob'",
    )
    await copy_store(file, database.url, _clock)
    engine = PostgresEngine(database.url)
    [alice, bob] = await engine.fetch([ALICE, BOB])
    assert alice.snapshot.deadlines == ()
    assert bob.snapshot.deadlines == (Deadline(CFA, 1_800_000_000, "p/r"),)
    assert await engine.next() == 1_800_000_000
    assert await engine.due(1_800_000_000, 9) == [BOB]
    await engine.close()
