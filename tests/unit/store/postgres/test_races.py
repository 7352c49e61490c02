"""What happens where several meet in a real PostgreSQL; each was a mistake of a prototype once.

Somebody else holds a lock, or a backend is stopped, so that each meeting happens at each run.
"""

import asyncio

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow, Gone, Verdict
from dfks_rules.store.postgres.ports import COHORTS, Changed, Moved, Sought, Step
from tests.helpers.engines import Node, Nodes, sets
from tests.helpers.postgres import needs_postgres
from tests.helpers.stored import ALICE, BOB, DND, OFF, ON
from tests.helpers.wanted import change

pytestmark = needs_postgres

FIRST = NOTHING_STORED.replace(DND, ON)
COUNTER = "SELECT FROM dfks.counter WHERE name = 'newest' FOR UPDATE"
"""What a commit locks last."""
ADOPT = "SELECT dfks.adopt_2($1, $2, $3, $4, $5)"


async def test_a_burial_waits_for_a_commit_under_way(nodes: Nodes) -> None:
    """So what is stored was stored by a node that lived."""
    first, second = await nodes.join(), await nodes.join()
    async with nodes.transaction(COUNTER):
        commit = asyncio.create_task(first.verdicts(sets(ALICE, NOTHING_STORED, FIRST)))
        await nodes.waits(1)
        first.end_lease()
        burial = asyncio.create_task(second.engine.bury(second.epoch))
        await nodes.waits(2)
    assert await commit == [Verdict.STORED]
    assert await burial == [first.epoch]
    assert await second.stored(ALICE) == FIRST


async def test_a_commit_that_meets_a_burial_is_fenced(nodes: Nodes) -> None:
    """It waits until the burial is done, then stores nothing."""
    first, second = await nodes.join(), await nodes.join()
    first.end_lease()
    async with nodes.transaction("SELECT dfks.bury_1($1)", second.epoch):
        commit = asyncio.create_task(first.verdicts(sets(ALICE, NOTHING_STORED, FIRST)))
        adoption = asyncio.create_task(first.adopt(b"any", first.row()))
        renewal = asyncio.create_task(first.is_alive())
        await nodes.waits(3)
    assert await commit == [Verdict.FENCED]
    with pytest.raises(StoreError, match="dead"):
        await adoption
    assert not await renewal
    assert await second.stored(ALICE) == NOTHING_STORED


async def test_a_lease_that_is_renewed_meanwhile_is_not_over(nodes: Nodes) -> None:
    """A burial looks again at what it has locked."""
    first, second = await nodes.join(), await nodes.join()
    first.end_lease()
    renew = "SELECT dfks.renew_1($1, 60, '', 0, 0, 0)"
    async with nodes.transaction(renew, first.epoch):
        assert await second.engine.bury(second.epoch) == []
    assert await second.engine.bury(second.epoch) == []
    assert await first.is_alive()


async def test_a_backend_that_stops_keeps_only_its_own_node_from_the_grave(nodes: Nodes) -> None:
    """When it goes on, its commit is whole; the connection is not used again."""
    first, second, third = await nodes.join(0.7), await nodes.join(), await nodes.join()
    server = nodes.database.server
    await first.commit()
    async with nodes.transaction(COUNTER):
        commit = asyncio.create_task(first.verdicts(sets(ALICE, NOTHING_STORED, FIRST)))
        await nodes.waits(1)
        frozen = server.freeze(f"dfks {first.name} commit")
    with pytest.raises(StoreError, match="does not answer"):
        await commit
    first.end_lease()
    third.end_lease()
    assert await second.engine.bury(second.epoch) == [third.epoch]
    # Another connection is made; the first node is still alive, so it may write.
    assert await first.verdicts(Step(rows=(first.row(),))) == [Verdict.STORED]
    [fresh] = set(server.backends(f"dfks {first.name} commit")) - {frozen}
    server.thaw(frozen)
    for _ in range(100):
        if frozen not in server.backends(f"dfks {first.name} commit"):
            break
        await asyncio.sleep(0.1)
    assert server.backends(f"dfks {first.name} commit") == [fresh]
    assert await second.stored(ALICE) in (NOTHING_STORED, FIRST)
    assert await second.engine.bury(second.epoch) == [first.epoch]
    assert await first.verdicts(sets(BOB, NOTHING_STORED, FIRST)) == [Verdict.FENCED]


async def test_an_adoption_reads_the_term_that_a_claim_has_raised(nodes: Nodes) -> None:
    """Else two nodes would send NOTIFYs with the same CSeq (run 1 of the prototype)."""
    dead, claims, adopts = [await nodes.join() for _ in range(3)]
    await dead.keep(dead.row())
    await dead.engine.leave(dead.epoch, is_clean=False)
    async with nodes.transaction("SELECT dfks.claim_1($1, NULL, false)", claims.epoch):
        adoption = asyncio.create_task(adopts.adopt(dead.row().tag, adopts.row()))
        await nodes.waits(1)
    assert await adoption == dead.row()._replace(row=adopts.row().row, base=2)


