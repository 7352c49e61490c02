"""Two sets of policies compared for all requests: proved alike, or shown where they differ."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding.compiled import CompiledPolicies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.language.alternatives import Question
from dfks_rules.policy.proof.differing import Case, Model, Solver, by_search, cases_of, settle
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.undecided import Undecided
from dfks_rules.policy.studying.compare import Comparison, Group, what_differs
from dfks_rules.policy.studying.instances import instances_of
from dfks_rules.policy.studying.models import view_at, witnesses_at

Progress = Callable[[int, int, int], None]
"""Told how many cases of how many are settled, and how many differences are found so far."""
NOT_SHOWN = "there is a difference, which facts that a case can give do not show"
"""Why something is in doubt that is decided, and no request shows it."""


class Doubt(NamedTuple):
    """A question that is not decided."""

    question: Question | None
    """The operation, and the feature it is about; None: all questions."""
    domain: str | None
    """The domain; None: all that no rule names."""
    reason: str
    """Why."""

    def __str__(self) -> str:
        if self.question is None:
            return f"not decided: {self.reason}"
        operation, feature = self.question
        about = f"{operation.value} {feature.value}" if feature else operation.value
        at = f" at {self.domain}" if self.domain else ""
        return f"not decided for {about}{at}: {self.reason}"


@dataclass(slots=True)
class Proof:
    """The result of comparing two sets of policies."""

    differences: Comparison
    """Requests that they decide differently: one for each way in which they do."""
    horizon: Horizon
    """For when, and where, the rest is proved."""
    doubts: list[Doubt] = field(default_factory=list)
    """What is neither proved nor refuted."""
    is_timed: bool = False
    """Whether the horizon matters."""
    different: set[Operation] = field(default_factory=set)
    """Operations that they decide differently."""
    beside: list[Group] = field(default_factory=list)
    """What data beside the rules makes different."""

    @property
    def groups(self) -> list[Group]:
        """All ways in which they differ, each with a request that shows it."""
        return self.differences.groups + self.beside

    @property
    def is_whole(self) -> bool:
        """Whether it is proved that they decide every request alike."""
        return not (self.different or self.doubts)

    def also(self, other: "Proof") -> None:
        """Something else of the same two sets was compared."""
        self.beside += other.groups
        self.different |= other.different
        self.doubts += other.doubts
        self.is_timed |= other.is_timed

    def differ(self, case: Case, model: Model) -> None:
        """Keep a difference, and a request that shows it if facts that a case can give do."""
        self.different.add(case.question[0])
        different = self.differences.different
        for witness in witnesses_at(model):
            self.differences.add(witness.view, given=witness.given)
            if self.differences.different > different:
                return
        self.doubts.append(Doubt(case.question, case.cell.domain, NOT_SHOWN))


def prove_alike(
    old: CompiledPolicies,
    new: CompiledPolicies,
    horizon: Horizon,
    *,
    solver: Solver = by_search,
    progress: Progress | None = None,
) -> Proof:
    """What two sets decide differently, all of it, and what could not be decided."""
    before, after = ReferencePolicySet(old), ReferencePolicySet(new)
    instances = [instances_of(site) for site in (new.site, old.site)[: 1 + (old.site != new.site)]]
    proof = Proof(Comparison(before, after, instances), horizon)
    cases = cases_of(before, after)
    for number, case in enumerate(cases):
        tell = partial(_tell, progress, number, len(cases), proof)
        tell()
        judge = _Judge(proof, case, before, after, tell)
        try:
            proof.is_timed |= settle(case, horizon, judge.confirms, solver).is_timed
        except Undecided as undecided:
            proof.doubts.append(Doubt(case.question, case.cell.domain, undecided.reason))
        except RecursionError:
            reason = "its conditions are too deep"
            proof.doubts.append(Doubt(case.question, case.cell.domain, reason))
    _tell(progress, len(cases), len(cases), proof)
    return proof


def _tell(progress: Progress | None, done: int, of: int, proof: Proof) -> None:
    if progress is not None:
        progress(done, of, proof.differences.different)


class _Judge:
    """Has what looks like a difference decided by the reference evaluator."""

    def __init__(
        self,
        proof: Proof,
        case: Case,
        old: ReferencePolicySet,
        new: ReferencePolicySet,
        tell: Callable[[], None],
    ) -> None:
        self._proof, self._case = proof, case
        self._old, self._new = old, new
        self._tell = tell

    def confirms(self, model: Model) -> bool:
        """Whether both sets do decide it differently; then it is kept."""
        view = view_at(model)
        if not what_differs(self._old.decide_view(view), self._new.decide_view(view)):
            return False
        self._proof.differ(self._case, model)
        self._tell()
        return True
