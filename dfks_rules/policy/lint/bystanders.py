"""Denials that bar more than intended, as a request without a fact passes its negated tests."""

from collections.abc import Iterable, Iterator

from dfks_rules.errors import Finding
from dfks_rules.model.requests import Operation
from dfks_rules.phrases.phrase import joined, phrase
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.language.alternatives import QUESTIONS
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.lint.ranked import RankedRule


def bars_others(rules: Iterable[RankedRule]) -> Iterator[Finding]:
    """Findings `policy_bars_others`, about denials that do not test `op`.

    `feature: {ne: DoNotDisturb}` also holds for permission to subscribe, which has no feature.
    """
    for rule in rules:
        if rule.rule.effects.denial is None:
            continue
        tests = list(_signed(rule.rule.condition, positive=True))
        if any(atom.fact == "op" for atom, _ in tests):
            continue
        negated = {
            atom.fact for atom, positive in tests if not positive and atom.matcher != "exists"
        }
        barred = {operation for fact in negated for operation in _lacking(fact, rule)}
        if barred:
            facts = sorted(fact for fact in negated if barred & _lacking(fact, rule))
            named = joined(
                phrase(" and "), (f"`{one.value}`" for one in Operation if one in barred)
            )
            lacked = joined(phrase(" or "), (f"`{fact}`" for fact in facts))
            have = phrase("which has no") if len(barred) == 1 else phrase("which have no")
            yield rule.finding(
                "policy_bars_others",
                phrase(
                    "{told} also denies {named}, {have} {lacked}; add `op: {meant}`",
                    told=rule.rule.told,
                    named=named,
                    have=have,
                    lacked=lacked,
                    meant=_meant(facts),
                ),
            )


def _meant(facts: Iterable[str]) -> str:
    have = frozenset(Operation).intersection(*(known_fact(fact).operations for fact in facts))
    words = [one.value for one in Operation if one in have]
    return words[0] if len(words) == 1 else f"[{', '.join(words)}]"


def _lacking(fact: str, rule: RankedRule) -> set[Operation]:
    """Operations that lack the fact and that the rule can match for that reason."""
    return {
        operation
        for way in rule.ways
        for operation in (QUESTIONS[question][0] for question in way.questions)
        if operation not in known_fact(fact).operations
        # The literals left in a way no longer include the test of the feature.
        and (fact == "feature" or any(atom.fact == fact for atom, _ in way.literals))
    }


def _signed(condition: Condition, *, positive: bool) -> Iterator[tuple[Atom, bool]]:
    match condition:
        case Not(part):
            yield from _signed(part, positive=not positive)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _signed(part, positive=positive)
        case _:
            yield condition, positive
