"""Servers that do one thing wrongly: the simulation finds each of them."""

from collections.abc import Callable
from functools import partial

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Change, DialogRow, Settle, Verdict, Wanted
from tests.helpers.checker import Rule
from tests.simulation.scenario import Game
from tests.simulation.store import Job, SimulatedStore

pytestmark = pytest.mark.long
SEEDS = range(1, 401)
"""Within these a mutant has to be found; most are within the first ten."""


class CseqApart(SimulatedStore):
    """The CSeq of sets in a dialog is not stored with them."""

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        visit = wanted.visit
        is_refresh = visit is not None and visit.first is None
        super().commit(wanted._replace(visit=None) if is_refresh else wanted, settle)


class NoTerm(SimulatedStore):
    """All lives have the same number, so that CSeqs begin anew."""

    @property
    def term(self) -> int:
        return 1

    @term.setter
    def term(self, term: int) -> None:
        self.life = term


class NothingSeen(SimulatedStore):
    """What decisions have read need not hold: a set that changes nothing is believed."""

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        super().commit(wanted._replace(seen=()), settle)


class JournalApart(SimulatedStore):
    """States are stored first, and the journal with the next transaction."""

    def _change(self, change: Change) -> None:
        disk = self._disk
        journal = list(disk.journal)
        super()._change(change)
        new, disk.journal[:] = disk.journal[len(journal) :], journal
        self._later(partial(disk.journal.extend, new))

    def _later(self, note: Callable[[], None]) -> None:
        def store() -> Verdict:
            note()
            return Verdict.STORED

        self._add(Job(store, lambda verdict: None))


class FollowedApart(SimulatedStore):
    """What follows from a set is stored by itself, after it."""

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        changes = wanted.changes

        def follow(verdict: Verdict, error: StoreError | None, now: float) -> None:
            if verdict is Verdict.STORED:
                for change in changes[1:]:
                    self._commit_apart(change)
            settle(verdict, error, now)

        super().commit(wanted._replace(changes=changes[:1]), follow)

    def _commit_apart(self, change: Change) -> None:
        super().commit(Wanted((change,)), lambda verdict, error, now: None)


class AnswersFirst(SimulatedStore):
    """A request is answered before it is stored."""

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        for change in wanted.changes:
            self._known[change.presentity] = change.after
        super().commit(wanted, lambda verdict, error, now: None)
        self._world.later(0.0, self._alive, settle, Verdict.STORED, None, self._world.now)


class NobodyIsTold(SimulatedStore):
    """After a crash nobody is told what changed just before it."""

    def changed_since(self, at: float) -> frozenset[Aor]:
        return frozenset()

    def read(self, before: int, at_most: int) -> list[DialogRow]:
        return [one._replace(flags=one.flags & 0xFE) for one in super().read(before, at_most)]


class NoRows(SimulatedStore):
    """New subscriptions are stored behind, though they were granted."""

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        visit = wanted.visit
        if visit is not None and visit.first is not None and not wanted.changes:
            super().commit(Wanted(()), settle)
            self._world.later(1.0, self._alive, self.write, [visit], (), lambda is_stored: None)
        else:
            super().commit(wanted, settle)


@pytest.mark.parametrize(
    ("mutant", "rule"),
    [
        (CseqApart, Rule.AT_MOST_ONCE),
        (NoTerm, Rule.CSEQ),
        (NothingSeen, Rule.ANSWERED_ONCE),
        (JournalApart, Rule.REVISIONS),
        (FollowedApart, Rule.MIRRORED),
        (AnswersFirst, Rule.ANSWERED_ONCE),
        (NobodyIsTold, Rule.UNTOLD),
        (NoRows, Rule.GONE),
    ],
)
def test_a_mutant_is_found(mutant: type[SimulatedStore], rule: Rule) -> None:
    """By the rule that it breaks, whatever others find besides."""
    for seed in SEEDS:
        game = Game(seed, mutant)
        if mutant is NothingSeen:
            # Only where somebody else writes can the server be mistaken.
            game.plan = game.plan._replace(writers=2.0)
        game.play()
        if any(violation.rule is rule for violation in game.violations()):
            print(f"found by seed {seed}")
            return
    pytest.fail(f"{mutant.__name__} is not found")
