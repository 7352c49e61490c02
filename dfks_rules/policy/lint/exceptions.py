"""Exceptions that stand before a denial: a denial wins wherever it stands."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dfks_rules.errors import Finding
from dfks_rules.model.requests import Operation
from dfks_rules.policy.language.alternatives import QUESTIONS, SignedAtom
from dfks_rules.policy.language.document import Effects
from dfks_rules.policy.language.implication import by_fact, contradicts, implied_by
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.lint.ranked import RankedRule, Way

_ON = SignedAtom(Atom("request.status", "eq", 1), positive=True)


def overruled(rules: Sequence[RankedRule]) -> Iterator[Finding]:
    """Findings `policy_overruled`, at most one for each rule.

    Only rules of one file are compared: a denial in another one is meant for everybody.

    Args:
        rules: in order of precedence.
    """
    files: dict[str, list[RankedRule]] = defaultdict(list)
    for rule in rules:
        files[rule.file].append(rule)
    for here in files.values():
        denials: list[RankedRule] = []
        for rule in reversed(here):
            if rule.rule.effects.denial is not None:
                denials.append(rule)
            elif _permits(rule.rule.effects):
                by = next((one for one in reversed(denials) if _is_exception(rule, one)), None)
                if by is not None:
                    yield rule.finding(
                        "policy_overruled",
                        f"rule `{rule.name}` makes no exception from {by.reference}, which denies "
                        f"all the same; write the exception as `unless` of `{by.name}`",
                    )


def _permits(effects: Effects) -> bool:
    return effects.status in (1, "request") or bool(effects.allow) or effects.final


def _is_exception(rule: RankedRule, denial: RankedRule) -> bool:
    """Whether the rule is about a part of what is denied, as far as switching on goes."""
    return any(
        _is_part(way, question, general)
        for way in rule.ways
        for general in denial.ways
        for question in way.questions & general.questions
    )


def _is_part(way: Way, question: int, general: Way) -> bool:
    within = general.domains is None or (way.domains is not None and way.domains <= general.domains)
    narrower = general.domains is None and way.domains is not None
    narrower = narrower or bool(way.groups.keys() - general.groups.keys() - {"request.status"})
    if not (within and narrower):
        return False
    literals = way.literals
    if QUESTIONS[question][0] is Operation.SET:
        literals |= {_ON}
    return not contradicts(literals) and implied_by(by_fact(literals), general.literals)
