"""The journal of all nodes."""

from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.service.history import Which, follow, latest
from tests.helpers.database import FakeDatabase
from tests.helpers.joined import Node, adopted, join, written
from tests.helpers.wanted import commit, dialog_row, wanted

ALICE, BOB = Aor("alice", "example.com"), Aor("bob", "example.com")
FIRST = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))


async def _history() -> Node:
    """Numbers 1 and 5 are changes, 2 to 4 are dialogs that moved."""
    database = FakeDatabase(lambda: 100.0)
    node, other = await join(database), await join(database)
    await commit(node.store, wanted(ALICE, NOTHING_STORED, FIRST))
    await written(node.store, [dialog_row(node.store.number())])
    for one in (other, node, other):
        await adopted(one.store, b"tag%d" % (node.epoch << 32))
    await commit(other.store, wanted(BOB, NOTHING_STORED, FIRST))
    return node


async def test_changes_are_read_in_both_directions() -> None:
    """Whoever made them."""
    journal = (await _history()).store.journal
    assert await journal.newest() == 5
    assert [one.seq for one in await journal.read(0, 9)] == [1, 5]
    assert [one.seq for one in await journal.read(1, 9)] == [5]
    assert [one.seq for one in await journal.of(None, 9)] == [5, 1]
    assert [one.seq for one in await journal.of(None, 9, before=5)] == [1]
    assert [one.seq for one in await journal.of(ALICE, 9)] == [1]
    assert [one.decision for one in await journal.of(BOB, 1)] == ["5eed-1"]


async def test_numbers_of_dialogs_that_moved_are_no_changes_that_were_missed() -> None:
    """Nobody is told of a gap."""
    node = await _history()
    found = await follow(node.store.journal, Which(), 0, 9)
    assert ([one.seq for one in found.entries], found.missed, found.more) == ([1, 5], 0, False)
    found = await latest(node.store.journal, Which(), 9)
    assert [one.seq for one in found.entries] == [1, 5]
    await node.engine.purge(200.0, 4)
    found = await follow(node.store.journal, Which(), 0, 9)
    assert ([one.seq for one in found.entries], found.missed) == ([5], 4)


async def test_an_empty_journal_has_no_newest_entry() -> None:
    """A new cluster."""
    assert await (await join()).store.journal.newest() == 0
