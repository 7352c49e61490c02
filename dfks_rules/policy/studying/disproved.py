"""Warnings that turn out not to be so: `lint` sees one pair of rules at a time, a proof all."""

from collections.abc import Iterable, Sequence
from functools import cache

from dfks_rules.errors import Finding
from dfks_rules.model.features import SPELLINGS
from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.language.document import AllOf, Mode, Rule
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.differing import Case, Solver, by_search
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.undecided import Undecided
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.proved import prove_alike
from dfks_rules.policy.studying.redundant import can_match, cases_with

_OFF = Atom("request.status", "eq", 0)


def upheld(
    findings: Iterable[Finding],
    sources: Sequence[Source],
    horizon: Horizon,
    solver: Solver = by_search,
) -> list[Finding]:
    """The findings but those of which the opposite is proved.

    `policy_conflict` is not so where the order of files changes no decision, and
    `policy_bars_switching_off` where the rule matches nothing that switches off. What cannot be
    decided is told.

    Args:
        findings: of `lint`.
        sources: what they are about, without errors.
        horizon: for when it shall be so.
        solver: decides formulas.
    """
    compiled = compile_policies(sources)
    oracle = ReferencePolicySet(compiled)
    rules = {
        (one.source.file, *place[:2]): rule
        for one in check(sources).policies
        if one.policy.mode is Mode.ENFORCE
        for rule, place in zip(one.policy.rules, one.places, strict=True)
    }

    @cache
    def matters_where(file: str) -> bool:
        """Whether some request is decided otherwise if a file comes first."""
        first = sorted(sources, key=lambda source: source.file != file)
        proof = prove_alike(compiled, compile_policies(first), horizon, solver=solver)
        return bool(proof.doubts or proof.different)

    def is_so(finding: Finding) -> bool:
        rule = rules.get(finding[:3])
        if rule is None:
            return True
        if finding.code == "policy_conflict":
            return matters_where(finding.file)
        if finding.code == "policy_bars_switching_off":
            return _bars_switching_off(rule, oracle, horizon, solver)
        return True

    return [finding for finding in findings if is_so(finding)]


def _bars_switching_off(
    rule: Rule, oracle: ReferencePolicySet, horizon: Horizon, solver: Solver
) -> bool:
    """Whether a rule can match a set that switches off; true where that is not decided."""
    off = rule._replace(condition=AllOf((rule.condition, _OFF)))
    for case in cases_with(rule, oracle):
        operation, feature = case.question
        if operation is Operation.SET:
            # What is spelt with a word may be off for the word's sake.
            asked = rule if feature in SPELLINGS else off
            alone = Case(case.question, case.cell, [asked], [])
            try:
                if can_match(asked, alone, horizon, solver):
                    return True
            except (Undecided, RecursionError):
                return True
    return False
