"""Group commit over an engine that is somewhere else."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow, Verdict, Wanted
from dfks_rules.store.postgres import group
from dfks_rules.store.postgres.group import PATIENCE, RETRY
from dfks_rules.store.postgres.ports import Outcome, Step
from dfks_rules.store.postgres.store import CLOSES_WITHIN
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import FakeEngine, Fault, Loss
from tests.helpers.joined import Node, adopted, join, stored, virtually, written
from tests.helpers.states import forwarding
from tests.helpers.wanted import change, commit, dialog_row, outcome, wanted

ALICE, BOB = Aor("alice", "example.com"), Aor("bob", "example.com")
ON = FeatureState(status=True)
FIRST = NOTHING_STORED.replace(FEATURES[0], ON)
SECOND = FIRST.replace(FEATURES[1], forwarding(True, "2"))
THIRD = SECOND.replace(FEATURES[1], forwarding(True, "3"))
MINE = NOTHING_STORED.replace(FEATURES[2], forwarding(True, "9"))


class _Noted:
    """The steps of each commit."""

    def __init__(self, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commits: list[Sequence[Step]] = []
        self._commit = engine.commit
        monkeypatch.setattr(engine, "commit", self)

    async def __call__(self, epoch: int, steps: Sequence[Step], start: str) -> list[Outcome]:
        self.commits.append(steps)
        return await self._commit(epoch, steps, start)


def _users(count: int) -> list[Aor]:
    return [Aor(f"user{number}", "example.com") for number in range(count)]


@virtually
async def test_what_is_asked_for_in_one_turn_is_one_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is asked for meanwhile is the next one: one round trip for many."""
    node = await join()
    noted = _Noted(node.engine, monkeypatch)
    node.faults.add("commit", Fault(before=0.01))
    results = [commit(node.store, wanted(user, NOTHING_STORED, FIRST)) for user in _users(5)]
    await asyncio.sleep(0.005)
    later = _users(12)[5:]
    results += [commit(node.store, wanted(user, NOTHING_STORED, FIRST)) for user in later]
    assert node.store.queue == 12
    assert node.store.has_requests
    assert [await outcome(one) for one in results] == [Verdict.STORED] * 12
    assert [len(steps) for steps in noted.commits] == [5, 7]
    assert (node.store.queue, node.store.has_requests) == (0, False)


async def test_commits_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other nodes wait for the numbers of one."""
    node = await join()
    monkeypatch.setattr(group, "MAX_BATCH", 4)
    noted = _Noted(node.engine, monkeypatch)
    results = [commit(node.store, wanted(user, NOTHING_STORED, FIRST)) for user in _users(10)]
    assert [await outcome(one) for one in results] == [Verdict.STORED] * 10
    assert [len(steps) for steps in noted.commits] == [4, 4, 2]


async def test_steps_say_on_which_others_they_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two presses of one key, and somebody else's in between."""
    node = await join()
    noted = _Noted(node.engine, monkeypatch)
    results = [
        commit(node.store, wanted(ALICE, NOTHING_STORED, FIRST)),
        commit(node.store, wanted(BOB, NOTHING_STORED, FIRST)),
        commit(node.store, Wanted((change(ALICE, FIRST, SECOND), change(BOB, FIRST, SECOND)))),
        commit(node.store, wanted(ALICE, NOTHING_STORED, MINE)),
        commit(node.store, wanted(ALICE, SECOND, THIRD)),
    ]
    verdicts = [await outcome(one) for one in results]
    assert verdicts == [*[Verdict.STORED] * 3, Verdict.CONFLICT, Verdict.STORED]
    assert [step.builds_on for step in noted.commits[0]] == [(), (), (0, 1), (), (2,)]


