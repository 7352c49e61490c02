"""The engine in a real PostgreSQL: what each call does, one caller at a time.

What happens where several meet is in test_races.py.
"""

import asyncio

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, FeatureState, values_from
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import Value
from dfks_rules.service.ports import DialogRow, Gone, Verdict
from dfks_rules.store.postgres.ports import (
    COHORTS,
    Changed,
    Moved,
    Outcome,
    Report,
    Sought,
    Step,
    cohort_of,
)
from tests.helpers.engines import EVERY, Node, Nodes, sets
from tests.helpers.postgres import needs_postgres
from tests.helpers.stored import ALICE, BOB, CFA, DND, ON, to
from tests.helpers.wanted import change

pytestmark = needs_postgres

FIRST = NOTHING_STORED.replace(DND, ON)
SECOND = FIRST.replace(CFA, to("sip:bob@example.com"))


async def test_what_is_committed_is_fetched(node: Node) -> None:
    """And is in the feed, with what the journal says."""
    assert await node.commit(sets(ALICE, NOTHING_STORED, FIRST)) == [Outcome(Verdict.STORED, 1)]
    assert await node.engine.fetch([BOB, ALICE]) == [(BOB, NOTHING_STORED), (ALICE, FIRST)]
    page = await node.engine.feed(0, 10)
    [told] = page.told
    assert (page.last, page.is_gap) == (1, False)
    assert isinstance(told, Changed)
    assert (told.epoch, told.tells, told.snapshot) == (node.epoch, True, FIRST)
    assert told.entry.presentity == ALICE
    assert (told.entry.feature, told.entry.after, told.entry.decision) == (DND, ON, "abc-1")
    assert await node.engine.journal(0, None, None, 10) == [told.entry]


async def test_a_change_needs_the_revision_on_which_it_was_decided(node: Node) -> None:
    """And so does all that was looked at besides."""
    assert await node.verdicts(sets(ALICE, NOTHING_STORED, FIRST)) == [Verdict.STORED]
    late = sets(ALICE, NOTHING_STORED, SECOND._replace(revision=1))
    looked = Step((change(BOB, NOTHING_STORED, FIRST),), seen=((ALICE, 0),))
    assert await node.verdicts(late, looked) == [Verdict.CONFLICT] * 2
    assert await node.stored(ALICE) == FIRST
    assert await node.stored(BOB) == NOTHING_STORED
    assert await node.engine.page(None, 10, None) == [(ALICE, FIRST)]
    assert await node.verdicts(looked._replace(seen=((ALICE, 1),))) == [Verdict.STORED]


async def test_a_step_stores_all_of_its_changes_or_none(node: Node) -> None:
    """A boss and a secretary: what follows for the one is never alone."""
    await node.commit(sets(BOB, NOTHING_STORED, FIRST))
    both = Step((change(ALICE, NOTHING_STORED, FIRST), change(BOB, NOTHING_STORED, FIRST)))
    other = Step((change(ALICE, NOTHING_STORED, FIRST), change(BOB, FIRST, SECOND)))
    assert await node.verdicts(both, other) == [Verdict.CONFLICT, Verdict.STORED]
    assert (await node.stored(ALICE), await node.stored(BOB)) == (FIRST, SECOND)


async def test_what_builds_on_a_step_holds_only_with_it(node: Node) -> None:
    """Even where the revision is the same."""
    first, second = sets(ALICE, NOTHING_STORED, FIRST), sets(ALICE, FIRST, SECOND)
    builds = second._replace(builds_on=(0,))
    outcomes = await node.commit(first, builds)
    assert outcomes == [Outcome(Verdict.STORED, 1), Outcome(Verdict.STORED, 2)]
    assert await node.stored(ALICE) == SECOND
    # Bob has revision 1, but not from the step on which the second was decided.
    await node.commit(sets(BOB, NOTHING_STORED, FIRST))
    first, second = sets(BOB, NOTHING_STORED, FIRST), sets(BOB, FIRST, SECOND)
    verdicts = await node.verdicts(first, second._replace(builds_on=(0,)))
    assert verdicts == [Verdict.CONFLICT] * 2


