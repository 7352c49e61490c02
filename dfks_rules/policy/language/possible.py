"""Ways to match that no request can take, given what is known about requests.

`implication` looks at facts one by one. This file knows how they depend on one another: an operator
has no `watcher`, DoNotDisturb has no target, and a set always has a status.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from dfks_rules.model.features import SPELLINGS
from dfks_rules.model.requests import Origin
from dfks_rules.model.values import Choice
from dfks_rules.phrases.phrase import joined, phrase
from dfks_rules.policy.facts.there import ALWAYS, features_with, origins_with
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import QUESTIONS, Alternative, Literals, SignedAtom
from dfks_rules.policy.language.implication import by_fact, contradicted
from dfks_rules.policy.language.matchers import Atom

_ASKS = {
    Origin.WATCHER: phrase("a phone"),
    Origin.OPERATOR: phrase("an operator"),
    Origin.INTERNAL: phrase("a set that follows"),
}


def why_impossible(way: Alternative) -> str | None:
    """Why no request can take a way whose facts, taken one by one, are free of contradiction.

    Returns:
        A reason to follow `rule can never match: `; None when a request may take it.
    """
    return (
        _of_absent(way)
        or _of_origin(way.literals)
        or _of_feature(way)
        or _of_words(by_fact(way.literals))
    )


def _of_absent(way: Alternative) -> str | None:
    operations = {QUESTIONS[question][0] for question in way.questions}
    for name, group in sorted(by_fact(way.literals).items()):
        if operations <= ALWAYS.get(name, frozenset()):
            there = SignedAtom(Atom(name, "exists", None), positive=True)
            if contradicted(group | {there}):
                if SignedAtom(there.atom, positive=False) in group:
                    return phrase("`{name}` is never absent", name=name)
                return phrase("its conditions on `{name}` leave no possible value", name=name)
    return None


def _of_origin(literals: Literals) -> str | None:
    tests = [literal for literal in literals if literal.atom.fact == "origin"]
    left = {
        origin
        for origin in Origin
        if all(atom.holds({"origin": origin.value}.get) == positive for atom, positive in tests)
    }
    for name in sorted(_needed(literals)):
        if not left & origins_with(name):
            asking = [text for origin, text in _ASKS.items() if origin in left]
            return _lacks(asking, name)
    for one in sorted(_needed(literals)):
        for other in sorted(_needed(literals)):
            if not origins_with(one) & origins_with(other):
                return phrase("no request has both `{one}` and `{other}`", one=one, other=other)
    return None


def _lacks(who: Sequence[str], name: str) -> str:
    whose = joined(phrase(" and "), who)
    if len(who) == 1:
        return phrase("{whose} has no `{name}`", whose=whose, name=name)
    return phrase("{whose} have no `{name}`", whose=whose, name=name)


def _of_feature(way: Alternative) -> str | None:
    features = {QUESTIONS[question][1] for question in way.questions}
    for name in sorted(_needed(way.literals)):
        if None not in features and not features & features_with(name):
            named = sorted(f"`{one.value}`" for one in features if one)
            return _lacks(named, name)
    return None


def _of_words(groups: Mapping[str, Literals]) -> str | None:
    """Status and word of a state always agree, so tests of both must leave a pair that does."""
    for feature, spelling in SPELLINGS.items():
        words = cast(Choice, spelling.value.kind).words
        for prefix in ("request", "stored", feature.value):
            status, word = f"{prefix}.status", f"{prefix}.{spelling.value.value}"
            tests = groups.get(word, frozenset())
            statuses = _passing((0, 1), status, groups.get(status, frozenset()))
            if any(positive for _, positive in tests) and not any(
                int(spelling.status_of(one)) in statuses for one in _passing(words, word, tests)
            ):
                return phrase(
                    "`{status}` and `{word}` contradict each other", status=status, word=word
                )
    return None


def _passing(values: Iterable[FactValue], fact: str, tests: Literals) -> list[FactValue]:
    """The values of a fact that pass the tests of it alone."""
    alone = [(atom, positive) for atom, positive in tests if set(atom.facts) == {fact}]
    return [
        value
        for value in values
        if all(atom.holds({fact: value}.get) == positive for atom, positive in alone)
    ]


def _needed(literals: Literals) -> set[str]:
    """Facts that must be present."""
    return {fact for atom, positive in literals if positive for fact in atom.facts}
