"""What comes of rows."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from dfks_rules.app.imports.deciding import Came, decide
from dfks_rules.app.imports.reading import Read
from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.operations.imports import Job
from dfks_rules.operations.ports import SetResult, Sets
from dfks_rules.operations.rows import Format, Row
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations
from tests.helpers.policy import ALICE, BOB, CFA, DND, ON
from tests.helpers.states import forwarding

_JOB = Job("17", Format.CSV, False, "hr", None, 70, "5ea", 0.0, rows=10)


def _always() -> bool:
    return True


async def _decided(
    operations: MemoryOperations,
    *rows: Row | str,
    job: Job = _JOB,
    goes_on: Callable[[], bool] = _always,
) -> list[Came]:
    return await decide(operations, job, [Read(row, 0) for row in rows], goes_on)


def _row(presentity: Aor, *asked: Asked) -> Row:
    return Row(presentity, asked)


async def test_each_row_is_set_by_whoever_imports_it() -> None:
    """Policies know by `param` that it is an import."""
    operations = MemoryOperations()
    asked = (Asked(DND, ON), Asked(CFA, forwarding(True, REFUSED_TARGET)))
    first, again = await _decided(operations, _row(ALICE, *asked), _row(ALICE, asked[0]))
    assert (first.changed, first.unchanged, first.refused) == (1, 0, 1)
    assert (again.changed, again.unchanged, again.refused) == (0, 1, 0)
    (refusal,) = first.refusals
    assert (refusal.row, refusal.part, refusal.presentity) == (11, 1, ALICE.uri)
    assert (refusal.feature, refusal.reason) == ("CallForwardingAlways", "toll-fraud")
    assert refusal.decision == "5eed-2"
    assert operations.params == ["import", "import"]
    assert operations.actors == ["hr", "hr"]


async def test_a_dry_run_sets_nothing() -> None:
    """The report is the same."""
    operations = MemoryOperations()
    rows = (_row(ALICE, Asked(DND, ON)), _row(BOB, Asked(CFA, forwarding(True, REFUSED_TARGET))))
    alice, bob = await _decided(operations, *rows, job=_JOB._replace(is_dry=True))
    assert (alice.changed, bob.refused) == (1, 1)
    assert operations.states == {}


async def test_others_work_between_any_two_rows() -> None:
    """Phones never wait for more than one of them."""
    order: list[str] = []

    class Watched(MemoryOperations):
        async def set(self, sets: Sets) -> SetResult:
            order.append("row")
            return await super().set(sets)

    async def work() -> None:
        while True:
            order.append("phone")
            await asyncio.sleep(0)

    working = asyncio.create_task(work())
    await _decided(Watched(), *[_row(ALICE, Asked(DND, ON))] * 8)
    working.cancel()
    assert order.count("row") == 8
    assert ("row", "row") not in list(pairwise(order))


async def test_other_domains_are_not_there() -> None:
    """A tenant must not learn who is a user of another one."""
    operations = MemoryOperations()
    job = _JOB._replace(domains=frozenset({"other.example"}))
    (came,) = await _decided(operations, _row(ALICE, Asked(DND, ON)), job=job)
    assert came.unusable == 1
    assert came.refusals[0].text == "no such presentity: sip:alice@example.com"
    assert operations.states == {}


async def test_a_row_that_cannot_be_used_is_reported() -> None:
    """With its number."""
    (came,) = await _decided(MemoryOperations(), "not JSON")
    refusal = came.refusals[0]
    assert (refusal.row, refusal.reason, refusal.text) == (11, "unusable", "not JSON")


async def test_rows_wait_for_a_store_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk at night costs no rows."""
    monkeypatch.setattr("dfks_rules.app.imports.deciding.RETRY", 0.01)
    operations = MemoryOperations()
    operations.is_broken = True
    deciding = asyncio.create_task(_decided(operations, _row(ALICE, Asked(DND, ON))))
    await asyncio.sleep(0.05)
    operations.is_broken = False
    (came,) = await deciding
    assert came.changed == 1


async def test_rows_that_wait_can_be_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import is cancelled although nothing can be stored."""
    operations = MemoryOperations()
    operations.is_broken = True
    rows = (_row(ALICE, Asked(DND, ON)), _row(BOB, Asked(DND, ON)))
    assert await _decided(operations, *rows, goes_on=lambda: False) == []


class _Failing(MemoryOperations):
    """Fails in a way of its own."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def set(self, sets: Sets) -> SetResult:
        """Fail for Alice."""
        if sets.presentity == ALICE:
            raise self._error
        return await super().set(sets)


async def test_a_bug_costs_one_row() -> None:
    """The others must not wait for it."""
    rows = (_row(ALICE, Asked(DND, ON)), _row(BOB, Asked(DND, ON)))
    alice, bob = await _decided(_Failing(ZeroDivisionError()), *rows)
    assert (alice.unusable, bob.changed) == (1, 1)
    assert "see its log" in alice.refusals[0].text


async def test_nothing_goes_on_where_another_server_has_the_store() -> None:
    """That one goes on with it."""
    fenced = _Failing(StoreError("store_fenced", "another server has taken it over"))
    with pytest.raises(StoreError):
        await _decided(fenced, _row(ALICE, Asked(DND, ON)))


async def test_a_stop_leaves_no_row_behind() -> None:
    """It would be set in a store that is closed."""

    class Stuck(MemoryOperations):
        async def set(self, sets: Sets) -> SetResult:
            await asyncio.Event().wait()
            raise AssertionError

    deciding = asyncio.create_task(_decided(Stuck(), *[_row(ALICE, Asked(DND, ON))] * 8))
    for _ in range(3):
        await asyncio.sleep(0)
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
