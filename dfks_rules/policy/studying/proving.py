"""Properties of policies, proved for every request or refuted by one."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from dfks_rules.model.decisions import Decision
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.answer import Answer, answer_of
from dfks_rules.policy.deciding.reference import holds
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.facts.facts import facts_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.proof.claims import Claim, regions, seek
from dfks_rules.policy.proof.differing import Model, Solver, by_search
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.undecided import Undecided
from dfks_rules.policy.studying.compare import what_differs
from dfks_rules.policy.studying.instances import instances_of
from dfks_rules.policy.studying.models import view_at, witnesses_at
from dfks_rules.policy.studying.witness import Facts, Witness, smallest


class Verdict(Enum):
    """What became of a property."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "not decided"
    VACUOUS = "vacuous"
    """No request can pass its conditions, so that it says nothing."""


class Shown(NamedTuple):
    """A request that shows something."""

    given: Facts
    """As few facts as possible that describe it."""
    answer: Answer
    """What the policies decide."""
    note: str | None = None
    """Why facts are left that only files say; None: none are."""


class Proved(NamedTuple):
    """The result for one property."""

    verdict: Verdict
    """What became of it."""
    shown: Shown | None = None
    """The request that refutes it, or shows that there is one."""
    reason: str | None = None
    """Why it is not decided."""
    horizon: Horizon | None = None
    """For when it is proved; None where that does not matter."""


def prove(
    claim: Claim, policies: ReferencePolicySet, horizon: Horizon, solver: Solver = by_search
) -> Proved:
    """What is so of a claim about policies."""
    judge = _Judge(claim, policies)
    reasons: list[str] = []
    is_possible = is_timed = False
    for region in regions(claim, policies):
        try:
            sought = seek(claim, region, horizon, judge.confirms, solver)
        except Undecided as undecided:
            reasons.append(undecided.reason)
            continue
        except RecursionError:
            reasons.append(phrase("its conditions are too deep"))
            continue
        is_possible |= sought.is_possible
        is_timed |= sought.is_timed
        if sought.found:
            verdict = Verdict.PROVED if claim.is_some else Verdict.REFUTED
            return Proved(verdict, judge.shown)
    if reasons:
        return Proved(Verdict.UNDECIDED, reason=reasons[0])
    if not is_possible:
        return Proved(Verdict.VACUOUS)
    verdict = Verdict.REFUTED if claim.is_some else Verdict.PROVED
    return Proved(verdict, horizon=horizon if is_timed else None)


class _Judge:
    """Has what was found decided by the reference evaluator."""

    def __init__(self, claim: Claim, policies: ReferencePolicySet) -> None:
        self._claim, self._policies = claim, policies
        self._instances = instances_of(policies.compiled.site)
        self.shown: Shown | None = None
        """What was confirmed."""

    def confirms(self, model: Model) -> bool:
        """Whether a request is what was looked for; then a case that says so is kept."""
        if not self._is_found(view_at(model), self._policies.decide_by_all(view_at(model))):
            return False
        for witness in witnesses_at(model):
            if self._tells(witness):
                witness = smallest(witness, self._tells)
                given, view = self._instances.named(witness, self._tells)
                answer = answer_of(self._policies.decide_by_all(view))
                self.shown = Shown(given, answer, self._instances.as_given(given))
                return True
        return False

    def _tells(self, witness: Witness) -> bool:
        return self._is_found(witness.view, self._policies.decide_view(witness.view))

    def _is_found(self, view: View, decision: Decision) -> bool:
        site = self._policies.compiled.site
        if not holds(self._claim.when, facts_of(view._replace(site=site))):
            return False
        is_met = meets(self._claim.expect, decision)
        if self._claim.other is not None:
            is_met = is_met and not what_differs(self._claim.other.decide_view(view), decision)
        return is_met is self._claim.is_some


def meets(expect: Mapping[str, Any], decision: Decision) -> bool:
    """Whether a decision is as a proof expects it."""
    answer = answer_of(decision)
    return all(_meets(wanted, answer[key]) for key, wanted in expect.items())


def _meets(wanted: Any, seen: Any) -> bool:
    if isinstance(wanted, dict):
        return all(seen.get(name) == value for name, value in wanted.items())
    if isinstance(wanted, list):
        return seen in wanted
    return bool(seen == wanted)