@virtually
async def test_what_builds_on_an_earlier_commit_that_was_not_stored_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Though another node has stored the very revision on which it was decided."""
    database = FakeDatabase(time.time)
    node, other = await join(database), await join(database)
    await commit(other.store, wanted(ALICE, NOTHING_STORED, MINE))
    noted = _Noted(node.engine, monkeypatch)
    node.faults.add("commit", Fault(before=0.01))
    first = commit(node.store, wanted(ALICE, NOTHING_STORED, FIRST))
    await asyncio.sleep(0.005)
    chain = [
        commit(node.store, wanted(ALICE, FIRST, SECOND)),
        commit(node.store, wanted(BOB, NOTHING_STORED, FIRST)),
        commit(node.store, wanted(ALICE, SECOND, THIRD)),
    ]
    verdicts = [await outcome(one) for one in (first, *chain)]
    assert verdicts == [Verdict.CONFLICT, Verdict.CONFLICT, Verdict.STORED, Verdict.CONFLICT]
    assert [len(steps) for steps in noted.commits] == [1, 1]
    assert await stored(node.store, ALICE) == MINE


@pytest.mark.parametrize("loss", [Loss.ANSWER, Loss.QUESTION])
@virtually
async def test_after_a_failure_nobody_knows_what_is_stored(loss: Loss) -> None:
    """All of the batch are told so; what they changed is read anew."""
    node = await join()
    assert await stored(node.store, ALICE) == NOTHING_STORED
    node.faults.add("commit", Fault(loss=loss))
    results = [
        commit(node.store, wanted(ALICE, NOTHING_STORED, FIRST)),
        commit(node.store, wanted(ALICE, FIRST, SECOND)),
        commit(node.store, Wanted((), ((BOB, 0),))),
    ]
    await asyncio.sleep(1.0)
    results.append(commit(node.store, wanted(ALICE, SECOND, THIRD)))
    verdicts = [await outcome(one) for one in results]
    assert verdicts == [*[Verdict.UNAVAILABLE] * 3, Verdict.CONFLICT]
    errors = [one.result()[1] for one in results[:3]]
    assert [error and error.code for error in errors] == ["store_unavailable"] * 3
    assert node.store.is_failing
    assert node.store.known(ALICE) is None
    assert await stored(node.store, ALICE) == (SECOND if loss is Loss.ANSWER else NOTHING_STORED)
    assert await outcome(commit(node.store, Wanted(()))) is Verdict.STORED
    assert not node.store.is_failing


@virtually
async def test_a_set_waits_while_the_engine_is_out_of_reach() -> None:
    """It was not sent, so nothing is in doubt; in the order in which they came."""
    node = await join()
    loop = asyncio.get_running_loop()
    node.engine.is_out = True
    loop.call_later(1.5, setattr, node.engine, "is_out", False)
    results = [commit(node.store, wanted(ALICE, NOTHING_STORED, FIRST))]
    await asyncio.sleep(1.0)
    results.append(commit(node.store, wanted(ALICE, FIRST, SECOND)))
    assert node.store.is_failing
    assert [await outcome(one) for one in results] == [Verdict.STORED] * 2
    assert not node.store.is_failing


@virtually
async def test_a_set_does_not_wait_for_ever() -> None:
    """Its phone goes to another node."""
    node = await join()
    loop = asyncio.get_running_loop()
    node.engine.is_out = True
    began = loop.time()
    first = commit(node.store, wanted(ALICE, NOTHING_STORED, FIRST))
    await asyncio.sleep(1.0)
    later = commit(node.store, wanted(ALICE, FIRST, SECOND))
    assert await outcome(first) is Verdict.UNAVAILABLE
    assert PATIENCE <= loop.time() - began <= PATIENCE + 2 * RETRY
    node.engine.is_out = False
    assert await outcome(later) is Verdict.CONFLICT
    assert await stored(node.store, ALICE) == NOTHING_STORED


@virtually
async def test_a_node_that_is_taken_for_dead_stores_nothing_any_more() -> None:
    """Whoever waits is told so, whoever asks later, too; and whoever runs the node, once."""
    node = await join()
    told: list[str] = []
    node.store.on_fenced = lambda: told.append("fenced")
    node.faults.add("commit", Fault(before=0.01))
    results = [commit(node.store, wanted(ALICE, NOTHING_STORED, FIRST))]
    await asyncio.sleep(0.005)
    results += [commit(node.store, wanted(user, NOTHING_STORED, FIRST)) for user in _users(300)]
    node.engine.database.end(node.epoch, is_clean=False)
    assert {await outcome(one) for one in results} == {Verdict.FENCED}
    assert node.faults.calls == ["commit"]
    assert await outcome(commit(node.store, Wanted(()))) is Verdict.FENCED
    assert not await written(node.store, [dialog_row(node.store.number())])
    assert told == ["fenced"]
    assert node.store.is_failing


async def test_rows_written_behind_ride_with_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """And whose rows are no longer ours is told apart."""
    database = FakeDatabase(time.time)
    node, other = await join(database), await join(database)
    mine, theirs, gone = [dialog_row(node.store.number()) for _ in range(3)]
    assert await written(node.store, [mine, theirs, gone])
    assert isinstance(await adopted(other.store, theirs.tag), DialogRow)
    lost: list[Sequence[int]] = []
    node.store.on_lost = lost.append
    noted = _Noted(node.engine, monkeypatch)
    again = [one._replace(cseq=2, first=None) for one in (mine, theirs)]
    request = commit(node.store, wanted(ALICE, NOTHING_STORED, FIRST))
    assert await written(node.store, again, [gone.row])
    assert await outcome(request) is Verdict.STORED
    assert len(noted.commits) == 1
    await asyncio.sleep(0)
    assert lost == [[theirs.row]]
    assert {row.tag: row.cseq for row in database.rows.values()} == {mine.tag: 2, theirs.tag: 1}
    counts = node.store.counts
    assert (counts["subscriptions_written"], counts["subscriptions_removed"]) == (4, 1)
    assert (counts["changes_written"], counts["stored"]) == (1, 1)


@virtually
async def test_rows_that_are_not_written_are_told_and_counted() -> None:
    """Whoever wrote them tries again."""
    node = await join()
    node.faults.add("commit", Fault(loss=Loss.QUESTION))
    assert not await written(node.store, [dialog_row(node.store.number())], [1, 2])
    assert node.store.counts["subscriptions_failed"] == 3
    assert not node.store.has_requests


async def test_a_value_that_the_engine_cannot_hold_costs_nobody_else_a_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says so of the one step."""
    node = await join()

    async def refuse(*_: object) -> list[Outcome]:
        return [Outcome(Verdict.UNAVAILABLE), Outcome(Verdict.STORED)]

    monkeypatch.setattr(node.engine, "commit", refuse)
    results = [commit(node.store, wanted(one, NOTHING_STORED, FIRST)) for one in (ALICE, BOB)]
    assert [await outcome(one) for one in results] == [Verdict.UNAVAILABLE, Verdict.STORED]
    assert "cannot be stored" in str(results[0].result()[1])


