"""Two sets of policies compared for all requests: proved alike, or shown where they differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding.compiled import CompiledPolicies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.language.alternatives import Question
from dfks_rules.policy.proof.differing import Case, Model, Solver, by_search, cases_of, settle
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.undecided import Undecided
from dfks_rules.policy.reading.source import DIRECTORY, NUMBER_PLAN, Source, kind_of
from dfks_rules.policy.studying.compare import Comparison, what_differs
from dfks_rules.policy.studying.models import view_at, witnesses_at

Progress = Callable[[int, int], None]
"""Told how many cases of how many are settled."""


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
    proof = Proof(Comparison(before, after), horizon)
    cases = cases_of(before, after)
    for number, case in enumerate(cases):
        judge = _Judge(proof, case, before, after)
        try:
            proof.is_timed |= settle(case, horizon, judge.confirms, solver).is_timed
        except Undecided as undecided:
            proof.doubts.append(Doubt(case.question, case.cell.domain, undecided.reason))
        except RecursionError:
            reason = "its conditions are too deep"
            proof.doubts.append(Doubt(case.question, case.cell.domain, reason))
        if progress is not None:
            progress(number + 1, len(cases))
    return proof


def changed_files(old: Sequence[Source], new: Sequence[Source]) -> list[str]:
    """Files about users and numbers that are not the same in both sets."""
    texts = [
        {source.text: source.file for source in sources if kind_of(source) in _ABOUT_SITES}
        for sources in (old, new)
    ]
    before, after = texts
    files = [before[text] for text in before if text not in after]
    return [*files, *(after[text] for text in after if text not in before)]


def doubts_about(files: Sequence[str], old: CompiledPolicies, new: CompiledPolicies) -> list[Doubt]:
    """What changed files leave undecided.

    Proofs are about whatever a directory may say, but it has to say the same to both sets. So it
    matters only if rules of both read what such files say.
    """
    if not (_reads_files(old) and _reads_files(new)):
        return []
    reason = "has changed, and what it says of users and numbers is not compared"
    return [Doubt(None, None, f"`{file}` {reason}") for file in files]


def _reads_files(compiled: CompiledPolicies) -> bool:
    """Whether a rule reads what files say of users and numbers."""
    sharding = compiled.sharding
    read = [*(shard.facts for shard in sharding.shards), *sharding.reads.values()]
    members = any(
        getattr(one, "group", None) is not None
        for rule in compiled.rules
        for one in rule.effects.also
    )
    return members or any(known_fact(name).derived for names in read for name in names)


_ABOUT_SITES = (DIRECTORY, NUMBER_PLAN)


class _Judge:
    """Has what looks like a difference decided by the reference evaluator."""

    def __init__(
        self, proof: Proof, case: Case, old: ReferencePolicySet, new: ReferencePolicySet
    ) -> None:
        self._proof, self._case = proof, case
        self._old, self._new = old, new

    def confirms(self, model: Model) -> bool:
        """Whether both sets do decide it differently; then it is kept."""
        view = view_at(model)
        if not what_differs(self._old.decide_view(view), self._new.decide_view(view)):
            return False
        self._proof.different.add(self._case.question[0])
        differences = self._proof.differences
        different = differences.different
        for witness in witnesses_at(model):
            differences.add(witness.view, given=witness.given)
            if differences.different > different:
                return True
        question, cell = self._case.question, self._case.cell
        reason = "there is a difference, which facts that a case can give do not show"
        self._proof.doubts.append(Doubt(question, cell.domain, reason))
        return True