async def test_a_claim_leaves_out_what_is_being_adopted(nodes: Nodes) -> None:
    """The dialog is the adopter's, and its cohort is empty then."""
    dead, claims, adopts = [await nodes.join() for _ in range(3)]
    await dead.keep(dead.row(1), dead.row(2))
    await dead.engine.leave(dead.epoch, is_clean=False)
    async with nodes.transaction(
        ADOPT, adopts.epoch, [dead.row(1).tag], [adopts.row(1).row], [1], [False]
    ):
        [claimed] = await claims.engine.claim(claims.epoch)
    assert claimed.cohort == dead.epoch * COHORTS + 2
    assert await claims.engine.claim(claims.epoch) == []


async def test_a_living_dialog_is_never_unknown(nodes: Nodes) -> None:
    """It moves while somebody else waits to adopt it (run 7: answered by 481)."""
    first, second, third = [await nodes.join() for _ in range(3)]
    await first.keep(first.row())
    tag = first.row().tag

    async def adopted() -> DialogRow | Gone:
        while (found := await third.adopt(tag, third.row())) is Gone.UNAVAILABLE:
            pass
        return found

    async with nodes.transaction(ADOPT, second.epoch, [tag], [second.row().row], [1], [False]):
        assert await first.adopt(tag) is Gone.UNAVAILABLE
        adoption = asyncio.create_task(adopted())
        await nodes.waits(1)
    assert await adoption == first.row()._replace(row=third.row().row, base=2)


async def test_a_dialog_that_somebody_writes_keeps_no_other_one_from_moving(nodes: Nodes) -> None:
    """A writer may hang; the phones of all others come at the same time."""
    first, second = await nodes.join(), await nodes.join()
    await first.keep(first.row(1), first.row(2))
    again = "UPDATE dfks.subscription SET cseq = 2 WHERE number = $1"
    sought = [Sought(first.row(n).tag, second.row(n).row, 2) for n in (1, 2)]
    async with nodes.transaction(again, first.row(1).row):
        moved = first.row(2)._replace(row=second.row(2).row, base=1)
        assert await second.engine.adopt(second.epoch, sought) == [Gone.UNAVAILABLE, moved]
    moved_too = first.row(1, cseq=2)._replace(row=second.row(1).row, base=1)
    assert await second.engine.adopt(second.epoch, sought) == [moved_too, moved]


async def test_nodes_that_adopt_the_same_dialogs_in_any_order_take_each_once(nodes: Nodes) -> None:
    """No two locks of theirs are ever taken in both orders."""
    first, *others = [await nodes.join() for _ in range(3)]
    rows = [first.row(n) for n in range(1, 41)]
    await first.keep(*rows)

    async def take(node: Node, order: list[int]) -> None:
        sought = {n: Sought(rows[n].tag, node.row(n).row, 1) for n in order}
        while sought:
            found = await node.engine.adopt(node.epoch, [*sought.values()])
            for n, row in zip([*sought], found, strict=True):
                if row is not Gone.UNAVAILABLE:
                    assert isinstance(row, DialogRow)
                    del sought[n]

    places = [*range(40)]
    async with asyncio.timeout(20):
        await asyncio.gather(take(others[0], places), take(others[1], places[::-1]))
    told = (await first.engine.feed(0, 1_000)).told
    assert [one.seq for one in told if isinstance(one, Moved)] == [*range(1, 81)]


async def test_what_others_change_does_not_wait_for_adoptions(nodes: Nodes) -> None:
    """Many phones come at once when their node dies, and each call waits for the disk."""
    first, second = await nodes.join(), await nodes.join()
    await first.keep(first.row())
    async with nodes.transaction(COUNTER):
        adoption = asyncio.create_task(second.adopt(first.row().tag, second.row()))
        await nodes.waits(1)
        async with asyncio.timeout(1.0):
            assert (await second.engine.feed(0, 10)).told == []
        assert not adoption.done()
    assert isinstance(await adoption, DialogRow)


async def test_a_set_in_a_dialog_that_moves_meanwhile_is_not_stored(nodes: Nodes) -> None:
    """The node is told that it has moved, and what it wrote behind is lost."""
    first, second = await nodes.join(), await nodes.join()
    await first.keep(first.row())
    async with nodes.transaction(
        ADOPT, second.epoch, [first.row().tag], [second.row().row], [1], [False]
    ):
        again = first.row(cseq=2, first=None)
        step = sets(ALICE, NOTHING_STORED, FIRST, again)
        commit = asyncio.create_task(first.commit(step, Step(rows=(again,), gone=(again.row,))))
        await nodes.waits(1)
    [visited, behind] = await commit
    assert (visited.verdict, behind.lost) == (Verdict.MOVED, (first.row().row,))
    assert await first.stored(ALICE) == NOTHING_STORED
    assert await second.rows_of(second.row()) == [
        first.row()._replace(row=second.row().row, base=1)
    ]


