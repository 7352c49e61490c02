"""Exceptions placed before a denial: a denial wins wherever it is placed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dfks_rules.errors import Finding
from dfks_rules.model.requests import Operation
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.alternatives import QUESTIONS, SignedAtom
from dfks_rules.policy.language.document import Effects
from dfks_rules.policy.language.implication import by_fact, contradicts, implied_by
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.lint.index import Implied
from dfks_rules.policy.lint.ranked import RankedRule, Way

_ON = SignedAtom(Atom("request.status", "eq", 1), positive=True)


def overruled(rules: Sequence[RankedRule]) -> Iterator[Finding]:
    """Findings `policy_overruled`, at most one for each rule.

    Only rules of one file are compared: a denial in another file is meant for everybody.

    Args:
        rules: in order of precedence.
    """
    files: dict[str, list[RankedRule]] = defaultdict(list)
    for rule in rules:
        files[rule.file].append(rule)
    for here in files.values():
        later = _Denials()
        for rule in reversed(here):
            if rule.rule.effects.denial is not None:
                later.add(rule)
            elif _permits(rule.rule.effects) and (by := later.overruling(rule)) is not None:
                yield rule.finding(
                    "policy_overruled",
                    phrase(
                        "{told} is no exception to {reference}, which still denies; write the "
                        "exception as `unless` in `{name}`",
                        told=rule.rule.told,
                        reference=by.reference,
                        name=by.name,
                    ),
                )


def _permits(effects: Effects) -> bool:
    return effects.status in (1, "request") or bool(effects.allow) or effects.final


class _Denials:
    """The denials after a rule, by question."""

    def __init__(self) -> None:
        self._indexes: dict[int, Implied[RankedRule]] = defaultdict(Implied)

    def add(self, rule: RankedRule) -> None:
        for way in rule.ways:
            for question in way.questions:
                self._indexes[question].add(way, rule)

    def overruling(self, rule: RankedRule) -> RankedRule | None:
        """The first denial broader than a way of this rule, considering only switching on."""
        found = (
            entry.of
            for way in rule.ways
            for question in way.questions & self._indexes.keys()
            if (asked := _switching_on(way, question)) is not None
            for entry in self._indexes[question].candidates(asked)
            if _is_part(asked, entry.way)
        )
        return min(found, key=lambda one: one.place, default=None)


def _switching_on(way: Way, question: int) -> Way | None:
    """The way, for a set narrowed to switching on; None when it only matches other sets."""
    if QUESTIONS[question][0] is not Operation.SET:
        return way
    literals = way.literals | {_ON}
    if contradicts(literals):
        return None
    values = {**way.values, "request.status": frozenset({1})}
    return way._replace(literals=literals, groups=by_fact(literals), values=values)


def _is_part(way: Way, general: Way) -> bool:
    within = general.domains is None or (way.domains is not None and way.domains <= general.domains)
    narrower = general.domains is None and way.domains is not None
    narrower = narrower or bool(way.groups.keys() - general.groups.keys() - {"request.status"})
    return within and narrower and implied_by(way.groups, general.literals)