async def test_too_many_that_wait_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded."""
    monkeypatch.setattr(group, "MOST_WAITING", 2)
    node = await join()
    results = [commit(node.store, Wanted(())) for _ in range(3)]
    verdicts = [await outcome(one) for one in results]
    assert verdicts == [Verdict.STORED, Verdict.STORED, Verdict.UNAVAILABLE]


async def test_a_bug_in_the_engine_or_of_who_asks_costs_others_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever waits is told, and the next commit is stored."""
    node = await join()
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what))
    with monkeypatch.context() as broken:
        broken.setattr(node.engine, "commit", lambda *_: 1 / 0)
        assert await outcome(commit(node.store, Wanted(()))) is Verdict.UNAVAILABLE
    node.store.commit(Wanted(()), lambda *_: 1 / 0)  # type: ignore[arg-type]
    assert await outcome(commit(node.store, Wanted(()))) is Verdict.STORED
    assert len(told) == 1


async def test_what_is_settled_is_told_before_what_waits_for_it() -> None:
    """The feed must not be quicker than the answer to an own commit."""
    node = await join()
    order: list[str] = []
    node.store.when_settled(ALICE, lambda: order.append("at once"))
    for name, before, after in (("one", NOTHING_STORED, FIRST), ("two", FIRST, SECOND)):
        node.store.commit(
            wanted(ALICE, before, after),
            lambda *_, name=name: order.append(name),
        )
    node.store.commit(wanted(BOB, NOTHING_STORED, FIRST), lambda *_: order.append("other"))
    node.store.when_settled(ALICE, lambda: order.append("then"))
    assert order == ["at once"]
    await node.store.settled()
    assert order == ["at once", "one", "two", "then", "other"]