async def test_a_repeated_subscribe_is_stored_once(node: Node) -> None:
    """That is told before a conflict; a later SUBSCRIBE in the dialog is stored."""
    step = sets(ALICE, NOTHING_STORED, FIRST, node.row())
    assert await node.verdicts(step, step) == [Verdict.STORED, Verdict.REPEATED]
    assert await node.verdicts(step) == [Verdict.REPEATED]
    later = sets(ALICE, FIRST, SECOND, node.row(cseq=2, first=None))
    assert await node.verdicts(later, later) == [Verdict.STORED, Verdict.REPEATED]
    assert await node.rows_of(node.row()) == [node.row(cseq=2)]


async def test_a_step_that_does_not_hold_leaves_no_subscription(node: Node) -> None:
    """But what was written behind is stored; a message that is None stays as it was."""
    await node.keep(node.row(1), node.row(2))
    late = sets(ALICE, FIRST, SECOND, node.row(3))
    changed = node.row(1, cseq=7, first=None)._replace(last=b"later", deadline=5.5, flags=3)
    behind = late._replace(rows=(changed, node.row(3, 2, None)), gone=(node.row(2).row,))
    assert await node.commit(behind) == [Outcome(Verdict.CONFLICT)]
    assert await node.rows_of(*map(node.row, (1, 2, 3))) == [changed._replace(first=b"SUBSCRIBE")]
    await node.keep(changed._replace(last=None))
    assert await node.rows_of(node.row(1)) == [changed._replace(first=b"SUBSCRIBE")]


async def test_rows_of_nobody_are_lost(node: Node) -> None:
    """Where the message that makes them is not there, another node may have them by now."""
    lost = node.row(1, cseq=2, first=None)
    outcomes = await node.commit(Step(rows=(lost, node.row(2))), Step((), visit=lost))
    assert outcomes == [Outcome(Verdict.STORED, 0, (lost.row,)), Outcome(Verdict.MOVED)]
    assert await node.rows_of(lost, node.row(2)) == [node.row(2)]


async def test_a_write_that_comes_late_undoes_nothing(node: Node) -> None:
    """It was given up, and waited on its way for longer than the next one."""
    made = node.row(cseq=1)
    await node.keep(made)
    newer = made._replace(cseq=3, base=2, deadline=made.deadline + 9.0, first=None, last=b"NEW")
    late = made._replace(cseq=2, base=1, flags=7, first=None, last=b"OLD")
    await node.keep(newer)
    await node.keep(late)
    kept = newer._replace(first=made.first)
    assert await node.rows_of(made) == [kept]
    # What it reserved holds all the same: CSeqs may have been used.
    await node.keep(late._replace(base=3))
    assert await node.rows_of(made) == [kept._replace(base=3)]
    await node.keep(newer._replace(base=2))
    assert await node.rows_of(made) == [kept._replace(base=3)]
    # Within one commit, too.
    visit = Step(visit=made._replace(cseq=4, base=3, first=None))
    assert await node.verdicts(visit, Step(rows=(late,))) == [Verdict.STORED] * 2
    [row] = await node.rows_of(made)
    assert (row.cseq, row.base) == (4, 3)


async def test_commits_leave_no_versions_of_the_row_that_they_lock(nodes: Nodes) -> None:
    """Nothing could remove them while somebody reads for long, and each commit would see them."""
    first, second = await nodes.join(), await nodes.join()
    where = "SELECT ctid::text FROM dfks.counter ORDER BY name"
    before = nodes.database.run(where)
    snapshot = NOTHING_STORED
    for turn in range(3):
        after = snapshot.replace(DND, ON._replace(status=not turn % 2))
        assert await first.verdicts(sets(ALICE, snapshot, after)) == [Verdict.STORED]
        snapshot = after
    await first.keep(first.row())
    await second.adopt(first.row().tag, second.row())
    assert nodes.database.run(where) == before
    assert (await first.engine.feed(0, 10)).last == 4


