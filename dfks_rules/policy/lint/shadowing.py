"""Duplicates, and rules that decide nothing because earlier ones have decided everything."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dfks_rules.errors import Finding
from dfks_rules.model.requests import Operation
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import QUESTIONS
from dfks_rules.policy.language.document import Effects
from dfks_rules.policy.language.implication import implied_by
from dfks_rules.policy.lint.index import Implied
from dfks_rules.policy.lint.ranked import RankedRule, Way, fields_of, fields_set

_MOST_NAMED = 3
"""Most rules named in one message."""


def shadowed(rules: Sequence[RankedRule]) -> list[Finding]:
    """Findings `policy_duplicate_rule` and `policy_shadowed`.

    Args:
        rules: in order of precedence.
    """
    findings = []
    earlier = _Earlier()
    seen: dict[object, RankedRule] = {}
    for rule in rules:
        ways = frozenset((way.questions, way.domains, way.literals) for way in rule.ways)
        twin = seen.setdefault((ways, repr(rule.rule.effects)), rule)
        if twin is not rule:
            message = phrase(
                "{told} is the same as {reference}", told=rule.rule.told, reference=twin.reference
            )
            findings.append(rule.finding("policy_duplicate_rule", message))
        elif by := earlier.deciding_all_of(rule):
            message = phrase(
                "{told} decides nothing: {first}", told=rule.rule.told, first=_come_first(by)
            )
            findings.append(rule.finding("policy_shadowed", message))
        earlier.add(rule)
    return findings


def _come_first(rules: Sequence[RankedRule]) -> str:
    named = ", ".join(one.reference for one in rules[:_MOST_NAMED])
    if len(rules) == 1:
        return phrase("{named} comes first", named=named)
    more = len(rules) - _MOST_NAMED
    if more <= 0:
        return phrase("{named} come first", named=named)
    return phrase("{named} and {more} more come first", named=named, more=more)


class _Earlier:
    """The rules that precede one, by question and domain."""

    def __init__(self) -> None:
        self._indexes: dict[tuple[int, FactValue], Implied[RankedRule]] = defaultdict(Implied)
        self._order: dict[str, int] = {}

    def add(self, rule: RankedRule) -> None:
        self._order[rule.rule.id] = len(self._order)
        if not _takes(rule.rule.effects):
            return
        for way in rule.ways:
            for question in way.questions:
                for domain in way.domains or (None,):
                    self._indexes[question, domain].add(way, rule)

    def deciding_all_of(self, rule: RankedRule) -> list[RankedRule]:
        """The rules that leave this one nothing to decide; none when something is left."""
        effects = rule.rule.effects
        if effects.final or not _left_of(effects) or _does_more(effects):
            return []
        by: dict[str, RankedRule] = {}
        for way in rule.ways:
            implied = _Memo(way)
            for question in way.questions:
                left = _left_of(effects) & (fields_of(question) | {"also"})
                for other in self._implied_by(way, question, implied):
                    taken = left & _takes_of(other.rule.effects, question)
                    if taken:
                        by[other.rule.id] = other
                        left -= taken
                    if not left:
                        break
                if left:
                    return []
        return sorted(by.values(), key=lambda one: self._order[one.rule.id])

    def _implied_by(self, way: Way, question: int, memo: "_Memo") -> Iterator[RankedRule]:
        # A way that covers several domains is kept under each of them: any one finds it.
        domains = [None, *list(way.domains or ())[:1]]
        for domain in domains:
            index = self._indexes.get((question, domain))
            for entry in index.candidates(way) if index else ():
                if memo.implies(entry.way):
                    yield entry.of


class _Memo:
    """Remembers what one way implies, for use with each of its questions."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._known: dict[int, bool] = {}

    def implies(self, other: Way) -> bool:
        key = id(other)
        if key not in self._known:
            self._known[key] = self._implies(other)
        return self._known[key]

    def _implies(self, other: Way) -> bool:
        mine = self._way.domains
        within = other.domains is None or (mine is not None and mine <= other.domains)
        return within and implied_by(self._way.groups, other.literals)


def _takes(effects: Effects) -> bool:
    return effects.final or bool(fields_set(effects))


def _left_of(effects: Effects) -> set[str]:
    """What a rule decides unless an earlier rule has already done so."""
    return {*fields_set(effects), *(["also"] if effects.also else [])}


def _takes_of(effects: Effects, question: int) -> frozenset[str]:
    """What a matching rule with these effects leaves no later rule to decide."""
    fields = fields_of(question)
    taken = fields & fields_set(effects).keys()
    if effects.exceptions:
        taken -= {"deny"}  # it may be lifted
    if effects.final:
        taken |= fields - {"deny"} | {"also"}
    if effects.denial and not effects.exceptions:
        # Who is notified still counts, and on a get whether the feature is assigned.
        gets = QUESTIONS[question][0] is Operation.GET
        taken |= fields - {"notify", "assigned" if gets else ""} | {"also"}
    return taken


def _does_more(effects: Effects) -> bool:
    """Whether it has effects that no earlier rule can take away."""
    known = {"status", "assigned", "notify", "values", "denial", "exceptions", "allow", "also"}
    others = set(effects._fields) - known - {"log", "final"}
    defaults = effects._field_defaults
    return any(getattr(effects, name) != defaults.get(name) for name in others)
