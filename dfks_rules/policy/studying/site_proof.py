"""What a changed directory or number plan changes in decisions, of one set of policies.

Of each user of whom a directory says something else, what it says on either side is written into
the rules (`proof.pins`), and both are compared as two sets of rules are: proved alike for all
requests of these users, or shown to differ. What numbers are is not cut into cells: numbers that
begin as a plan says otherwise are asked for, and only where no rule can tell it is proved: none of
the domain reads targets, or tests see no difference between the classes that have changed.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from dfks_rules.policy.deciding.compiled import CompiledPolicies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.facts.families import group_in
from dfks_rules.policy.language.alternatives import QUESTIONS, Question
from dfks_rules.policy.language.document import Rule
from dfks_rules.policy.proof.differing import Case, Model, Solver, by_search, settle
from dfks_rules.policy.proof.pins import Pin, marked, pinned
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.space import Cell
from dfks_rules.policy.proof.undecided import Undecided
from dfks_rules.policy.site.site import Site
from dfks_rules.policy.studying.compare import Comparison, what_differs
from dfks_rules.policy.studying.instances import instances_of
from dfks_rules.policy.studying.models import view_at
from dfks_rules.policy.studying.number_pins import number_change
from dfks_rules.policy.studying.proved import Doubt, Proof
from dfks_rules.policy.studying.site_pins import Change
from dfks_rules.policy.studying.user_pins import user_change

Late = Callable[[], bool]
"""Whether it has taken too long; what is not compared by then is not decided."""


def never() -> bool:
    """It may take as long as it takes."""
    return False


class Both(NamedTuple):
    """One set of policies with two sites."""

    before: ReferencePolicySet
    """With the old one."""
    after: ReferencePolicySet
    """With the new one."""


def prove_site(
    policies: CompiledPolicies,
    old: Site,
    new: Site,
    horizon: Horizon,
    *,
    solver: Solver = by_search,
    late: Late = never,
) -> Proof:
    """What policies decide differently with another site, and what could not be decided."""
    both = Both(
        ReferencePolicySet(policies._replace(site=old)),
        ReferencePolicySet(policies._replace(site=new)),
    )
    instances = [instances_of(site) for site in (new, old)]
    proof = Proof(Comparison(*both, instances), horizon)
    for change in (user_change(policies.rules, old, new), number_change(policies.rules, old, new)):
        proof.doubts += [Doubt(None, None, reason) for reason in change.undecided]
        if change.is_any:
            _prove(proof, both, change, solver, late)
    return proof


def _prove(proof: Proof, both: Both, change: Change, solver: Solver, late: Late) -> None:
    for case in _cases(both.after, change, proof):
        if late():
            proof.doubts.append(Doubt(None, None, "comparing what has changed takes too long"))
            return
        judge = _Judge(proof, case, both, change)
        try:
            proof.is_timed |= settle(case, proof.horizon, judge.confirms, solver).is_timed
        except (Undecided, RecursionError) as error:
            why = error.reason if isinstance(error, Undecided) else "its conditions are too deep"
            if any(map(group_in, change.marks(case.question, case.cell.domain))):
                why = (
                    "members of a group that rules count came or went, and what is counted then "
                    "depends on what is stored for them"
                )
            elif "does not confirm" in why:
                why = "what rules write of it was found neither alike nor different"
            proof.doubts.append(Doubt(case.question, case.cell.domain, why))


def _cases(policies: ReferencePolicySet, change: Change, proof: Proof) -> Iterator[Case]:
    """The rules of each question and domain with what has changed, where they read any of it."""
    left_open: dict[str, None] = {}
    for place, question in enumerate(QUESTIONS):
        named = policies.domains(place) | change.domains
        for domain in (None, *sorted(named)):
            rules = policies.rules_for(question, domain)
            left = change.left_open(question, domain, rules)
            left_open |= {left: None} if left else {}
            try:
                sides = _sides(rules, change, question, domain)
            except Undecided as undecided:
                proof.doubts.append(Doubt(question, domain, undecided.reason))
                continue
            if sides is not None:
                yield Case(question, Cell(domain, frozenset(named)), *sides)
    proof.doubts += [Doubt(None, None, reason) for reason in left_open]


def _sides(
    rules: Sequence[Rule], change: Change, question: Question, domain: str | None
) -> tuple[list[Rule], list[Rule]] | None:
    """The rules as both sites make them; None: they are the same."""
    before, after = change.pins(question, domain)
    old = [_pinned(rule, before) for rule in rules]
    new = marked([_pinned(rule, after) for rule in rules], change.marks(question, domain))
    if len(new) == len(rules) and all(
        one is rule and other is rule for one, other, rule in zip(old, new, rules, strict=True)
    ):
        return None
    return old, new


def _pinned(rule: Rule, pins: Sequence[Pin]) -> Rule:
    condition = pinned(rule.condition, pins)
    return rule if condition is rule.condition else rule._replace(condition=condition)


class _Judge:
    """Has what looks like a difference decided by the reference evaluator, with both sites."""

    def __init__(self, proof: Proof, case: Case, both: Both, change: Change) -> None:
        self._proof, self._case, self._both, self._change = proof, case, both, change

    def confirms(self, model: Model) -> bool:
        """Whether the sites make a difference; then it is kept."""
        model = self._change.free(model)
        view = view_at(model)
        decided = [side.decide_view(view) for side in self._both]
        if not what_differs(*decided):
            return False
        self._proof.differ(self._case, model)
        return True