async def test_a_dialog_moves_once_to_whoever_adopts_it(nodes: Nodes) -> None:
    """Its term rises by one, and the others hear of it."""
    first, second = await nodes.join(), await nodes.join()
    row = first.row()._replace(base=5)
    await first.keep(row)
    adopted = row._replace(row=second.row().row, base=6)
    assert await second.adopt(row.tag, second.row()) == adopted
    assert await second.adopt(row.tag, second.row(2)) == adopted
    assert await second.adopt(row.tag) == adopted
    assert await first.adopt(row.tag) is Gone.UNKNOWN
    page = await second.engine.feed(0, 10)
    assert page == ([Moved(second.epoch, 1, row.tag, row.row)], 1, False)
    assert await second.adopt(b"unknown", second.row(3)) is Gone.UNKNOWN
    # The one before has lost it.
    visit = sets(ALICE, NOTHING_STORED, FIRST, first.row(cseq=2, first=None))
    behind = Step(rows=(row,), gone=(row.row, adopted.row))
    assert await first.commit(visit, behind) == [
        Outcome(Verdict.MOVED),
        Outcome(Verdict.STORED, 0, (row.row,)),
    ]
    # A retransmission of the SUBSCRIBE that made it comes to a third.
    third = await nodes.join()
    visit = sets(ALICE, NOTHING_STORED, FIRST, third.row()._replace(tag=row.tag))
    assert await third.verdicts(visit) == [Verdict.MOVED]
    assert await third.rows_of(adopted) == [adopted]


async def test_an_adoption_that_is_asked_for_again_takes_nothing_back(nodes: Nodes) -> None:
    """Its answer was lost, and another node has adopted the dialog since for the same SUBSCRIBE."""
    first, second, third = [await nodes.join() for _ in range(3)]
    await first.keep(row := first.row())
    assert isinstance(await second.adopt(row.tag, second.row(), 7), DialogRow)
    adopted = await third.adopt(row.tag, third.row(), 7)
    assert await second.adopt(row.tag, second.row(), 7) is Gone.ELSEWHERE
    assert await third.adopt(row.tag, third.row(), 7) == adopted
    assert isinstance(await second.adopt(row.tag, second.row(2), 7), DialogRow)


async def test_a_dialog_stays_where_a_later_subscribe_has_come(nodes: Nodes) -> None:
    """Whether that is in its row yet, or was only the reason for an adoption."""
    first, second, third = [await nodes.join() for _ in range(3)]
    tag = first.row().tag
    await first.keep(first.row(cseq=3))
    assert await second.adopt(tag, second.row(), 2) is Gone.ELSEWHERE
    assert await second.adopt(tag, second.row(), 3, is_back=True) is Gone.ELSEWHERE
    assert (await first.engine.feed(0, 10)).told == []
    # A retransmission may come to any node.
    adopted = await second.adopt(tag, second.row(), 3)
    assert adopted == first.row(cseq=3)._replace(row=second.row().row, base=1)
    assert await first.adopt(tag, first.row(2), 3, is_back=True) is Gone.ELSEWHERE
    assert isinstance(await third.adopt(tag, third.row(), 5), DialogRow)
    assert await second.adopt(tag, second.row(2), 4) is Gone.ELSEWHERE
    assert await second.adopt(tag, second.row(2), 5, is_back=True) is Gone.ELSEWHERE
    # Who has it is given it, whatever it has heard.
    again = await third.adopt(tag, third.row(2), 1)
    assert isinstance(again, DialogRow)
    assert (again.row, again.cseq) == (third.row().row, 3)
    back = await second.adopt(tag, second.row(2), 6, is_back=True)
    assert isinstance(back, DialogRow)
    assert (back.row, back.base) == (second.row(2).row, 3)