async def test_a_subscribe_that_comes_to_two_nodes_at_once_makes_one_dialog(nodes: Nodes) -> None:
    """The later one adopts it."""
    first, second = await nodes.join(), await nodes.join()
    insert = """
        INSERT INTO dfks.subscription
            (number, tag, domain, username, deadline, cseq, base, flags, first)
        VALUES ($1, $2, 'example.com', 'alice', 2e9, 1, 0, 0, '')"""
    row = second.row()._replace(tag=first.row().tag)
    async with nodes.transaction(insert, first.row().row, first.row().tag):
        step = sets(ALICE, NOTHING_STORED, FIRST, row)
        commit = asyncio.create_task(second.verdicts(step))
        await nodes.waits(1)
    assert await commit == [Verdict.MOVED]
    assert await second.stored(ALICE) == NOTHING_STORED


async def test_a_presentity_that_two_nodes_change_first_is_changed_once(nodes: Nodes) -> None:
    """It has no row yet that one of them could lock."""
    first, second = await nodes.join(), await nodes.join()
    insert = """
        INSERT INTO dfks.presentity
        VALUES ('example.com', 'alice', 1, '{}', clock_timestamp())"""
    async with nodes.transaction(insert):
        commit = asyncio.create_task(first.verdicts(sets(ALICE, NOTHING_STORED, FIRST)))
        await nodes.waits(1)
    assert await commit == [Verdict.CONFLICT]
    verdicts = await asyncio.gather(
        *[node.verdicts(sets(BOB, NOTHING_STORED, FIRST)) for node in (first, second)]
    )
    assert sorted(verdict.name for [verdict] in verdicts) == ["CONFLICT", "STORED"]


async def test_what_another_node_changes_meanwhile_is_a_conflict(nodes: Nodes) -> None:
    """For whoever changes it, too, and for whoever has only looked at it."""
    node = await nodes.join()
    await node.commit(sets(ALICE, NOTHING_STORED, FIRST))
    raised = "UPDATE dfks.presentity SET revision = revision + 1 WHERE username = 'alice'"
    async with nodes.transaction(raised):
        changes = sets(ALICE, FIRST, FIRST.replace(DND, OFF))
        looks = Step((change(BOB, NOTHING_STORED, FIRST),), seen=((ALICE, 1),))
        commit = asyncio.create_task(node.verdicts(changes, looks))
        await nodes.waits(1)
    assert await commit == [Verdict.CONFLICT] * 2
    assert await node.stored(ALICE) == FIRST._replace(revision=2)


async def test_the_feed_has_no_holes_whoever_reads_it_when(nodes: Nodes) -> None:
    """Numbers are in the order of commits: whoever has read one has read all before it.

    Three write, and take from each other: groups in both orders, and steps that come to nothing.
    """
    writers = [await nodes.join() for _ in range(3)]
    reader = await nodes.join()
    users = [Aor(f"u{n}", "example.com") for n in range(8)]

    async def write(node: Node, number: int) -> int:
        count = 0
        for turn in range(25):
            pair = [users[(turn + number) % 8], users[(turn * 3 + number) % 8]]
            found = dict(await node.engine.fetch(users))
            steps = [
                Step(
                    tuple(
                        change(user, found[user], found[user].replace(DND, _other(found[user])))
                        for user in dict.fromkeys(some)
                    )
                )
                for some in (pair, pair[::-1], users[number : number + 1])
            ]
            for step, outcome in zip(steps, await node.commit(*steps), strict=True):
                assert outcome.verdict in (Verdict.STORED, Verdict.CONFLICT)
                count += len(step.changes) if outcome.verdict is Verdict.STORED else 0
        return count

    async def read() -> list[int]:
        numbers: list[int] = []
        while not (stopped.is_set() and (await reader.engine.feed(len(numbers), 1)).told == []):
            page = await reader.engine.feed(len(numbers), 7)
            numbers += [told.entry.seq for told in page.told if isinstance(told, Changed)]
            assert page.last == len(numbers)
        return numbers

    stopped = asyncio.Event()
    reading = asyncio.create_task(read())
    counts = await asyncio.gather(*[write(node, n) for n, node in enumerate(writers)])
    stopped.set()
    assert await reading == [*range(1, sum(counts) + 1)]
    for user in users:
        history = await reader.engine.journal(0, None, user, 1000)
        assert [entry.revision for entry in history] == [*range(1, len(history) + 1)]
        assert (await reader.stored(user)).revision == len(history)


def _other(snapshot: Snapshot) -> FeatureState:
    return ON._replace(status=not snapshot.state(DND).status)
