"""Conditions as rules write them, and what they say of one another."""

from collections.abc import Iterator
from typing import Any

Condition = dict[str, Any]
"""As rules write it; empty: always true."""

ALWAYS: Condition = {}


def every(conditions: list[Condition]) -> Condition:
    """All of them hold."""
    found = [one for one in conditions if one]
    merged = merge(found)
    if merged is not None:
        return merged
    return {"all": found}


def some(conditions: list[Condition]) -> Condition:
    """At least one of them holds."""
    if ALWAYS in conditions:
        return ALWAYS
    if len(conditions) == 1:
        return conditions[0]
    facts = {fact for condition in conditions for fact in condition}
    values = [value for condition in conditions for value in condition.values()]
    constants = [one for some in values for one in (some if isinstance(some, list) else [some])]
    is_plain = all(isinstance(value, str | int) for value in constants)
    if len(facts) == 1 and is_plain and not facts & {"all", "any"}:
        return {facts.pop(): list(dict.fromkeys(constants))}
    return {"any": conditions}


def negated(condition: Condition) -> Condition:
    """It does not hold."""
    if len(condition) == 1:
        ((key, value),) = condition.items()
        if key == "not":
            inner: Condition = value
            return inner
        if isinstance(value, dict) and "ne" in value:
            return {key: value["ne"]}
        if isinstance(value, dict) and "exists" in value:
            return {key: {"exists": not value["exists"]}}
    return {"not": condition}


def literals(condition: Condition) -> Iterator[Condition]:
    """The parts that must all hold, each with one key."""
    for key, value in condition.items():
        if key == "all":
            for part in value:
                yield from literals(part)
        else:
            yield {key: value}


def excludes(one: Condition, other: Condition) -> bool:
    """Whether it is plain to see that both cannot hold."""
    these, those = list(literals(one)), list(literals(other))
    return (
        _denies_any(these, those)
        or _denies_any(those, these)
        or any(_differ(left, right) for left in these for right in those)
    )


def _denies_any(these: list[Condition], those: list[Condition]) -> bool:
    """Whether one of these is the negation of what those say."""
    denied = [list(literals(one["not"])) for one in these if "not" in one]
    return any(all(part in those for part in parts) for parts in denied)


def _differ(one: Condition, other: Condition) -> bool:
    """Whether both want one fact to be something else."""
    ((fact, value),) = one.items()
    wanted = other.get(fact)
    both = isinstance(value, str | int) and isinstance(wanted, str | int)
    return both and value != wanted


def merge(conditions: list[Condition]) -> Condition | None:
    """One mapping that says all of them; None where two speak of the same fact."""
    merged: Condition = {}
    for condition in conditions:
        if merged.keys() & condition.keys():
            return None
        merged.update(condition)
    return merged