async def test_many_dialogs_are_adopted_in_one_call(nodes: Nodes) -> None:
    """Whatever each of them is; a commit of its own for each would wait for the disk."""
    first, second, third = [await nodes.join() for _ in range(3)]
    await first.keep(first.row(1), first.row(2))
    await second.keep(second.row(9))
    await third.keep(third.row(1)._replace(base=4))
    sought = [
        Sought(third.row(1).tag, second.row(1).row, 1),
        Sought(b"unknown", second.row(2).row),
        Sought(first.row(2).tag, second.row(3).row, 1),
        Sought(second.row(9).tag, second.row(4).row, 1),
        Sought(first.row(1).tag, None),
        Sought(first.row(2).tag, second.row(5).row, 1),
    ]
    moved = first.row(2)._replace(row=second.row(3).row, base=1)
    found = await second.engine.adopt(second.epoch, sought)
    assert found[2] in (moved, moved._replace(row=second.row(5).row))
    assert found == [
        third.row(1)._replace(row=second.row(1).row, base=5),
        Gone.UNKNOWN,
        found[2],
        second.row(9),
        Gone.UNKNOWN,
        found[2],
    ]
    page = await first.engine.feed(0, 10)
    assert page.told == [
        Moved(second.epoch, 1, third.row(1).tag, third.row(1).row),
        Moved(second.epoch, 2, first.row(2).tag, first.row(2).row),
    ]
    assert await second.engine.adopt(second.epoch, []) == []


async def test_a_node_that_has_ended_stores_nothing(nodes: Nodes) -> None:
    """Nor does it adopt, bury or claim."""
    first, second = await nodes.join(), await nodes.join()
    await second.keep(second.row())
    first.end_lease()
    assert await second.engine.bury(second.epoch) == [first.epoch]
    step = sets(ALICE, NOTHING_STORED, FIRST, first.row())
    assert await first.verdicts(step, Step(rows=(first.row(),))) == [Verdict.FENCED] * 2
    with pytest.raises(StoreError) as caught:
        await first.adopt(second.row().tag, first.row())
    assert caught.value.code == "store_fenced"
    second.end_lease()
    assert await first.engine.bury(first.epoch) == []
    await second.engine.leave(second.epoch, is_clean=False)
    assert await first.engine.claim(first.epoch) == []
    assert not await first.is_alive()


async def test_a_lease_from_before_the_clock_was_set_back_is_over(nodes: Nodes) -> None:
    """Else nobody would take over for as long."""
    dead, living = await nodes.join(), await nodes.join()
    later = "UPDATE dfks.lease SET until = until + {0}, renewed = renewed + {0} WHERE epoch = %s"
    nodes.database.run(later.format("interval '1 hour'"), dead.epoch)
    assert await living.engine.bury(living.epoch) == [dead.epoch]


async def test_a_claimed_cohort_has_a_higher_term(nodes: Nodes) -> None:
    """Its rows are the claimer's now, with the numbers that they had; empty ones are forgotten."""
    first, second = await nodes.join(), await nodes.join()
    await first.keep(first.row(1), first.row(2))
    assert await second.engine.bury(second.epoch) == []
    assert await second.engine.claim(second.epoch) == []
    first.end_lease()
    assert await second.engine.bury(second.epoch) == [first.epoch]
    claimed = await second.engine.claim(second.epoch)
    assert sorted((one.cohort, one.term, one.is_clean) for one in claimed) == [
        (first.epoch * COHORTS + 1, 1, False),
        (first.epoch * COHORTS + 2, 1, False),
    ]
    assert await second.engine.claim(second.epoch) == []
    rows = await second.engine.rows([one.cohort for one in claimed], EVERY, 10)
    assert rows == [first.row(2), first.row(1)]
    again = first.row(1, cseq=2, first=None)
    assert await second.verdicts(Step((), visit=again)) == [Verdict.STORED]
    # A third adopts from the claimer: its term follows that of the claim.
    third = await nodes.join()
    adopted = await third.adopt(first.row(1).tag, third.row(), 2)
    assert adopted == again._replace(row=third.row().row, base=2, first=first.row(1).first)


