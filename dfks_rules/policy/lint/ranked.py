"""Rules in force, in order of precedence, prepared for comparison."""

from collections.abc import Sequence
from typing import NamedTuple

from dfks_rules.errors import Finding
from dfks_rules.model.features import VALUES_OF
from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.there import features_with
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import QUESTIONS, Alternative, Literals
from dfks_rules.policy.language.document import Effects, Mode, Rule
from dfks_rules.policy.language.implication import by_fact, values_of
from dfks_rules.policy.reading.check import CheckedPolicy
from dfks_rules.policy.reading.codes import CODES
from dfks_rules.yaml.tree import Place


class Way(NamedTuple):
    """One way in which a rule can match."""

    questions: frozenset[int]
    """Positions in `QUESTIONS` for which it can match, without those that lack a fact it needs."""
    domains: frozenset[FactValue] | None
    """Domains for which it can match; None for any."""
    literals: Literals
    """The other conditions that must hold."""
    groups: dict[str, Literals]
    """`literals`, grouped by fact."""
    values: dict[str, frozenset[FactValue]]
    """Fact → the only values with which it can match, where a list limits them."""


class RankedRule(NamedTuple):
    """A rule with its place in the order of precedence."""

    rule: Rule
    """The rule."""
    ways: tuple[Way, ...]
    """The ways in which it can match."""
    file: str
    """The file that has the rule."""
    place: Place
    """Where its `id` is."""
    rank: tuple[int, int]
    """Band and priority of its policy; the smaller comes first."""

    def finding(self, code: str, message: str) -> Finding:
        """A finding about the rule."""
        return Finding(self.file, *self.place, code, message, CODES[code].severity)

    @property
    def name(self) -> str:
        """Its id within its file."""
        return self.rule.id.partition("/")[2]

    @property
    def reference(self) -> str:
        """The rule and where to find it, for a message about another rule."""
        return f"`{self.rule.id}` ({self.file}:{self.place.line})"


def ranked(policies: Sequence[CheckedPolicy], mode: Mode = Mode.ENFORCE) -> list[RankedRule]:
    """The rules with this mode, by their policies or their own, in order of precedence."""
    rules = [
        RankedRule(rule, _ways(ways), one.source.file, place, _rank(one))
        for one in policies
        if one.policy.mode is not Mode.OFF
        for rule, ways, place in zip(one.policy.rules, one.alternatives, one.places, strict=True)
        if rule.shadow is (mode is Mode.SHADOW)
    ]
    # Every alternative of a rule may need a fact that its operation lacks.
    return sorted((one for one in rules if one.ways), key=lambda one: one.rank)


def fields_set(effects: Effects) -> dict[str, object]:
    """What a rule decides: field, named as in `decided_by` → value."""
    denial = {} if effects.denial is None else {"deny": effects.denial}
    return {**effects.fields, **denial}


def fields_of(question: int) -> frozenset[str]:
    """The fields that rules can decide for a question."""
    operation, feature = QUESTIONS[question]
    if operation is Operation.SUBSCRIBE or feature is None:
        return frozenset({"allow", "deny"})
    values = {value.value for value in VALUES_OF[feature]}
    timed = {"expire"} if operation is Operation.SET else set[str]()
    return frozenset({"status", "assigned", "notify", "deny"} | values | timed)


def _rank(one: CheckedPolicy) -> tuple[int, int]:
    return (one.policy.band, -one.policy.priority)


def _has(question: int, fact: str) -> bool:
    """Whether a request with this operation and feature can have a fact."""
    operation, feature = QUESTIONS[question]
    if operation not in known_fact(fact).operations:
        return False
    return feature is None or feature in features_with(fact)


def _ways(alternatives: Sequence[Alternative]) -> tuple[Way, ...]:
    ways = []
    for questions, domains, literals in alternatives:
        groups = by_fact(literals)
        needed = {atom.fact for atom, positive in literals if positive}
        there = {q for q in questions if all(_has(q, fact) for fact in needed)}
        values = {fact: values_of(group) for fact, group in groups.items()}
        if there:
            known = {fact: some for fact, some in values.items() if some is not None}
            ways.append(Way(frozenset(there), domains, literals, groups, known))
    return tuple(ways)
