"""One life of a node: what it hears of the others, and how it ends."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import cast

import pytest
from structlog.testing import capture_logs

from dfks_rules.app.cluster.member import Itself, Member
from dfks_rules.app.cluster.node import FEED_KEPT, PURGE_EVERY, Node, Served
from dfks_rules.app.cluster.taking import ANSWERED
from dfks_rules.config.cluster import ClusterSettings
from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.standing import Standing
from dfks_rules.service.features import Features
from dfks_rules.service.ports import Verdict, Wanted
from dfks_rules.store.postgres.ports import Sought
from dfks_rules.store.postgres.schema import Migration, migrate, migrations
from tests.helpers.cluster import ALICE, BOB, KEPT, LEASE, Site, at, virtually
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import FakeEngine, Fault, Loss, Script
from tests.helpers.engines import Nodes
from tests.helpers.policy import NOON
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.wanted import change, commit, outcome


@virtually
async def test_what_another_node_changed_is_told_here() -> None:
    """With what was told before; and it counts for its groups, and for the rates of its user."""
    site = Site()
    one, other = await site.node("a"), await site.node("b")
    for node in (one, other):
        node.node.store.fetch([ALICE], lambda error, now: None)
    await asyncio.sleep(0.05)
    await outcome(commit(one.node.store, Wanted((change(ALICE, NOTHING_STORED, at(1)),))))
    await asyncio.sleep(0.2)
    [(presentity, before, after, tells)] = other.told.of("learned")
    assert (presentity, before.revision, after.revision, tells) == (ALICE, 0, 1, True)
    assert other.told.of("rated") == other.told.of("changed") == [(ALICE,)]
    assert other.woken > 0
    assert one.told.of("rated") == one.told.of("learned") == []
    await site.end()


@virtually
async def test_what_waits_for_an_own_commit_is_told_as_it_is_by_then() -> None:
    """A phone that came meanwhile must not be told anything older than it was elsewhere."""
    site, script = Site(), Script()
    one, other = await site.node("a", script), await site.node("b")
    one.node.store.fetch([ALICE], lambda error, now: None)
    await asyncio.sleep(0.05)
    script.add("commit", Fault(0.0, 3.0))
    settled = commit(one.node.store, Wanted((), ((ALICE, 0),)))
    await asyncio.sleep(0.5)
    for revision in (1, 2):
        site.store(other.epoch, revision)
        await asyncio.sleep(0.5)
    assert one.told.of("learned") == []
    assert await outcome(settled) is Verdict.STORED
    await asyncio.sleep(0.01)
    [(_, before, after, _)] = one.told.of("learned")
    assert (before.revision, after.revision) == (0, 2)
    await site.end()


@virtually
async def test_a_hint_tells_the_others_before_they_look() -> None:
    """Several changes at once are one hint."""
    site, script = Site(), Script()
    one, other = await site.node("a", script), await site.node("b")
    await asyncio.sleep(0.15)
    settled = [
        commit(one.node.store, Wanted((change(ALICE, at(revision - 1), at(revision)),)))
        for revision in (1, 2, 3)
    ]
    for result in settled:
        assert await outcome(result) is Verdict.STORED
    await asyncio.sleep(0.005)
    assert other.node.position == 3
    assert script.calls.count("hint") <= 2
    await site.end()


@virtually
async def test_whoever_listens_is_woken_when_the_feed_has_something_new() -> None:
    """Not with each look at it: there are ten in a second."""
    site, woken = Site(), list[int]()
    one, other = await site.node("a"), await site.node("b")
    other.node.on_heard = lambda: woken.append(other.node.store.durable())
    await asyncio.sleep(1.0)
    assert woken == []
    await outcome(commit(one.node.store, Wanted((change(ALICE, NOTHING_STORED, at(1)),))))
    await asyncio.sleep(1.0)
    assert woken == [1]
    assert other.node.lag == 0
    assert other.node.feed_age < 0.2
    await site.end()


@virtually
async def test_a_feed_that_cannot_be_read_gets_older_and_what_is_known_runs_ahead() -> None:
    """Both are what an operator is alarmed by."""
    site, script = Site(), Script()
    one = await site.node("a", script)
    await asyncio.sleep(0.5)
    script.add("feed", *[Fault(loss=Loss.UNSENT)] * 20)
    await outcome(commit(one.node.store, Wanted((change(ALICE, NOTHING_STORED, at(1)),))))
    await asyncio.sleep(3.0)
    assert one.node.lag == 1
    assert one.node.feed_age > 2.5
    await site.end()


@virtually
async def test_what_is_stored_while_a_hint_is_on_its_way_is_one_more_hint() -> None:
    """However slow they are: the others look by themselves, too."""
    site, script = Site(), Script()
    node = await site.node("a", script)
    script.add("hint", Fault(1.0), Fault(1.0))
    for revision in range(1, 10):
        result = commit(node.node.store, Wanted((change(ALICE, at(revision - 1), at(revision)),)))
        assert await outcome(result) is Verdict.STORED
        await asyncio.sleep(0.01)
    await asyncio.sleep(3.0)
    assert script.calls.count("hint") == 2
    await site.end()


@virtually
async def test_a_dialog_that_another_node_has_adopted_is_lost_here() -> None:
    """And nowhere else."""
    site = Site()
    one, other = await site.node("a"), await site.node("b")
    row = site.subscribe(one.epoch, 1)
    site.database.adopt(other.epoch, Sought(row.tag, other.epoch << 32, 1))
    await asyncio.sleep(0.2)
    assert one.told.of("lose") == [(row.tag, row.row)]
    assert other.told.of("lose") == []
    await site.end()


@virtually
async def test_a_dialog_is_taken_by_the_node_that_has_adopted_it_without_hearing_of_it() -> None:
    """The feed tells, however late the engine has carried the adoption out."""
    site = Site()
    one, other = await site.node("a"), await site.node("b")
    row = site.subscribe(one.epoch, 1)
    site.database.adopt(other.epoch, Sought(row.tag, other.epoch << 32, 1))
    await asyncio.sleep(ANSWERED + 1.0)
    assert other.told.of("adopted") == [(other.epoch << 32,)]
    assert one.told.of("adopted") == []
    await site.end()


@virtually
async def test_rows_written_behind_that_are_others_are_lost() -> None:
    """As the engine says."""
    site = Site()
    one, other = await site.node("a"), await site.node("b")
    row = site.subscribe(one.epoch, 1)
    site.database.adopt(other.epoch, Sought(row.tag, other.epoch << 32, 1))
    one.node.store.write([row], (), lambda is_stored: None)
    await asyncio.sleep(0.01)
    assert one.told.of("lost") == [([row.row],)]
    await site.end()


@virtually
async def test_dialogs_of_a_node_that_died_are_taken_over() -> None:
    """Soon after its lease is over."""
    site = Site()
    one, other = await site.node("a"), await site.node("b")
    await asyncio.sleep(LEASE)
    row = site.subscribe(one.epoch, 1)
    one.die()
    await asyncio.sleep(2 * LEASE)
    assert [rows for rows, _ in other.told.of("take")] == [[row.row]]
    assert other.node.counts["taken"] == 1
    await other.node.end()


@virtually
async def test_a_fenced_node_drops_everything_and_says_so_once() -> None:
    """Whether its lease or a commit tells it first."""
    site, script = Site(), Script()
    node = await site.node("a", script)
    await asyncio.sleep(LEASE)
    site.database.end(node.epoch, is_clean=False)
    result = commit(node.node.store, Wanted((change(ALICE, NOTHING_STORED, at(1)),)))
    assert await outcome(result) is Verdict.FENCED
    await asyncio.sleep(0.01)
    assert (node.buried, node.told.of("forget_all")) == (1, [()])
    assert node.node.standing(asyncio.get_running_loop().time()) is Standing.CUT_OFF
    await asyncio.sleep(LEASE)
    assert node.buried == 1
    await site.end()
    assert site.database.snapshots == {}


@virtually
async def test_another_life_begins_whatever_the_end_of_this_one_runs_into() -> None:
    """A bug of ours must leave no node that others take for dead, and that goes on."""
    site = Site()
    node = await site.node("a")

    def fail(_now: float) -> None:
        raise ZeroDivisionError

    node.told.forget_all = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(ZeroDivisionError):
        node.node._fenced()
    assert node.buried == 1
    await site.end()


@virtually
async def test_a_gap_in_the_feed_ends_this_life_and_others_take_over_at_once() -> None:
    """Nobody knows who was not told: who has the dialogs next tells them all."""
    site, script = Site(), Script()
    node, other = await site.node("a", script), await site.node("b")
    row = site.subscribe(node.epoch, 1)
    await asyncio.sleep(LEASE)
    for revision in (1, 2, 3):
        site.store(other.epoch, revision)
    site.database.purge(site.database.clock() + 1.0, 10)
    await asyncio.sleep(0.2)
    assert (node.buried, other.buried) == (1, 1)
    await node.node.end()
    assert not site.database.holds(node.epoch)
    assert not site.database.lives[node.epoch].is_clean
    assert row.row in site.database.rows
    await other.node.end()


@virtually
async def test_a_planned_end_leaves_cleanly_with_everything_stored() -> None:
    """What is under way is settled before."""
    site, script = Site(), Script()
    node = await site.node("a", script)
    script.add("commit", Fault(0.2, 0.2))
    result = commit(node.node.store, Wanted((change(ALICE, NOTHING_STORED, at(1)),)))
    await asyncio.sleep(0.1)
    await node.node.end()
    assert await outcome(result) is Verdict.STORED
    life = site.database.lives[node.epoch]
    assert (life.is_alive, life.is_clean) == (False, True)
    assert node.engine.is_closed


@virtually
async def test_what_an_end_that_takes_long_has_not_heard_of_is_handed_over() -> None:
    """What others changed since it tells nobody, whoever takes over tells."""
    site, script = Site(), Script()
    node, other = await site.node("a", script), await site.node("b")
    site.subscribe(node.epoch, 1)
    script.add("commit", Fault(2.0, 1.0))
    result = commit(node.node.store, Wanted((change(BOB, NOTHING_STORED, at(1)),)))
    ending = asyncio.create_task(node.node.end())
    await asyncio.sleep(1.0)
    site.store(other.epoch)
    await ending
    assert await outcome(result) is Verdict.STORED
    assert site.database.lives[node.epoch].is_clean
    await asyncio.sleep(1.0)
    [(_, changed)] = other.told.of("take")
    assert ALICE in changed
    await other.node.end()


@virtually
async def test_a_planned_end_says_up_to_which_change_phones_were_told() -> None:
    """Also where it hears of changes late: whoever takes over tells those, and no other ones."""
    site, script = Site(), Script()
    node, other = await site.node("a", script), await site.node("b")
    site.subscribe(node.epoch, 1)
    site.store(other.epoch, 1, BOB)
    await asyncio.sleep(1.0)
    script.add("feed", Fault(loss=Loss.QUESTION))
    await asyncio.sleep(0.2)
    site.store(other.epoch)
    await asyncio.sleep(3.0)
    await node.node.end()
    assert site.database.lives[node.epoch].is_clean
    await asyncio.sleep(1.0)
    [(_, changed)] = other.told.of("take")
    assert changed == {ALICE}
    await other.node.end()


@virtually
async def test_an_end_with_an_engine_that_does_not_answer_is_not_clean() -> None:
    """Nobody knows what was stored."""
    site, script = Site(), Script()
    node = await site.node("a", script)
    script.add("commit", Fault(loss=Loss.QUESTION))
    result = commit(node.node.store, Wanted((change(ALICE, NOTHING_STORED, at(1)),)))
    await asyncio.sleep(0.1)
    await node.node.end()
    assert await outcome(result) is Verdict.UNAVAILABLE
    life = site.database.lives[node.epoch]
    assert (life.is_alive, life.is_clean) == (False, False)


@virtually
async def test_the_oldest_node_purges_for_all() -> None:
    """What is older than the journal keeps."""
    site = Site()
    scripts = [Script() for _ in range(3)]
    dead, oldest, other = [
        await site.node(name, script) for name, script in zip("abc", scripts, strict=True)
    ]
    for revision in (1, 2):
        site.store(oldest.epoch, revision)
    dead.die()
    # It goes on with what it does for all until it ends.
    site.database.lives[oldest.epoch].is_draining = True
    await asyncio.sleep(KEPT + 2 * PURGE_EVERY)
    assert [script.calls.count("purge") > 0 for script in scripts] == [False, True, False]
    assert len(site.database.feed) == 1
    await oldest.node.end()
    await asyncio.sleep(2 * PURGE_EVERY)
    assert scripts[2].calls.count("purge") > 0
    await other.node.end()


@virtually
async def test_a_change_stays_long_enough_for_who_takes_over() -> None:
    """However short the journal is; and a purge that fails is told, and tried again."""
    site, script = Site(), Script()
    node = await site.node("a", script)
    node.node._keep_changes = 1.0
    script.add("purge", Fault(loss=Loss.UNSENT))
    for revision in (1, 2):
        site.store(node.epoch, revision)
    with capture_logs() as logs:
        await asyncio.sleep(FEED_KEPT - 1.0)
    assert len(site.database.feed) == 2
    assert [one["event"] for one in logs] == ["cluster_purge_failed"]
    await asyncio.sleep(2 * PURGE_EVERY)
    assert len(site.database.feed) == 1
    await site.end()


@virtually
async def test_nothing_is_told_before_anybody_is_served_or_after_the_end_of_a_life() -> None:
    """There is nobody to tell."""
    site = Site()
    one, other = await site.node("a"), await site.node("b")
    one.node._fenced()
    site.store(other.epoch, 1)
    one.node.changed([], 0.0)
    await asyncio.sleep(0.2)
    assert one.told.of("learned") == []
    await site.end()


async def _node(wake: Callable[[], None]) -> Node:
    """One that serves, alone."""
    engine = FakeEngine(FakeDatabase(asyncio.get_running_loop().time))
    member = await Member.join(engine, Itself("node-1", "0.1.0", 2.0, 120.0), lambda: 0.0)
    node = Node(engine, member, "abc", 3600.0)
    nobody = cast("Notifier", None), cast("Features", None)  # Nothing is changed or claimed.
    node.begin(Served(*nobody, lambda: NOON, wake, lambda: "r", lambda: None))
    return node


async def test_timers_are_looked_at_though_no_message_comes() -> None:
    """Else who watches is told what it missed with the next message, perhaps in half an hour."""
    woken = asyncio.Event()
    node = await _node(woken.set)
    try:
        for _ in range(3):
            woken.clear()
            async with asyncio.timeout(5):
                await woken.wait()
    finally:
        await node.end()


@needs_postgres
async def test_node_that_joins_while_a_migration_ends_its_release_leaves(
    database: Database,
) -> None:
    """The migration has seen no node of its release, and the node no such migration."""
    takes = Migration("0100.sql", "9.0.0", "SELECT pg_advisory_xact_lock(12)")
    async with AsyncExitStack() as opened:
        nodes = Nodes(database, opened)
        async with nodes.transaction("SELECT pg_advisory_xact_lock(12)"):
            migrated = asyncio.create_task(migrate(database.url, (*migrations(), takes), "9.0.0"))
            await nodes.waits()
            settings = ClusterSettings(database.url, "late", 60.0, 60.0)
            joined = asyncio.create_task(Node.open(settings, "x", 60.0))
            await nodes.waits(2)
        await migrated
        with pytest.raises(StoreError, match=r"9\.0\.0 or newer is needed"):
            await joined
    assert database.run("SELECT name, alive, is_clean FROM dfks.node") == [("late", False, True)]