async def test_living_nodes_share_what_is_left(nodes: Nodes) -> None:
    """Each takes its part at once, whoever comes first; one that is about to leave takes none."""
    dead, *living, leaves = [await nodes.join() for _ in range(5)]
    await dead.keep(*[dead.row(n) for n in range(COHORTS)])
    await leaves.engine.drain(leaves.epoch)
    await dead.engine.leave(dead.epoch, is_clean=True)
    assert await leaves.engine.claim(leaves.epoch) == []
    claims = [await one.engine.claim(one.epoch) for one in living]
    assert [len(one) for one in claims] == [22, 22, 20]
    assert len({claimed.cohort for one in claims for claimed in one}) == COHORTS
    assert all(claimed.is_clean for one in claims for claimed in one)
    listed = {one.epoch: (one.state, one.cohorts) for one in await leaves.engine.nodes()}
    assert listed[dead.epoch] == ("dead", 0)
    assert listed[living[0].epoch] == ("serving", COHORTS + 22)
    assert listed[leaves.epoch] == ("draining", COHORTS)


async def test_what_was_claimed_is_given_again_to_whoever_asks_for_it(nodes: Nodes) -> None:
    """An answer may have been lost; a node that is about to leave has cohorts, too."""
    dead, living, other = [await nodes.join() for _ in range(3)]
    await dead.keep(*[dead.row(n) for n in range(6)])
    await dead.engine.leave(dead.epoch, is_clean=True)
    first = await living.engine.claim(living.epoch)
    assert len(first) == 3
    assert len(await other.engine.claim(other.epoch)) == 3
    assert await living.engine.claim(living.epoch) == []
    await living.engine.drain(living.epoch)
    again = await living.engine.claim(living.epoch, again=True)
    # How its owner ended is not known any more.
    assert sorted(again) == sorted(one._replace(is_clean=False) for one in first)
    await living.engine.leave(living.epoch, is_clean=True)
    assert await living.engine.claim(living.epoch, again=True) == []


async def test_a_claim_reaches_back_over_an_owner_that_lived_for_a_moment(nodes: Nodes) -> None:
    """It may not have come to tell what the one before owed."""
    first, second, third = [await nodes.join() for _ in range(3)]
    await first.keep(first.row())
    set_back = "UPDATE dfks.lease SET renewed = to_timestamp(%s) WHERE epoch = %s"
    nodes.database.run(set_back, 1000, first.epoch)
    first.end_lease()
    await second.engine.bury(second.epoch)
    [claimed] = await second.engine.claim(second.epoch)
    assert (claimed.renewed, claimed.is_clean) == (1000.0, False)
    await second.engine.leave(second.epoch, is_clean=True)
    [claimed] = await third.engine.claim(third.epoch)
    assert (claimed.term, claimed.renewed, claimed.is_clean) == (2, 1000.0, False)
    # A year later, all has been told.
    nodes.database.run("UPDATE dfks.cohort SET claimed = claimed - interval '1 year'")
    await third.engine.leave(third.epoch, is_clean=True, heard=17)
    fourth = await nodes.join()
    [claimed] = await fourth.engine.claim(fourth.epoch)
    assert claimed.renewed > 1000.0
    assert (claimed.is_clean, claimed.heard) == (True, 17)


async def test_a_lease_goes_on_and_says_how_the_node_is(nodes: Nodes) -> None:
    """Nobody is buried whose lease holds."""
    node, other = await nodes.join(), await nodes.join()
    node.end_lease()
    assert [one.state for one in await other.engine.nodes()] == ["late", "serving"]
    renewed = await node.engine.renew(node.epoch, 60.0, Report("abc", 7, 0.25, 3))
    assert renewed.is_alive
    assert await other.engine.bury(other.epoch) == []
    [one, _] = await other.engine.nodes()
    assert one == (node.epoch, "node-1", "0.1.0", "abc", "serving", one.until, 64, 3, 7, 0.25)
    assert 55 < one.until - renewed.clock < 65


