"""The store of a node; what every store does is in tests/contract."""

import asyncio
import time
from itertools import count

from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow, Gone, Verdict, Wanted
from dfks_rules.store.postgres import store as module
from dfks_rules.store.postgres.group import PATIENCE
from dfks_rules.store.postgres.ports import COHORTS, cohort_of
from tests.helpers.database import FakeDatabase
from tests.helpers.joined import Node, adopted, join, stored, virtually, with_dialog, written
from tests.helpers.states import forwarding
from tests.helpers.wanted import change, commit, outcome, wanted

ALICE, BOB = Aor("alice", "example.com"), Aor("bob", "example.com")
FIRST = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))
SECOND = FIRST.replace(FEATURES[1], forwarding(True, "2"))
ALL = 1 << 62


def _term(node: Node, row: DialogRow) -> int:
    """What a NOTIFY of this node has in its CSeq."""
    return node.store.term + row.base


async def test_numbers_are_spread_over_the_cohorts_of_this_life() -> None:
    """So that all others can share them when it ends."""
    database = FakeDatabase(time.time)
    await join(database)
    node = await join(database)
    numbers = [node.store.number() for _ in range(2 * COHORTS)]
    assert numbers == sorted(set(numbers))
    cohorts = {cohort_of(one) for one in numbers}
    assert cohorts == {*range(node.epoch * COHORTS, (node.epoch + 1) * COHORTS)}
    assert node.store.are_shared
    assert node.store.read(ALL, 9) == []


async def test_a_life_ends_before_its_numbers_do() -> None:
    """There are four billion: each adoption and each new dialog takes one."""
    node = await join()
    ended = []
    node.store.on_fenced = lambda: ended.append(node.epoch)
    node.store._numbers = count((node.epoch << 32) + (1 << 32) - module.SPARE - 1)
    node.store.number()
    await asyncio.sleep(0)
    assert ended == []
    assert node.store.number() >> 32 == node.epoch
    await asyncio.sleep(0)
    assert ended == [node.epoch]


async def test_an_adopted_dialog_has_the_next_term() -> None:
    """Its CSeq never falls, wherever it goes, also back and again."""
    database = FakeDatabase(time.time)
    nodes = [await join(database) for _ in range(3)]
    row = await with_dialog(nodes[2])
    terms = [_term(nodes[2], row)]
    assert terms == [3]
    for node in (nodes[0], nodes[1], nodes[0]):
        found = await adopted(node.store, row.tag)
        assert isinstance(found, DialogRow)
        assert found[1:5] == row[1:5]
        assert (found.first, found.last) == (row.first, row.last)
        assert node.engine.database.is_mine(node.epoch, found.row)
        terms.append(_term(node, found))
        later = found._replace(base=found.base + 1, first=None)
        assert await written(node.store, [later])
        terms.append(_term(node, later))
    assert terms == [3, 4, 5, 6, 7, 8, 9]


async def test_claimed_dialogs_have_the_next_term_and_stay_where_they_are() -> None:
    """Nothing is written but whose the cohort is."""
    database = FakeDatabase(time.time)
    dead, heir = await join(database), await join(database)
    row = await with_dialog(dead, base=5)
    first = _term(dead, row)
    for term in (first + 1, first + 2):
        database.end(dead.epoch, is_clean=False)
        claimed = await heir.engine.claim(heir.epoch)
        heir.store.own(claimed)
        [found] = await heir.store.rows_of([one.cohort for one in claimed], ALL, 9)
        assert found.row == row.row
        assert _term(heir, found) == term
        again = found._replace(cseq=found.cseq + 1, first=None)
        assert await written(heir.store, [again])
        assert database.rows[row.row].base == first
        back = await adopted(heir.store, row.tag)
        assert back == again._replace(first=row.first)
        dead, heir = heir, await join(database)


