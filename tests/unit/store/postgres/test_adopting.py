"""Dialogs that become a node's, many in one call."""

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest

from dfks_rules.service.ports import DialogRow, Gone
from dfks_rules.store.postgres import adopting
from dfks_rules.store.postgres.group import MAX_BATCH, PATIENCE, RETRY
from dfks_rules.store.postgres.ports import Sought
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import Fault, Loss
from tests.helpers.joined import Node, adopted, join, virtually, with_dialog, written
from tests.helpers.wanted import dialog_row

Adopt = Callable[[int, Sequence[Sought]], object]


async def _rows(node: Node, count: int) -> list[DialogRow]:
    """So many dialogs of this node."""
    rows = [dialog_row(node.store.number()) for _ in range(count)]
    assert await written(node.store, rows)
    return rows


@virtually
async def test_dialogs_that_are_asked_for_meanwhile_are_adopted_in_one_call() -> None:
    """The first one does not wait for others, and a commit has a bound."""
    database = FakeDatabase(time.time)
    node, other = await join(database), await join(database)
    node.faults.usually = Fault(before=0.005)
    rows = await _rows(other, MAX_BATCH + 3)
    first = asyncio.ensure_future(adopted(node.store, rows[0].tag))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    found = await asyncio.gather(first, *[adopted(node.store, row.tag) for row in rows[1:]])
    assert [one.tag for one in found if isinstance(one, DialogRow)] == [row.tag for row in rows]
    assert node.faults.calls == ["adopt"] * 3


@virtually
async def test_a_dialog_that_somebody_writes_is_asked_for_again() -> None:
    """It is there; the others in its call need not wait for that."""
    database = FakeDatabase(time.time)
    node, other = await join(database), await join(database)
    rows = await _rows(other, 2)
    adopt, busy = node.engine.adopt, {rows[0].tag}

    async def partly(epoch: int, sought: Sequence[Sought]) -> list[DialogRow | Gone]:
        found = dict(
            zip(
                [one for one in sought if one.tag not in busy],
                await adopt(epoch, [one for one in sought if one.tag not in busy]),
                strict=True,
            )
        )
        return [found.get(one, Gone.UNAVAILABLE) for one in sought]

    node.engine.adopt = partly  # type: ignore[method-assign]
    loop = asyncio.get_running_loop()
    began = loop.time()
    late = asyncio.ensure_future(adopted(node.store, rows[0].tag))
    assert isinstance(await adopted(node.store, rows[1].tag), DialogRow)
    assert loop.time() - began < RETRY / 2
    await asyncio.sleep(PATIENCE / 2)
    assert not late.done()
    busy.clear()
    assert isinstance(await late, DialogRow)
    [third] = await _rows(other, 1)
    busy.add(third.tag)
    assert await adopted(node.store, third.tag) is Gone.UNAVAILABLE


@virtually
async def test_nobody_is_told_anything_after_the_end() -> None:
    """Phones ask another node."""
    database = FakeDatabase(time.time)
    node, other = await join(database), await join(database)
    rows = await _rows(other, 2)
    node.engine.is_out = True
    told: list[DialogRow | Gone] = []
    for row in rows:
        node.store.adopt(row.tag, 1, lambda found, _: told.append(found))
    await asyncio.sleep(RETRY / 2)
    await node.store.close()
    await asyncio.sleep(2 * PATIENCE)
    assert told == []
    assert await adopted(node.store, rows[0].tag) is Gone.UNAVAILABLE


@virtually
async def test_whoever_cannot_be_told_keeps_nobody_else_waiting() -> None:
    """A bug in the one is none in the others."""
    database = FakeDatabase(time.time)
    node, other = await join(database), await join(database)
    rows = await _rows(other, 2)
    loop = asyncio.get_running_loop()
    bugs: list[object] = []
    loop.set_exception_handler(lambda _, context: bugs.append(context["exception"]))

    def fails(_found: DialogRow | Gone, _now: float) -> None:
        raise ZeroDivisionError

    node.store.adopt(rows[0].tag, 1, fails)
    assert isinstance(await adopted(node.store, rows[1].tag), DialogRow)
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]


@virtually
async def test_in_doubt_nobody_says_that_a_dialog_does_not_exist() -> None:
    """The engine is asked again with the same number; then it is not available."""
    database = FakeDatabase(time.time)
    node, other = await join(database), await join(database)
    row = await with_dialog(other)
    node.faults.add("adopt", Fault(loss=Loss.UNSENT), Fault(loss=Loss.UNSENT))
    found = await adopted(node.store, row.tag)
    assert isinstance(found, DialogRow)
    node.faults.add("adopt", Fault(loss=Loss.ANSWER))
    assert await adopted(node.store, b"nobody's") is Gone.UNAVAILABLE
    node.engine.is_out = True
    began = asyncio.get_running_loop().time()
    assert await adopted(node.store, row.tag) is Gone.UNAVAILABLE
    assert asyncio.get_running_loop().time() - began <= PATIENCE + 0.2


async def test_a_node_that_is_taken_for_dead_adopts_nothing() -> None:
    """And whoever runs it is told."""
    database = FakeDatabase(time.time)
    node, other = await join(database), await join(database)
    row = await with_dialog(other)
    told: list[str] = []
    node.store.on_fenced = lambda: told.append("fenced")
    database.end(node.epoch, is_clean=False)
    assert await adopted(node.store, row.tag) is Gone.UNAVAILABLE
    await asyncio.sleep(0)
    assert told == ["fenced"]


async def test_too_many_adoptions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phones repeat themselves, or go elsewhere."""
    monkeypatch.setattr(adopting, "MOST_ADOPTIONS", 1)
    database = FakeDatabase(time.time)
    node, other = await join(database), await join(database)
    row = await with_dialog(other)
    found = await asyncio.gather(*[adopted(node.store, row.tag) for _ in range(2)])
    assert isinstance(found[0], DialogRow)
    assert found[1] is Gone.UNAVAILABLE
    assert isinstance(await adopted(node.store, row.tag), DialogRow)


async def test_a_bug_in_an_adoption_is_told_as_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody waits for the answer."""
    node = await join()
    monkeypatch.setattr(node.engine, "adopt", lambda *_: 1 / 0)
    assert await adopted(node.store, b"tag") is Gone.UNAVAILABLE
