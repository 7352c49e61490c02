"""The tables of webhooks that nodes share."""

import asyncio

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.operations.webhooks import MOST_DEAD, Cursor, Writes
from dfks_rules.store.postgres.webhooks import WebhookTables
from tests.helpers.engines import Nodes
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.told import ONE, TWO, letter

pytestmark = needs_postgres


async def _write(tables: WebhookTables, writes: Writes) -> StoreError | None:
    told: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()
    tables.write(writes, told.set_result)
    return await told


async def test_another_node_finds_what_one_has_written(nodes: Nodes) -> None:
    """All of it, in order."""
    one, other = await nodes.join(), await nodes.join()
    cursors = [Cursor("wh_1", 0, 7, 2, 35.5), Cursor("wh_2", 7, 9)]
    letters = [letter(1), letter(2, of_all=True)]
    writes = Writes([ONE, TWO], cursors=cursors, dead=letters)
    assert await _write(one.engine.shared(one.epoch).webhooks, writes) is None
    tables = other.engine.shared(other.epoch).webhooks
    await tables.load()
    assert tables.endpoints() == [TWO, ONE]
    assert sorted(tables.cursors()) == cursors
    assert await tables.dead("wh_1", 99, 10) == letters[::-1]
    assert await tables.dead("wh_1", 2, 10) == letters[:1]
    assert tables.dead_counts() == {"wh_1": 2}
    assert tables.last_dead() == 2


async def test_nothing_is_there_before_the_first_webhook(nodes: Nodes) -> None:
    """As in a file."""
    one = await nodes.join()
    tables = one.engine.shared(one.epoch).webhooks
    await tables.load()
    assert (tables.endpoints(), tables.cursors(), tables.dead_counts()) == ([], [], {})
    assert tables.last_dead() == 0


async def test_what_is_written_again_replaces_and_what_is_removed_is_gone(
    nodes: Nodes, database: Database
) -> None:
    """With all that is an endpoint's."""
    one = await nodes.join()
    tables = one.engine.shared(one.epoch).webhooks
    cursors = [Cursor("wh_1", 0, 7), Cursor("wh_2", 0, 7)]
    letters = [letter(1), letter(2), letter(3, "wh_2")]
    await _write(tables, Writes([ONE, TWO], cursors=cursors, dead=letters))
    changed = ONE._replace(off="off")
    await _write(tables, Writes([changed], cursors=[Cursor("wh_1", 0, 8)], buried=[1]))
    await _write(tables, Writes(removed=["wh_2"]))
    await tables.load()
    assert tables.endpoints() == [changed]
    assert tables.cursors() == [Cursor("wh_1", 0, 8)]
    assert tables.dead_counts() == {"wh_1": 1}


async def test_the_oldest_dead_letters_go(nodes: Nodes) -> None:
    """Those of the same endpoint."""
    one = await nodes.join()
    tables = one.engine.shared(one.epoch).webhooks
    await _write(tables, Writes(dead=[letter(1, "wh_2")]))
    await _write(tables, Writes(dead=[letter(number) for number in range(2, MOST_DEAD + 5)]))
    await tables.load()
    assert tables.dead_counts() == {"wh_1": MOST_DEAD, "wh_2": 1}
    assert (await tables.dead("wh_1", 1 << 62, 5_000))[-1].number == 5


async def test_who_was_buried_writes_nothing(nodes: Nodes) -> None:
    """Another node tells from where he has come."""
    one, other = await nodes.join(), await nodes.join()
    tables = one.engine.shared(one.epoch).webhooks
    await _write(tables, Writes(cursors=[Cursor("wh_1", 0, 7)]))
    await other.engine.leave(one.epoch, is_clean=False)
    error = await _write(tables, Writes(cursors=[Cursor("wh_1", 0, 3)]))
    assert error is not None
    assert error.code == "store_fenced"
    await tables.load()
    assert tables.cursors() == [Cursor("wh_1", 0, 7)]


async def test_writes_are_stored_in_their_order_and_waited_for(nodes: Nodes) -> None:
    """Or a cursor would go back."""
    one = await nodes.join()
    tables = one.engine.shared(one.epoch).webhooks
    for seq in range(20):
        tables.write(Writes(cursors=[Cursor("wh_1", 0, seq)]), lambda _error: None)
    await tables.written()
    await tables.load()
    assert tables.cursors() == [Cursor("wh_1", 0, 19)]


async def test_a_database_that_is_away_is_told(nodes: Nodes, database: Database) -> None:
    """What could not be written is written later."""
    one = await nodes.join()
    tables = one.engine.shared(one.epoch).webhooks
    database.run("ALTER TABLE dfks.webhook_cursor RENAME TO away")
    error = await _write(tables, Writes(cursors=[Cursor("wh_1", 0, 7)]))
    assert error is not None
    assert error.code == "store_unavailable"
    with pytest.raises(StoreError):
        await tables.load()
