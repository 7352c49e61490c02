"""Requests that show what of rules no case shows, found by proof.

A request is found wherever there is one, unless the proof stays undecided.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.language.alternatives import QUESTIONS, Alternative
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Not, Rule
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.claims import Claim
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.studying.coverage import SetCoverage
from dfks_rules.policy.studying.proving import prove
from dfks_rules.policy.studying.witness import Witness, witness_of

MAX_CLAIMS = 500
"""Most proofs that are tried; each takes milliseconds."""


def representatives(
    policies: ReferencePolicySet, covered: SetCoverage, horizon: Horizon
) -> Iterator[Witness]:
    """A request for each way of a rule, and for each rule, of which no case shows anything yet.

    Args:
        policies: what decides.
        covered: what cases show; what is counted while requests are taken needs no further one.
        horizon: the years, and the time zone of the server.
    """
    for claim in islice(_claims(covered), MAX_CLAIMS):
        shown = prove(claim, policies, horizon).shown
        found = None if shown is None else witness_of(shown.given)
        if found is not None:
            yield found


def _claims(covered: SetCoverage) -> Iterator[Claim]:
    for rule, ways in list(covered.lacking()):
        for way in ways:
            # A request for another way may have shown this one, too.
            if way in _lacking(covered, rule):
                yield Claim(_condition_of(way), {}, is_some=True)
        for expect in _decided_by(rule):
            if any(rule is one for one, _ in covered.lacking()):
                yield Claim(rule.condition, expect, is_some=True)


def _lacking(covered: SetCoverage, rule: Rule) -> list[Alternative]:
    return next((ways for one, ways in covered.lacking() if one is rule), [])


def _decided_by(rule: Rule) -> Iterator[dict[str, Any]]:
    """What is expected where a rule decides one of its fields."""
    denial = rule.effects.denial
    for field in (*(("deny",) if denial else ()), *rule.effects.fields):
        yield {"by": {field: rule.id}}


def _condition_of(way: Alternative) -> Condition:
    """The condition that holds in this way."""
    parts: list[Condition] = [atom if positive else Not(atom) for atom, positive in way.literals]
    if way.domains is not None:
        parts.append(Atom("domain", "in", way.domains))
    asked = (QUESTIONS[position] for position in sorted(way.questions))
    return AllOf((*parts, AnyOf(tuple(_asked(op.value, feature) for op, feature in asked))))


def _asked(op: str, feature: Any) -> Condition:
    is_op = Atom("op", "eq", op)
    return AllOf((is_op, Atom("feature", "eq", feature.value))) if feature else is_op
