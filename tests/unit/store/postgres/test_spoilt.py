"""Rows that another program has spoilt, in a real PostgreSQL: they keep nobody from the others."""

import asyncio

import pytest
from structlog.testing import capture_logs

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.service.ports import Verdict
from dfks_rules.store.postgres.group import PATIENCE
from dfks_rules.store.postgres.ports import Changed
from dfks_rules.store.postgres.records import SpoiltError
from dfks_rules.store.postgres.store import PostgresStore
from tests.helpers.engines import Node, sets
from tests.helpers.joined import fetched
from tests.helpers.postgres import needs_postgres
from tests.helpers.stored import ALICE, BOB, DND, ON

pytestmark = needs_postgres

FIRST = NOTHING_STORED.replace(DND, ON)
SPOIL_STATES = "UPDATE dfks.presentity SET states = '{\"DoNotDisturb\": 7}' WHERE username = %s"
SPOIL_CHANGES = "UPDATE dfks.change SET before = '7' WHERE username = %s"


@pytest.fixture
async def node(node: Node) -> Node:
    """Alice's row, and then Bob's, are stored."""
    steps = [sets(user, NOTHING_STORED, FIRST) for user in (ALICE, BOB)]
    assert await node.verdicts(*steps) == [Verdict.STORED] * 2
    return node


@pytest.mark.parametrize("spoils", [SPOIL_STATES, SPOIL_CHANGES])
async def test_the_feed_passes_over_what_is_spoilt(node: Node, spoils: str) -> None:
    """Else no node would ever hear of a change again; operators are told whose it is."""
    node.database.run(spoils, ALICE.user)
    with capture_logs() as logs:
        page = await node.engine.feed(0, 10)
    assert [one.entry.presentity for one in page.told if isinstance(one, Changed)] == [BOB]
    assert page.last == 2
    [said] = logs
    assert (said["event"], said["rows"]) == ("store_rows_spoilt", 1)
    assert ALICE.uri in said["reason"]


async def test_the_journal_passes_over_what_is_spoilt(node: Node) -> None:
    """Also where that is a whole page: nothing would be its end."""
    node.database.run(SPOIL_CHANGES, ALICE.user)
    assert [one.presentity for one in await node.engine.journal(0, None, None, 1)] == [BOB]
    node.database.run(SPOIL_CHANGES, BOB.user)
    assert await node.engine.journal(0, None, None, 1) == []
    assert await node.engine.journal(None, None, None, 1) == []


async def test_the_journal_ends_where_the_older_ones_are_spoilt(node: Node) -> None:
    """Read from the newest to the oldest."""
    node.database.run(SPOIL_CHANGES, BOB.user)
    assert [one.presentity for one in await node.engine.journal(None, None, None, 1)] == [ALICE]


async def test_who_is_read_with_a_spoilt_user_is_read(node: Node) -> None:
    """Whoever asks for the spoilt one is told at once: no patience mends it."""
    node.database.run(SPOIL_STATES, ALICE.user)
    loop = asyncio.get_running_loop()
    store = PostgresStore(node.engine, await node.engine.join("reads", "1", 60.0), loop)
    began = loop.time()
    asked = [fetched(store, *users) for users in ((ALICE,), (BOB,), (BOB, ALICE), (BOB,))]
    found = await asyncio.gather(*asked)
    assert loop.time() - began < PATIENCE
    assert [error is None for error in found] == [False, True, False, True]
    assert isinstance(found[0], SpoiltError)
    assert ALICE.uri in found[0].message
    assert store.known(BOB) == FIRST._replace(revision=1)
    with pytest.raises(StoreError, match=ALICE.uri):
        await node.engine.page(None, 10, None)


async def test_a_dialog_that_ends_at_no_moment_has_ended(node: Node) -> None:
    """No arithmetic goes on with such a number."""
    row = node.row(1)
    await node.keep(row)
    node.database.run("UPDATE dfks.subscription SET deadline = 'NaN'")
    assert await node.rows_of(row) == [row._replace(deadline=0.0)]
