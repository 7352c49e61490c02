"""Conditions of scripts → conditions of rules."""

import re
from collections.abc import Callable

from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.language.patterns import MAX_PATTERN
from dfks_rules.policy.migrating.conditions import (
    ALWAYS,
    Condition,
    every,
    negated,
    some,
)
from dfks_rules.policy.migrating.paths import EVERYWHERE, Path
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
from dfks_rules.policy.migrating.transformations import Transformed, transformed
from dfks_rules.policy.migrating.variables import fact_of, field_of

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

    def __init__(self, operation: Operation, resolved: Callable[[Expression], Expression]) -> None:
        """Nothing is assigned yet.

        Args:
            operation: what the route is run for.
            resolved: what a variable of the script's own stands for, or the same expression.
        """
        self._operation = operation
        self._resolved = resolved
        self._written: list[tuple[str, Path]] = []
        """(Field, when) of all that was assigned."""
        self._left: list[tuple[str, Path]] = []
        """The same, where the route was left after it."""
        self.path: Path = EVERYWHERE
        """When what is carried is reached."""

    def write(self, field: str) -> None:
        """A field is assigned here."""
        self._written.append((field, self.path))

    def mark(self) -> int:
        """How far assignments have come, for `leave`."""
        return len(self._written)

    def leave(self, mark: int) -> None:
        """Nothing goes on after what was assigned since, but who called the route."""
        self._left += self._written[mark:]
        del self._written[mark:]

    def mark_left(self) -> int:
        """The same for `go_on`, before a route is called."""
        return len(self._left)

    def go_on(self, mark: int) -> None:
        """After a route that was called."""
        self._written += self._left[mark:]
        del self._left[mark:]

    def _is_written(self, variable: str) -> bool:
        """Whether a variable may have been assigned before."""
        field = field_of(variable)
        return any(one == field and not path.excludes(self.path) for one, path in self._written)

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
            case Variable():
                return self._there(self._resolved(expression))
            case Called(name, _, _) if name in FETCHES:
                return ALWAYS
            case Called(name, _, line):
                raise NotCarriedError(line, f"`{name}` is no fact")
            case _:
                raise NotCarriedError(expression.line, "the condition is not understood")

    def _there(self, found: Expression) -> Condition:
        if isinstance(found, Variable):
            return {self.fact(found.name, found.line): {"exists": True}}
        raise NotCarriedError(found.line, "the condition is not understood")

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
        left, right = self._resolved(left), self._resolved(right)
        if isinstance(left, Constant) and isinstance(right, Variable):
            left, right, sign = right, left, _MIRRORED.get(sign, sign)
        if isinstance(left, Variable) and isinstance(right, Variable):
            same: Condition = {self.fact(left.name, line): {"sameAs": self.fact(right.name, line)}}
            if sign in ("==", "!="):
                return same if sign == "==" else negated(same)
        if not (isinstance(left, Variable) and isinstance(right, Constant)):
            raise NotCarriedError(line, "what is compared is not understood")
        how = transformed(left.name)
        if how is not None:
            return self._transformed(left, how, sign, right)
        return self._with_constant(self.fact(left.name, line), sign, right.value, line)

    def _transformed(
        self, variable: Variable, how: Transformed, sign: str, right: Constant
    ) -> Condition:
        """A part of a variable, or the same in other letters, and a constant."""
        variable_of, line = Variable(how.variable, variable.line), variable.line
        if how.length is None and not how.ignores_case:
            return self._compared(variable_of, sign, right, line)
        value = str(right.value or "")
        if sign not in ("==", "!=") or how.length not in (None, len(value)):
            raise NotCarriedError(line, f"how `{variable.name}` is compared has no counterpart")
        end = "$" if how.length is None else ""
        pattern = Constant(f"^{re.escape(value)}{end}", line)
        return self._compared(variable_of, "=~" if sign == "==" else "!~", pattern, line)

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


def _matched(fact: str, sign: str, pattern: str, line: int) -> Condition:
    if "regex" not in _matchers_of(fact):
        raise NotCarriedError(line, f"`{fact}` takes no pattern")
    try:
        condition: Condition = {fact: matcher_of(pattern)}
    except ValueError as error:
        shown = pattern if len(pattern) <= MAX_PATTERN else f"{pattern[:40]}…"
        raise NotCarriedError(line, f"the pattern `{shown}`: {error}") from error
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
