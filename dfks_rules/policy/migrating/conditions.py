"""Conditions of scripts → conditions of rules."""

from collections.abc import Iterator
from typing import Any

from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.migrating.patterns import matcher_of
from dfks_rules.policy.migrating.script import (
    Both,
    Called,
    Compared,
    Constant,
    Expression,
    Negated,
    Variable,
)
from dfks_rules.policy.migrating.variables import fact_of, field_of

Condition = dict[str, Any]
"""As rules write it; empty: always true."""

ALWAYS: Condition = {}
FETCHES = ("cache_fetch", "cache_raw_query", "avp_db_load", "avp_db_query", "sql_query")
"""Functions that read what a script has stored: here the server does, and it is always there."""

_ORDER = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class NotCarriedError(Exception):
    """Rules cannot say it; the message says what."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        """Where it is in the script."""
        self.message = message


class Conditions:
    """Carries conditions of the routes for one operation."""

    def __init__(self, operation: Operation) -> None:
        """Nothing is assigned yet.

        Args:
            operation: what the route is run for.
        """
        self._operation = operation
        self._written: list[tuple[str, Condition]] = []
        """(Field, when) of all that was assigned."""
        self.path: Condition = ALWAYS
        """When what is carried is reached."""

    def write(self, field: str) -> None:
        """A field is assigned here."""
        self._written.append((field, self.path))

    def _is_written(self, variable: str) -> bool:
        """Whether a variable may have been assigned before."""
        field = field_of(variable)
        return any(one == field and not excludes(path, self.path) for one, path in self._written)

    def carried(self, expression: Expression) -> Condition:
        """The condition that says the same.

        Raises:
            NotCarriedError: rules cannot say it.
        """
        match expression:
            case Both(parts, is_all, _):
                several = [self.carried(part) for part in parts]
                return every(several) if is_all else some(several)
            case Negated(part, _):
                return negated(self.carried(part))
            case Compared(left, sign, right, line):
                return self._compared(left, sign, right, line)
            case Variable(name, line):
                return {self.fact(name, line): {"exists": True}}
            case Called(name, _, _) if name in FETCHES:
                return ALWAYS
            case Called(name, _, line):
                raise NotCarriedError(line, f"`{name}` is no fact")
            case _:
                raise NotCarriedError(expression.line, "the condition is not understood")

    def fact(self, variable: str, line: int) -> str:
        """The fact that a variable is.

        Raises:
            NotCarriedError: it is none, or is not any more.
        """
        fact = fact_of(variable, self._operation)
        if fact is None:
            raise NotCarriedError(line, f"`{variable}` is no fact")
        if self._is_written(variable):
            raise NotCarriedError(line, f"`{variable}` is read after it was assigned")
        return fact

    def _compared(self, left: Expression, sign: str, right: Expression, line: int) -> Condition:
        if isinstance(left, Constant) and isinstance(right, Variable):
            left, right, sign = right, left, _MIRRORED.get(sign, sign)
        if isinstance(left, Variable) and isinstance(right, Variable):
            same: Condition = {self.fact(left.name, line): {"sameAs": self.fact(right.name, line)}}
            if sign in ("==", "!="):
                return same if sign == "==" else negated(same)
        if not (isinstance(left, Variable) and isinstance(right, Constant)):
            raise NotCarriedError(line, "what is compared is not understood")
        return self._with_constant(self.fact(left.name, line), sign, right.value, line)

    def _with_constant(self, fact: str, sign: str, value: str | int | None, line: int) -> Condition:
        if value is None:
            return {fact: {"exists": sign != "=="}}
        if sign in ("=~", "!~"):
            return _matched(fact, sign, str(value), line)
        constant = _constant(fact, value, line)
        if sign in _ORDER:
            if FACTS[fact].kind is not Kind.COUNT:
                raise NotCarriedError(line, f"`{fact}` has no order")
            return {fact: {_ORDER[sign]: constant}}
        return {fact: constant} if sign == "==" else {fact: {"ne": constant}}


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
    constants = [value for condition in conditions for value in condition.values()]
    if len(facts) == 1 and all(isinstance(value, str | int) for value in constants):
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


def beyond(condition: Condition, path: Condition) -> Condition:
    """What a condition says where a path holds."""
    known = list(literals(path))
    return every([part for part in literals(condition) if part not in known])


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


def _matched(fact: str, sign: str, pattern: str, line: int) -> Condition:
    if "regex" not in _matchers_of(fact):
        raise NotCarriedError(line, f"`{fact}` takes no pattern")
    try:
        condition: Condition = {fact: matcher_of(pattern)}
    except ValueError as error:
        raise NotCarriedError(line, f"the pattern `{pattern}`: {error}") from error
    return condition if sign == "=~" else negated(condition)


def _matchers_of(fact: str) -> tuple[str, ...]:
    texts = (Kind.TEXT, Kind.DOMAIN, Kind.AOR)
    return ("regex",) if FACTS[fact].kind in texts else ()


def _constant(fact: str, value: str | int, line: int) -> str | int:
    row = FACTS[fact]
    if row.kind in (Kind.STATUS, Kind.COUNT):
        if not str(value).isdecimal():
            raise NotCarriedError(line, f"`{fact}` is a number, and `{value}` is none")
        return int(value)
    if row.words and value not in row.words:
        raise NotCarriedError(line, f"`{fact}` is never `{value}`")
    return str(value)