async def test_all_lives_have_the_same_secret(nodes: Nodes) -> None:
    """So each node knows the tags of the others; and epochs rise."""
    engine = (await nodes.join()).engine
    one, two = [await engine.join("again", "0.1.0", 1.0) for _ in range(2)]
    assert one.secret == two.secret
    assert len(one.secret) == 32
    assert one.epoch < two.epoch


async def test_rows_come_in_pages_over_several_lives(nodes: Nodes) -> None:
    """The highest numbers first."""
    first, second = await nodes.join(), await nodes.join()
    for node in (first, second):
        await node.keep(*[node.row(n) for n in range(1, 101)])
    every = [node.row(n) for node in (second, first) for n in range(100, 0, -1)]
    cohorts = [node.epoch * COHORTS + n for node in (first, second) for n in range(COHORTS)]
    found, before = [], EVERY
    while page := await first.engine.rows(cohorts, before, 30):
        found += page
        before = page[-1].row
    assert found == every
    some = cohorts[::2]
    wanted = [row for row in every if cohort_of(row.row) in some]
    assert await first.engine.rows(some, EVERY, 1000) == wanted


async def test_the_feed_goes_on_where_a_page_ends(node: Node) -> None:
    """What is purged meanwhile leaves a gap, which is told."""
    one, two = sets(ALICE, NOTHING_STORED, FIRST), sets(ALICE, FIRST, SECOND)
    await node.commit(one, two, sets(BOB, NOTHING_STORED, SECOND._replace(revision=1)))
    numbers, position = [], 0
    for _ in range(3):
        page = await node.engine.feed(position, 2)
        position = page.last
        assert not page.is_gap
        numbers += [told.entry.seq for told in page.told if isinstance(told, Changed)]
    assert (numbers, position) == ([1, 2, 3, 4], 4)
    assert await node.engine.purge(9e9, 2) == 2
    page = await node.engine.feed(1, 10)
    assert page.is_gap
    assert [told.entry.seq for told in page.told if isinstance(told, Changed)] == [3, 4]
    assert not (await node.engine.feed(2, 10)).is_gap
    # The newest stays, so that numbers never begin anew.
    assert await node.engine.purge(9e9, 10) == 1
    # As after a failover to a standby that did not have all.
    assert await node.engine.feed(9, 10) == ([], 4, True)


async def test_the_journal_is_read_both_ways(node: Node) -> None:
    """Of all, or of one presentity."""
    await node.commit(sets(ALICE, NOTHING_STORED, FIRST), sets(BOB, NOTHING_STORED, FIRST))
    await node.commit(sets(ALICE, FIRST, SECOND))
    journal = node.engine.journal

    async def numbers(*bounds: int | None, of: Aor | None = None, at_most: int = 9) -> list[int]:
        after, before = bounds
        return [entry.seq for entry in await journal(after, before, of, at_most)]

    assert await numbers(0, None) == [1, 2, 3]
    assert await numbers(1, None, at_most=1) == [2]
    assert await numbers(None, None) == [3, 2, 1]
    assert await numbers(None, 3, of=ALICE) == [1]
    assert await numbers(0, None, of=ALICE) == [1, 3]
    [newest] = await journal(None, None, None, 1)
    assert await node.engine.changed_since(newest.at) == {ALICE}
    assert await node.engine.changed_since(newest.at + 1) == frozenset()
    assert await node.engine.changed_since(0.0) == {ALICE, BOB}
    assert await node.engine.changed_after(newest.seq) == frozenset()
    assert await node.engine.changed_after(newest.seq - 1) == {ALICE}
    assert await node.engine.changed_after(0) == {ALICE, BOB}


async def test_a_set_that_comes_to_the_same_has_no_row_in_the_feed(node: Node) -> None:
    """It is confirmed by what it has seen."""
    await node.commit(sets(ALICE, NOTHING_STORED, FIRST))
    step = Step((), seen=((ALICE, 1),), visit=node.row())
    assert await node.commit(step) == [Outcome(Verdict.STORED)]
    assert (await node.engine.feed(0, 10)).last == 1


