"""Rules that change nothing, by proof: what `lint` cannot see from one pair of rules."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.language.alternatives import QUESTIONS
from dfks_rules.policy.language.document import Effects, Mode, Rule
from dfks_rules.policy.proof.axioms import axioms
from dfks_rules.policy.proof.differing import Case, Model, Solver, by_search, settle, space_of
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.space import Cell
from dfks_rules.policy.proof.undecided import Undecided
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.compare import what_differs
from dfks_rules.policy.studying.models import view_at
from dfks_rules.yaml.tree import Place

_USUAL = (Effects(status="request"), Effects(status="stored"))
"""What happens where no rule says anything."""


class _Matters(Exception):  # noqa: N818 - it ends a search that has found what it looked for
    """A rule changes a decision."""


class Examined(NamedTuple):
    """A rule of which it is asked whether it changes anything."""

    file: str
    """The file that has it."""
    place: Place
    """Where its `id` stands."""
    rule: Rule


class Examination:
    """Looks at one rule after the other, and may be interrupted.

    Each is looked at by itself: of two that say the same, both are told, and one is needed. What
    cannot be decided is not told.
    """

    def __init__(
        self, sources: Sequence[Source], horizon: Horizon, solver: Solver = by_search
    ) -> None:
        """Nothing is looked at, nor compiled, yet.

        Args:
            sources: without errors.
            horizon: for when it shall be so.
            solver: decides formulas.
        """
        self._sources = sources
        self._oracle: ReferencePolicySet | None = None
        self._horizon, self._solver = horizon, solver
        self.findings: list[Finding] = []
        """`policy_redundant`, of the rules that were looked at."""
        self.left = deque(_examined(sources))
        """The rules that were not looked at yet, or not to the end."""

    def go_on(self) -> None:
        """Look at all that are left."""
        if self._oracle is None:
            self._oracle = ReferencePolicySet(compile_policies(self._sources))
        while self.left:
            file, (line, column), rule = self.left[0]
            what = _what_is_wrong(rule, self._oracle, self._horizon, self._solver)
            # If an interruption comes between these two, the rule is told twice, and not lost.
            if what is not None:
                message = phrase("{told} {problem}", told=rule.told, problem=what)
                finding = Finding(file, line, column, "policy_redundant", message, "warning")
                self.findings.append(finding)
            self.left.popleft()


def redundant(
    sources: Sequence[Source], horizon: Horizon, solver: Solver = by_search
) -> list[Finding]:
    """Findings `policy_redundant`: without these rules, every request is decided alike.

    See `Examination`.
    """
    examination = Examination(sources, horizon, solver)
    examination.go_on()
    return examination.findings


def _examined(sources: Sequence[Source]) -> Iterator[Examined]:
    for checked in check(sources).policies:
        if checked.policy.mode is Mode.OFF:
            continue
        for rule, place in zip(checked.policy.rules, checked.places, strict=True):
            # Who writes down what happens anyway does so on purpose.
            if not (rule.shadow or rule.effects in _USUAL):
                yield Examined(checked.source.file, place, rule)


def _what_is_wrong(
    rule: Rule, oracle: ReferencePolicySet, horizon: Horizon, solver: Solver
) -> str | None:
    """What is said of a rule that changes nothing; None where it does, or that is not decided."""
    is_possible = False
    for case in cases_with(rule, oracle):
        try:
            is_possible = is_possible or can_match(rule, case, horizon, solver)
            settle(case, horizon, _Judge(case, oracle).confirms, solver)
        except (_Matters, Undecided, RecursionError):
            return None
    if not is_possible:
        return phrase("can never match: no request passes its conditions")
    return phrase("changes nothing: without it, every request is decided alike")


def cases_with(rule: Rule, oracle: ReferencePolicySet) -> list[Case]:
    """The policies with a rule and without it, wherever it can match."""
    found = []
    for place, question in enumerate(QUESTIONS):
        named = oracle.domains(place)
        for domain in (None, *sorted(named)):
            rules = oracle.rules_for(question, domain)
            others = [one for one in rules if one is not rule and one.id != rule.id]
            if len(others) < len(rules):
                found.append(Case(question, Cell(domain, named), rules, others))
    return found


def can_match(rule: Rule, case: Case, horizon: Horizon, solver: Solver) -> bool:
    """Whether a request of a case can match a rule of it.

    Raises:
        Undecided: nobody can tell.
    """
    space = space_of(case, horizon)
    goal = space.formulas.all_of((axioms(space), space.condition(rule.condition)))
    return solver(space, goal) is not None


class _Judge:
    """Ends the search at the first request that the evaluator decides otherwise."""

    def __init__(self, case: Case, oracle: ReferencePolicySet) -> None:
        self._case, self._oracle = case, oracle

    def confirms(self, model: Model) -> bool:
        """Raises `_Matters` where a request is decided otherwise; else it does not confirm it."""
        view = view_at(model)
        old, new = (
            self._oracle.decide_by(rules, view) for rules in (self._case.old, self._case.new)
        )
        if what_differs(old, new):
            raise _Matters
        return False