@virtually
async def test_a_claimed_dialog_is_adopted_once_the_term_of_its_cohort_is_known() -> None:
    """The claim was carried out, and its answer is on its way: any CSeq would be a guess."""
    database = FakeDatabase(asyncio.get_running_loop().time)
    dead, heir = await join(database), await join(database)
    row = await with_dialog(dead)
    first = _term(dead, row)
    database.end(dead.epoch, is_clean=False)
    claimed = await heir.engine.claim(heir.epoch)
    adopting = asyncio.ensure_future(adopted(heir.store, row.tag))
    await asyncio.sleep(PATIENCE / 2)
    assert not adopting.done()
    heir.store.own(claimed)
    found = await adopting
    assert isinstance(found, DialogRow)
    assert _term(heir, found) == first + 1
    # Where it does not become known, nobody may be told that there is none.
    database.end(heir.epoch, is_clean=False)
    other = await join(database, claims=False)
    await other.engine.claim(other.epoch)
    assert await adopted(other.store, row.tag) is Gone.UNAVAILABLE


async def test_a_dialog_of_another_node_is_moved_before_its_sets_are_applied() -> None:
    """The engine says so, whatever this node thinks."""
    database = FakeDatabase(time.time)
    node, other = await join(database), await join(database)
    row = await with_dialog(node)
    found = await adopted(other.store, row.tag)
    assert isinstance(found, DialogRow)
    again = row._replace(cseq=2, first=None)
    verdict, error, _ = await commit(
        node.store, Wanted((change(ALICE, NOTHING_STORED, FIRST),), (), again)
    )
    assert (verdict, error and error.code) == (Verdict.MOVED, "store_moved")
    assert node.store.counts["moved"] == 1
    twin = row._replace(row=node.store.number())
    assert await outcome(commit(node.store, Wanted((), (), twin))) is Verdict.MOVED
    assert await stored(node.store, ALICE) == NOTHING_STORED


async def test_a_dialog_that_nobody_has_is_not_adopted() -> None:
    """Then a phone is told so."""
    assert await adopted((await join()).store, b"nobody's") is Gone.UNKNOWN


async def test_what_others_change_is_known_when_the_feed_tells_it() -> None:
    """And what watchers are to be told of it."""
    database = FakeDatabase(time.time)
    node, other = await join(database), await join(database)
    assert await stored(node.store, ALICE) == NOTHING_STORED
    await commit(other.store, wanted(ALICE, NOTHING_STORED, FIRST))
    assert node.store.known(ALICE) == NOTHING_STORED
    assert node.store.learned(ALICE, FIRST) == (NOTHING_STORED, FIRST)
    assert node.store.known(ALICE) == FIRST
    assert await outcome(commit(node.store, wanted(ALICE, FIRST, SECOND))) is Verdict.STORED
    assert node.store.learned(ALICE, SECOND) is None


async def test_what_is_read_after_a_claim_its_watchers_have_not_been_told() -> None:
    """A change whose place in the feed comes only then is told to whoever was taken over."""
    database = FakeDatabase(time.time)
    dead, heir = await join(database), await join(database)
    await with_dialog(dead)
    database.end(dead.epoch, is_clean=False)
    heir.store.own(await heir.engine.claim(heir.epoch))
    other = await join(database)
    await commit(other.store, wanted(ALICE, NOTHING_STORED, FIRST))
    assert await stored(heir.store, ALICE) == FIRST
    assert heir.store.learned(ALICE, FIRST) == (None, FIRST)


async def test_what_is_heard_during_an_own_commit_is_read_anew() -> None:
    """Which of the two came first, the engine knows."""
    node = await join()
    assert await stored(node.store, ALICE) == NOTHING_STORED
    own = commit(node.store, wanted(ALICE, NOTHING_STORED, FIRST))
    assert node.store.learned(ALICE, SECOND) == (NOTHING_STORED, SECOND)
    assert node.store.known(ALICE) is None
    assert await outcome(own) is Verdict.STORED
    assert node.store.known(ALICE) is None
    assert await stored(node.store, ALICE) == SECOND


async def test_no_more_is_kept_in_memory_than_allowed() -> None:
    """The oldest are read again."""
    node = await join(cached=2)
    for user in (ALICE, BOB, Aor("carol", "example.com")):
        assert await stored(node.store, user) == NOTHING_STORED
    assert node.store.known(ALICE) is None
    assert node.store.known(BOB) == NOTHING_STORED