async def test_a_set_that_changed_nothing_is_settled_before_what_the_feed_says_later() -> None:
    """Else its phone would be told last what it had asked for, and not what is stored."""
    node = await join()
    order: list[str] = []
    node.store.commit(Wanted((), ((ALICE, 0),)), lambda *_: order.append("as it was"))
    node.store.when_settled(ALICE, lambda: order.append("changed"))
    node.store.when_settled(BOB, lambda: order.append("another"))
    assert order == ["another"]
    await node.store.settled()
    assert order == ["another", "as it was", "changed"]
    node.store.when_settled(ALICE, lambda: order.append("at once"))
    assert order[-1] == "at once"


async def test_a_new_dialog_is_told_before_what_the_feed_says_later() -> None:
    """What it is told was read when its SUBSCRIBE came."""
    node = await join()
    order: list[str] = []
    row = dialog_row(node.store.number())
    node.store.commit(Wanted((), (), row), lambda *_: order.append("as it was"))
    node.store.when_settled(row.presentity, lambda: order.append("changed"))
    assert order == []
    await node.store.settled()
    assert order == ["as it was", "changed"]


async def test_nothing_under_way_is_settled() -> None:
    """Nobody waits for nothing."""
    await (await join()).store.settled()


@virtually
async def test_the_end_waits_for_the_engine_but_not_for_ever() -> None:
    """What is left then is in doubt."""
    node = await join()
    loop = asyncio.get_running_loop()
    node.faults.add("commit", Fault(), Fault(before=100.0))
    users = _users(3 * group.MAX_BATCH)
    results = [commit(node.store, wanted(one, NOTHING_STORED, FIRST)) for one in users]
    began = loop.time()
    await node.store.close()
    assert loop.time() - began <= CLOSES_WITHIN
    verdicts = [one.result()[0] for one in results]
    size = group.MAX_BATCH
    assert verdicts[:size] == [Verdict.STORED] * size
    assert verdicts[size : 2 * size] == [Verdict.UNAVAILABLE] * size
    assert await outcome(commit(node.store, Wanted(()))) is Verdict.UNAVAILABLE
    assert node.engine.is_closed


async def test_how_long_commits_take_is_counted() -> None:
    """Also those that fail."""
    node = await join()
    await commit(node.store, Wanted(()))
    await commit(node.store, Wanted((), ((ALICE, 7),)))
    assert sum(node.store.committed.counts) == 2
    assert node.store.counts["conflicts"] == 1


async def test_numbers_of_own_changes_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all before them, whoever made those."""
    database = FakeDatabase(time.time)
    node, other = await join(database), await join(database)
    assert node.store.durable() == 0
    await commit(other.store, wanted(BOB, NOTHING_STORED, FIRST))
    await commit(node.store, wanted(ALICE, NOTHING_STORED, _twice()))
    assert node.store.durable() == 3
    node.store.heard(2)
    assert node.store.durable() == 3
    node.store.heard(4)
    assert node.store.durable() == 4
    late: Node = await join(database)
    assert late.store.durable() == 3


def _twice() -> Snapshot:
    """One request that changes two features."""
    states = list(FIRST.states)
    states[1] = forwarding(True, "2")
    return Snapshot(1, tuple(states))
