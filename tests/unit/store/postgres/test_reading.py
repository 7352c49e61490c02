"""Reads for decisions."""

import asyncio

import pytest

from dfks_rules.model.features import FEATURES, NOTHING_STORED, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Verdict
from dfks_rules.store.postgres import reading
from dfks_rules.store.postgres.group import PATIENCE
from tests.helpers.engine import NO_FAULT, Fault, Loss
from tests.helpers.joined import fetched, join, virtually
from tests.helpers.wanted import commit, outcome, wanted

ALICE, BOB, CAROL = (Aor(name, "example.com") for name in ("alice", "bob", "carol"))
FIRST = NOTHING_STORED.replace(FEATURES[0], FeatureState(status=True))
SECOND = FIRST.replace(FEATURES[0], FeatureState())


async def test_what_is_asked_for_in_one_turn_is_one_call() -> None:
    """Whoever asks; each user is named once."""
    node = await join()
    found = await asyncio.gather(*[fetched(node.store, ALICE, one) for one in (ALICE, BOB, CAROL)])
    assert found == [None] * 3
    assert node.faults.calls == ["fetch"]
    assert [node.store.known(one) for one in (ALICE, BOB, CAROL)] == [NOTHING_STORED] * 3


@virtually
async def test_what_is_asked_for_during_a_call_is_read_after_it() -> None:
    """After a conflict, the answer to an older question would be the old state."""
    node = await join()
    node.faults.add("fetch", Fault(before=0.0, after=0.01))
    first = asyncio.create_task(fetched(node.store, ALICE))
    await asyncio.sleep(0.005)
    node.engine.database.snapshots[ALICE] = FIRST
    second = asyncio.create_task(fetched(node.store, ALICE))
    assert await first is None
    assert node.store.known(ALICE) == NOTHING_STORED
    assert await second is None
    assert node.store.known(ALICE) == FIRST


async def test_a_long_queue_is_read_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """One who asks for more than that has them in one."""
    monkeypatch.setattr(reading, "MOST_AT_ONCE", 2)
    node = await join()
    asked = [(ALICE, BOB, CAROL), (ALICE,), (BOB,), (CAROL,)]
    assert await asyncio.gather(*[fetched(node.store, *one) for one in asked]) == [None] * 4
    assert node.faults.calls == ["fetch"] * 3


@virtually
async def test_a_read_waits_for_an_engine_that_comes_back() -> None:
    """And not for longer than a phone would."""
    node = await join()
    loop = asyncio.get_running_loop()
    node.engine.is_out = True
    loop.call_later(1.0, setattr, node.engine, "is_out", False)
    assert await fetched(node.store, ALICE) is None
    began = loop.time()
    node.engine.is_out = True
    error = await fetched(node.store, BOB)
    assert error is not None
    assert error.code == "store_unavailable"
    assert PATIENCE <= loop.time() - began < PATIENCE + 0.2
    assert node.store.known(BOB) is None
    assert node.store.counts["reads_failed"] > 2


@virtually
async def test_of_those_who_wait_each_is_told_once_whoever_has_waited_longest() -> None:
    """One whose read was no use, as an own commit was under way, stands behind later ones."""
    node = await join()
    node.faults.add("commit", Fault(after=1.0))
    node.faults.add("fetch", NO_FAULT, *[Fault(loss=Loss.UNSENT)] * 15)
    doubtful = commit(node.store, wanted(ALICE, FIRST, SECOND))
    first = asyncio.create_task(fetched(node.store, ALICE))
    await asyncio.sleep(0.95)
    second = asyncio.create_task(fetched(node.store, BOB))
    async with asyncio.timeout(10.0):
        error = await first
        assert error is not None
        assert await second is None
    assert await outcome(doubtful) is Verdict.CONFLICT


@virtually
async def test_after_a_lost_answer_those_who_have_not_waited_long_are_read_again() -> None:
    """A read changes nothing."""
    node = await join()
    node.faults.add("fetch", Fault(loss=Loss.ANSWER))
    slow = asyncio.create_task(fetched(node.store, ALICE))
    await asyncio.sleep(4.0)
    quick = asyncio.create_task(fetched(node.store, ALICE))
    error = await slow
    assert error is not None
    assert error.code == "store_unavailable"
    assert await quick is None


async def test_too_many_reads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded."""
    monkeypatch.setattr(reading, "MOST_WAITING", 1)
    node = await join()
    first = asyncio.create_task(fetched(node.store, ALICE))
    await asyncio.sleep(0)
    assert await fetched(node.store, BOB) is not None
    assert await first is None


@virtually
async def test_a_closed_store_reads_nothing() -> None:
    """Who asks is told so, then and later."""
    node = await join()
    node.faults.add("fetch", Fault(before=1.0))
    first = asyncio.create_task(fetched(node.store, ALICE))
    await asyncio.sleep(0.01)
    await node.store.close()
    assert await first is not None
    assert await fetched(node.store, ALICE) is not None


async def test_a_bug_of_one_who_asks_does_not_cost_others_their_answer() -> None:
    """The loop is told."""
    node = await join()
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what))
    node.store.fetch([ALICE], lambda *_: 1 / 0)  # type: ignore[arg-type]
    assert await fetched(node.store, BOB) is None
    assert len(told) == 1


@virtually
async def test_what_an_own_commit_has_stored_is_not_known_before_it_is_settled() -> None:
    """Else a phone would be told the new state, then what came of an earlier set."""
    node = await join()
    assert await fetched(node.store, ALICE) is None
    node.faults.add("commit", Fault(before=0.01, after=1.0))
    own = commit(node.store, wanted(ALICE, NOTHING_STORED, FIRST))
    await asyncio.sleep(0.5)
    reading_it = asyncio.create_task(fetched(node.store, ALICE, BOB))
    assert await fetched(node.store, BOB) is None
    assert not reading_it.done()
    assert node.store.known(ALICE) == NOTHING_STORED
    assert await outcome(own) is Verdict.STORED
    assert await reading_it is None
    assert node.store.known(ALICE) == FIRST
    assert node.faults.calls.count("fetch") == 2


@virtually
async def test_after_an_own_commit_that_failed_it_is_read_again() -> None:
    """The answer may be older than the failure."""
    node = await join()
    node.faults.add("commit", Fault(before=1.0))
    own = commit(node.store, wanted(ALICE, FIRST, FIRST._replace(revision=2)))
    await asyncio.sleep(0.5)
    assert await fetched(node.store, ALICE) is None
    assert own.done()
    assert await outcome(own) is Verdict.CONFLICT
    assert node.store.known(ALICE) == NOTHING_STORED
    assert node.faults.calls.count("fetch") == 2