async def test_presentities_come_in_pages_of_some_domains(node: Node) -> None:
    """By domain and user, as bytes sort."""
    users = [Aor(user, domain) for domain in ("a.test", "b.test") for user in ("Z", "a", "\u00fc")]
    await node.commit(*[sets(user, NOTHING_STORED, FIRST) for user in users])
    every = await node.engine.page(None, 10, None)
    assert [one.presentity for one in every] == users
    some = await node.engine.page(users[1], 2, None)
    assert [one.presentity for one in some] == users[2:4]
    only = await node.engine.page(users[0], 10, frozenset(["b.test"]))
    assert [one.presentity for one in only] == users[3:]


async def test_what_an_older_node_does_not_know_survives_its_writes(node: Node) -> None:
    """A feature of a newer release, and a value of a feature that it does know."""
    await node.commit(sets(ALICE, NOTHING_STORED, SECOND._replace(revision=1)))
    newer = """
        UPDATE dfks.presentity SET states = states || '{"Newer": {"status": true, "values": {}}}'
            || '{"DoNotDisturb": {"status": true, "values": {"until": "noon"}}}'"""
    await asyncio.to_thread(node.database.run, newer)
    known = await node.stored(ALICE)
    assert known == SECOND._replace(revision=1)
    assert await node.verdicts(sets(ALICE, known, known.replace(CFA, ON))) == [Verdict.STORED]
    [(states,)] = node.database.run("SELECT states FROM dfks.presentity")
    assert states["Newer"] == {"status": True, "values": {}}
    assert states["DoNotDisturb"]["values"] == {"until": "noon"}
    assert states["CallForwardingAlways"] == {"status": True, "values": {}}
    node.database.run("UPDATE dfks.change SET feature = 'Newer' WHERE seq = 1")
    assert [one.seq for one in await node.engine.journal(0, None, None, 9)] == [2, 3]
    page = await node.engine.feed(0, 9)
    assert (len(page.told), page.last) == (2, 3)


async def test_what_no_database_can_hold_keeps_nothing_else_from_being_stored(node: Node) -> None:
    """A NUL, or half of a surrogate pair, in a name or a value; and what builds on it."""
    odd = NOTHING_STORED.replace(CFA, FeatureState(True, values_from({Value.FORWARD_TO: "\0"})))
    good = sets(BOB, NOTHING_STORED, FIRST)
    steps = [
        sets(ALICE, NOTHING_STORED, odd),
        sets(Aor("\ud800", "example.com"), NOTHING_STORED, FIRST),
        good._replace(builds_on=(0,)),
        good,
    ]
    assert await node.verdicts(*steps) == [
        Verdict.UNAVAILABLE,
        Verdict.UNAVAILABLE,
        Verdict.CONFLICT,
        Verdict.STORED,
    ]


async def test_purge_removes_what_its_owner_has_forgotten(nodes: Nodes) -> None:
    """Subscriptions that ended a day ago, and lives of yesterday."""
    dead, node = await nodes.join(), await nodes.join()
    await node.keep(node.row(1)._replace(deadline=1.0), node.row(2))
    await dead.engine.leave(dead.epoch, is_clean=True)
    nodes.database.run("UPDATE dfks.node SET ended = ended - interval '1 day'")
    assert await node.engine.claim(node.epoch) == []
    for _ in range(2):
        assert await node.engine.purge(0.0, 100) == 0
    assert await node.rows_of(node.row(1), node.row(2)) == [node.row(2)]
    assert nodes.database.run("SELECT epoch FROM dfks.node") == [(node.epoch,)]
    assert nodes.database.run("SELECT epoch FROM dfks.lease") == [(node.epoch,)]


async def test_a_hint_is_heard_by_the_others(nodes: Nodes) -> None:
    """Which may then read the feed sooner."""
    first, second = await nodes.join(), await nodes.join()
    heard = asyncio.Event()
    await first.engine.listen(heard.set)
    await second.engine.hint()
    await asyncio.wait_for(heard.wait(), 10)
