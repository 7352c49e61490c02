"""Random conditions of the whole language: each matcher, and each fact, is equally likely."""

from functools import cache
from random import Random
from typing import Any

from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.fact import Fact, Kind
from dfks_rules.policy.facts.facts import FACTS, known_fact
from dfks_rules.policy.language.matchers import MATCHERS, Operand
from tests.helpers.random_words import (
    CONSTANTS,
    GLOBS,
    HOSTILE,
    NETWORKS,
    NUMBERS,
    OF_FAMILIES,
    PATTERNS,
    RANGES,
    SCHEDULES,
)

Condition = dict[str, Any]
"""As policies write it."""

_EVERY = [known_fact(name) for name in (*FACTS, *OF_FAMILIES)]
_OFTEN = ["op", "feature", "domain", "user", "groups", "source.ip", "request.forwardTo"]
"""Facts that select the shard, and those that people ask for, come up more often."""
_POOLS: dict[str, list[Any]] = {
    "regex": [*PATTERNS],
    "glob": [*GLOBS, "*[a-z]?", "alice"],
    "cidr": NETWORKS,
    "during": sorted(SCHEDULES),
    "outside": sorted(SCHEDULES),
}


@cache
def takes(fact: Fact) -> list[str]:
    """The matchers that a fact takes."""
    names = [matcher.name for matcher in MATCHERS.values() if fact.kind in matcher.kinds]
    return [name for name in names if (fact.name, name) != ("target.number", "between")]


def constants_of(fact: Fact) -> list[Any]:
    """What a fact may be compared with."""
    if fact.name in ("target.number", "target.numbers"):
        return NUMBERS
    return list(fact.words) or CONSTANTS.get(fact.kind, [])


def operand(random: Random, fact: Fact, name: str) -> Any:  # noqa: PLR0911
    """A possible operand of a matcher of this fact."""
    constants = constants_of(fact)
    match MATCHERS[name].operand:
        case Operand.CONSTANT | Operand.SCHEDULE:
            return random.choice(_POOLS.get(name, constants))
        case Operand.LIST:
            if _takes_lists(fact) and random.random() < 0.3:
                return {"list": "listed"}
            return [random.choice(constants) for _ in range(random.randint(1, 4))]
        case Operand.FLAG:
            return random.random() < 0.5
        case Operand.RANGE:
            return random.choice(RANGES)
        case Operand.FACT:
            others = [one.name for one in _EVERY if one.kind is fact.kind and one is not fact]
            return random.choice(others)
        case Operand.TEXTS:
            if name == "prefix" and _takes_lists(fact) and random.random() < 0.5:
                return {"list": "listed"}
            some = NUMBERS if constants is NUMBERS else [text for text in HOSTILE if text]
            if fact.kind is Kind.NAMES:
                some = constants
            return one_or_some(random, _POOLS.get(name, some))


def _takes_lists(fact: Fact) -> bool:
    return fact.kind is Kind.TEXT and fact.name != "target.number"


def one_or_some(random: Random, pool: list[Any]) -> Any:
    """One of these, or a list of some."""
    if random.random() < 0.5:
        return random.choice(pool)
    return [random.choice(pool) for _ in range(random.randint(1, 3))]


def one_fact(random: Random, among: frozenset[Operation] = frozenset(Operation)) -> Condition:
    """A condition on one fact, which one of these operations can have."""
    if random.random() < 0.25:
        fact = known_fact(random.choice(_OFTEN))
        first = random.choice(takes(fact))
    else:
        first = random.choice(list(MATCHERS))
        fact = random.choice([one for one in _EVERY if first in takes(one)])
    if not fact.operations & among:
        return one_fact(random, among)
    if first in ("eq", "in") and random.random() < 0.5:
        if _takes_lists(fact) and random.random() < 0.1:
            return {fact.name: [{"var": "vips"}, "carol"]}
        return {fact.name: one_or_some(random, constants_of(fact))}
    names = {first: None}
    if random.random() < 0.2:
        names[random.choice(takes(fact))] = None
    return {fact.name: {name: operand(random, fact, name) for name in names}}


def condition(
    random: Random, among: frozenset[Operation] = frozenset(Operation), depth: int = 3
) -> Condition:
    """A condition of several facts, perhaps nested."""
    kind = random.random()
    if depth == 0 or kind < 0.55:
        parts = [one_fact(random, among) for _ in range(random.choice((1, 1, 1, 2, 2, 3)))]
        return {name: said for part in parts for name, said in part.items()}
    if kind < 0.65:
        return {"not": condition(random, among, depth - 1)}
    parts = [condition(random, among, depth - 1) for _ in range(random.randint(1, 3))]
    return {"any" if kind < 0.85 else "all": parts}


def wide(random: Random) -> Condition:
    """A condition with more tests than the engine sees one by one."""
    others: list[Condition] = [{"user": f"u{n}"} for n in range(random.randint(95, 130))]
    return {"not": {"any": others}}
