"""Nodes that do one thing wrongly: the simulation finds each, by the rule that it breaks."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dfks_rules.app.cluster.node import Node
from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow, Gone, Settle, Verdict, Wanted
from dfks_rules.store.postgres.ports import (
    Claimed,
    NotSentError,
    Outcome,
    Sought,
    Step,
    cohort_of,
)
from tests.helpers.checker import Rule
from tests.simulation.cluster import Cluster
from tests.simulation.node import Parts
from tests.simulation.shared import SimulatedDatabase, SimulatedEngine, Way

pytestmark = pytest.mark.long
SEEDS = range(1, 101)
"""Within these a mutant has to be found; most are within the first ten."""


class NoLockOnTheCohort(SimulatedEngine):
    """Adoptions read terms, while a claim raises them: two steps, and nothing between them."""

    async def adopt(self, epoch: int, sought: Sequence[Sought]) -> list[DialogRow | Gone]:
        database = self.database
        theirs = await self._call("adopt", lambda: [_cohort(database, one.tag) for one in sought])

        def write() -> list[DialogRow | Gone]:
            database.check_alive(epoch)
            return [move(*one) for one in zip(sought, theirs, strict=True)]

        def move(one: Sought, read: tuple[int, int] | None) -> DialogRow | Gone:
            if read is None or read[0] not in database.rows:
                return database.adopt(epoch, one)
            number, term = read
            cohort = database.cohorts[cohort_of(number)]
            raised, cohort.term = cohort.term, term
            found = database.adopt(epoch, one)
            cohort.term = raised
            return found

        return await self._call("adopt", write)


class OneJoinWithTwoLocks(SimulatedEngine):
    """An adoption that waits for another one finds no row: it has another number by then."""

    async def adopt(self, epoch: int, sought: Sequence[Sought]) -> list[DialogRow | Gone]:
        database = self.database
        theirs = await self._call("adopt", lambda: [_cohort(database, one.tag) for one in sought])

        def write() -> list[DialogRow | Gone]:
            database.check_alive(epoch)
            return [
                database.adopt(epoch, one)
                if read is not None and read[0] in database.rows
                else Gone.UNKNOWN
                for one, read in zip(sought, theirs, strict=True)
            ]

        return await self._call("adopt", write)


class HalfOpenTransaction(SimulatedEngine):
    """After an error the connection is used again: what it says is stored is never committed."""

    _is_half_open = False

    async def commit(self, epoch: int, steps: Sequence[Step], start: str) -> list[Outcome]:
        if self._is_half_open:
            sent = tuple(steps)
            return await self._call("commit", lambda: self.database.rehearse(epoch, sent, start))
        try:
            return await super().commit(epoch, steps, start)
        except NotSentError:
            raise
        except StoreError:
            self._is_half_open = True
            raise


class Forgetful(SimulatedEngine):
    """Whose claim was not answered never learns of it."""

    async def claim(self, epoch: int, *, again: bool = False) -> list[Claimed]:
        return await super().claim(epoch)


class NobodyIsTold(SimulatedEngine):
    """Whoever takes over does not ask what the dead may not have told."""

    async def changed_since(self, moment: float) -> frozenset[Aor]:
        return frozenset()

    async def rows(self, cohorts: Sequence[int], before: int, at_most: int) -> list[DialogRow]:
        rows = await super().rows(cohorts, before, at_most)
        return [row._replace(flags=row.flags & 0xFE) for row in rows]


class NoFence(SimulatedDatabase):
    """What a life has sent is stored after its end, too."""

    _is_committing = False

    def holds(self, epoch: int) -> bool:
        return self._is_committing or super().holds(epoch)

    def is_mine(self, epoch: int, row: int) -> bool:
        return (self._is_committing and cohort_of(row) in self.cohorts) or super().is_mine(
            epoch, row
        )

    def commit(self, epoch: int, steps: Sequence[Step], start: str) -> list[Outcome]:
        self._is_committing = True
        outcomes = super().commit(epoch, steps, start)
        self._is_committing = False
        return outcomes


class NoCseq(SimulatedDatabase):
    """The CSeq of a SUBSCRIBE with sets is not stored with them, but behind."""

    def verdict_on(self, epoch: int, step: Step, earlier: Sequence[Verdict]) -> Verdict:
        return super().verdict_on(epoch, _without_cseq(step), earlier)

    def _store(self, number: int, step: Step, under_way: Any) -> None:
        super()._store(number, _without_cseq(step), under_way)


class NoOrderOfSubscribes(SimulatedDatabase):
    """Whoever asks for a dialog gets it, also who asks it back because of an earlier SUBSCRIBE."""

    def latest_of(self, row: DialogRow) -> int:
        return 0


class ATermForAll(SimulatedDatabase):
    """A claim raises no term."""

    def _take(self, epoch: int, number: int) -> Claimed:
        self.cohorts[number].term -= 1
        return super()._take(epoch, number)


def cache_on_no_op_sets(node: Node) -> None:
    """A set that changes nothing is not asked about."""
    store: Any = node.store
    commit = store.commit

    def believe(wanted: Wanted, settle: Settle) -> None:
        commit(wanted._replace(seen=()), settle)

    store.commit = believe


def a_lease_from_its_answer(node: Node) -> None:
    """It is believed to hold from when its renewal was heard of, not from when it was asked for."""
    lease: Any = node.member.lease
    renewed, loop = lease.renewed, asyncio.get_running_loop()
    lease.renewed = lambda _asked: renewed(loop.time() + 0.3)


def _without_cseq(step: Step) -> Step:
    is_refresh = step.visit is not None and step.visit.first is None
    return step._replace(visit=None) if is_refresh else step


def _cohort(database: SimulatedDatabase, tag: bytes) -> tuple[int, int] | None:
    """The number of a row, and the term of its cohort."""
    row = database.row_of(tag)
    return None if row is None else (row.row, database.cohorts[cohort_of(row.row)].term)


_MUTANTS: list[tuple[Callable[..., object], Parts, Rule]] = [
    (NoLockOnTheCohort, Parts(engine=NoLockOnTheCohort), Rule.OWNER),
    (NoFence, Parts(database=NoFence), Rule.OWNER),
    (NoCseq, Parts(database=NoCseq), Rule.AT_MOST_ONCE),
    (cache_on_no_op_sets, Parts(tamper=cache_on_no_op_sets), Rule.ANSWERED_ONCE),
    (OneJoinWithTwoLocks, Parts(engine=OneJoinWithTwoLocks), Rule.GONE),
    (HalfOpenTransaction, Parts(engine=HalfOpenTransaction), Rule.ANSWERED_ONCE),
    (NoOrderOfSubscribes, Parts(database=NoOrderOfSubscribes), Rule.LAST),
    (ATermForAll, Parts(database=ATermForAll), Rule.OWNER),
    (a_lease_from_its_answer, Parts(tamper=a_lease_from_its_answer), Rule.OWNER),
    (NobodyIsTold, Parts(engine=NobodyIsTold), Rule.UNTOLD),
    (Forgetful, Parts(engine=Forgetful), Rule.UNTOLD),
]

_SLOW = Way(delay=0.1, stalls=0.2, freezes=0.02)
_LOSSY = Way(answers=0.1)
_PLANS: dict[Parts, dict[str, Any]] = {
    Parts(tamper=cache_on_no_op_sets): {
        "phones": 8,
        "pairs": 0,
        "singles": 1,
        "sets": 1.0,
        "toggles": 0.9,
        "way": _SLOW,
    },
    Parts(database=NoCseq): {"phones": 12, "sets": 2.0, "kills": 5.0, "way": _SLOW},
    Parts(database=NoOrderOfSubscribes): {"roams": 3.0, "way": Way(delay=0.1, stalls=0.2)},
    Parts(database=NoFence): {"kills": 8.0, "pauses": 8.0, "way": Way(freezes=0.1)},
    Parts(engine=Forgetful): {"phones": 12, "kills": 5.0, "way": _LOSSY},
    Parts(engine=NoLockOnTheCohort): {"phones": 20, "sets": 2.0, "kills": 5.0, "way": _SLOW},
    Parts(engine=OneJoinWithTwoLocks): {"phones": 20, "sets": 2.0, "kills": 5.0, "way": _SLOW},
}
"""What makes a mistake more likely to be seen."""


@pytest.mark.parametrize(
    ("parts", "rule"), [one[1:] for one in _MUTANTS], ids=[one[0].__name__ for one in _MUTANTS]
)
def test_a_mutant_is_found(parts: Parts, rule: Rule) -> None:
    """By the rule that it breaks, whatever others find besides."""
    for seed in SEEDS:
        game = Cluster(seed, parts, _PLANS.get(parts))
        if not game.plan.is_quick:
            continue
        game.play()
        if any(violation.rule is rule for violation in game.violations()):
            print(f"found by seed {seed}")
            return
    pytest.fail("is not found")
