"""Events that are in no journal, in the engine."""

import asyncio

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.operations.events import FEATURE_REFUSED, POLICIES_CHANGED, Event
from dfks_rules.operations.webhooks import Cursor, KeptEvent, Writes
from dfks_rules.store.postgres.events import EventTable
from tests.helpers.engines import Node, Nodes, sets
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.stored import ALICE, DND, ON
from tests.helpers.told import ONE, TWO

pytestmark = needs_postgres


def _event(number: int, type_: str = FEATURE_REFUSED) -> KeptEvent:
    presentity = None if type_ == POLICIES_CHANGED else ALICE
    return KeptEvent(Event(type_, 0, presentity, {"n": number, "said": "\0"}), f"e{number}", 7.5)


def _events(node: Node) -> EventTable:
    return node.engine.shared(node.epoch).events


async def _write(node: Node, writes: Writes) -> None:
    tables = node.engine.shared(node.epoch).webhooks
    told: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()
    tables.write(writes, told.set_result)
    assert await told is None


async def test_events_of_all_nodes_are_in_one_order_with_changes(nodes: Nodes) -> None:
    """Whatever a phone has written is in them. The feed goes on behind them."""
    one, other = await nodes.join(), await nodes.join()
    await _events(one).append([_event(1), _event(2, POLICIES_CHANGED)])
    [stored] = await one.commit(sets(ALICE, NOTHING_STORED, NOTHING_STORED.replace(DND, ON)))
    await _events(other).append([_event(3)])
    read = await _events(other).read(0, 10)
    assert [kept.event.seq for kept in read] == [1, 2, 4]
    assert stored.newest == 3
    wanted = [_event(1), _event(2, POLICIES_CHANGED), _event(3)]
    assert [kept._replace(event=kept.event._replace(seq=0)) for kept in read] == wanted
    assert await _events(one).read(1, 1) == read[1:2]
    page = await other.engine.feed(0, 10)
    assert ([told.entry.seq for told in page.told], page.last) == ([3], 4)  # type: ignore[union-attr]
    assert not page.is_gap
    assert await _events(one).purged() == 0


async def test_an_event_whose_answer_was_lost_is_kept_once(nodes: Nodes) -> None:
    """It is put there again, perhaps with more."""
    one = await nodes.join()
    await _events(one).append([_event(1)])
    await _events(one).append([_event(1), _event(2)])
    assert [kept.id for kept in await _events(one).read(0, 10)] == ["e1", "e2"]


async def test_the_oldest_events_go_and_are_counted(nodes: Nodes) -> None:
    """One endpoint that is away for days leaves room for the others."""
    one = await nodes.join()
    for number in range(4):
        assert await _events(one).append([_event(number)], 4) == 0
    assert await _events(one).append([_event(number) for number in (4, 5)], 4) == 2
    assert [kept.id for kept in await _events(one).read(0, 10)] == ["e2", "e3", "e4", "e5"]


async def test_what_webhooks_want_is_known(nodes: Nodes) -> None:
    """Of those that are on; what the journal has is not asked for."""
    one = await nodes.join()
    assert await _events(one).wanted() == frozenset()
    types = frozenset({"feature-changed", FEATURE_REFUSED})
    off = TWO._replace(types=frozenset({POLICIES_CHANGED}), off="it answered 410 Gone")
    await _write(one, Writes([ONE._replace(types=types, off=None), off]))
    assert await _events(one).wanted() == {FEATURE_REFUSED}


async def test_what_all_were_told_is_removed_and_no_number_comes_again(
    nodes: Nodes, database: Database
) -> None:
    """Whoever wants none of it, or is off, holds nothing up."""
    one = await nodes.join()
    told = ONE._replace(types=frozenset({FEATURE_REFUSED}), off=None)
    changes = TWO._replace(types=frozenset({"feature-changed"}), off=None)
    cursors = [Cursor("wh_1", 0, 2), Cursor("wh_1", 1, 3), Cursor("wh_2", 0, 0)]
    await _write(one, Writes([told, changes], cursors=cursors))
    await _events(one).append([_event(number) for number in range(1, 5)])
    await _events(one).drop()
    assert [kept.event.seq for kept in await _events(one).read(0, 10)] == [3, 4]
    await _write(one, Writes([told._replace(off="switched off")]))
    await _events(one).drop()
    assert [kept.event.seq for kept in await _events(one).read(0, 10)] == [4]
    await _events(one).append([_event(5)])
    assert [kept.event.seq for kept in await _events(one).read(0, 10)] == [4, 5]
    assert database.run("SELECT dfks.newest_1()") == [(5,)]


async def test_who_was_buried_adds_nothing(nodes: Nodes) -> None:
    """Another life of him may be telling already."""
    one, other = await nodes.join(), await nodes.join()
    one.end_lease()
    assert await other.engine.bury(other.epoch) == [one.epoch]
    with pytest.raises(StoreError) as raised:
        await _events(one).append([_event(1)])
    assert raised.value.code == "store_fenced"
    assert await _events(other).read(0, 10) == []
