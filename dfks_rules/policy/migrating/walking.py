"""A route → what it sets, under which conditions.

Where a script sets a field twice, the last one counts; of rules, the first. So a later assignment
becomes an earlier rule.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from dfks_rules.model.requests import Operation
from dfks_rules.policy.migrating.conditions import (
    ALWAYS,
    FETCHES,
    Condition,
    Conditions,
    NotCarriedError,
    beyond,
    every,
    negated,
    some,
)
from dfks_rules.policy.migrating.script import (
    Assigned,
    Branched,
    Called,
    Case,
    Compared,
    Constant,
    Expression,
    Joined,
    Left,
    Script,
    Statement,
    Switched,
    Unknown,
    Variable,
)
from dfks_rules.policy.migrating.variables import (
    ASSIGNED,
    NOTIFY,
    STATUS,
    field_of,
    template_of,
)
from dfks_rules.policy.words.wording import printable

MAX_CALLS = 10
"""Most routes that call one another."""
_STORES = ("cache_store", "cache_remove", "cache_add", "avp_db_store", "avp_db_delete")
_PASSED_OVER = (*FETCHES, *_STORES, "xlog", "log")
_MOST_RINGS = 100


class Block(NamedTuple):
    """Assignments that happen together."""

    path: Condition
    """When."""
    effects: dict[str, Any]
    """What they come to: `then` of a rule."""
    lines: list[int]
    """Where they are in the script."""


class Note(NamedTuple):
    """Something that was not carried."""

    line: int
    """Where it is in the script, 1-based."""
    message: str
    """What, and why not."""


class _Ends(NamedTuple):
    """Under which conditions a body is left before its end."""

    route: list[Condition]
    """The route returns."""
    script: list[Condition]
    """Everything ends."""


class Walk:
    """Goes through a route and all that it calls."""

    def __init__(self, script: Script, operation: Operation) -> None:
        self._script = script
        self._operation = operation
        self._constants: dict[str, tuple[Condition, Expression]] = {}
        """Variable of the script's own → when it was assigned, and what."""
        self._stored: set[str] = set()
        """Variables into which what is stored was read."""
        self._conditions = Conditions(operation)
        self.blocks: list[Block] = []
        """In the order of the script."""
        self.notes: list[Note] = []
        """What was not carried."""

    def go(self, route: str) -> None:
        """Go through one route."""
        if route in self._script.routes:
            self._body(self._script.routes[route].body, ALWAYS, (route,))

    def _note(self, line: int, message: str) -> None:
        self.notes.append(Note(line, printable(" ".join(message.split()))))

    def _body(self, body: tuple[Statement, ...], path: Condition, routes: tuple[str, ...]) -> _Ends:
        ends = _Ends([], [])
        here = path
        for statement in body:
            more = self._statement(statement, here, routes)
            ends.route.extend(more.route)
            ends.script.extend(more.script)
            for left in (*more.route, *more.script):
                rest = beyond(left, here)
                if rest == ALWAYS:
                    return ends
                here = every([here, negated(rest)])
        return ends

    def _statement(self, statement: Statement, path: Condition, routes: tuple[str, ...]) -> _Ends:
        self._conditions.path = path
        try:
            match statement:
                case Assigned():
                    self._assign(statement, path)
                case Branched():
                    return self._branch(statement, path, routes)
                case Switched():
                    return self._switch(statement, path, routes)
                case Called("route", arguments, line):
                    return self._call(arguments, line, path, routes)
                case Called():
                    self._function(statement, path)
                case Left(word, _):
                    is_all = word in ("exit", "drop")
                    return _Ends([], [path]) if is_all else _Ends([path], [])
                case Unknown(text, line):
                    self._note(line, f"`{text}` is not understood")
        except NotCarriedError as error:
            self._note(error.line, error.message)
            for field in _fields_in(statement):
                self._conditions.write(field)
        return _Ends([], [])

    def _branch(self, statement: Branched, path: Condition, routes: tuple[str, ...]) -> _Ends:
        condition = self._conditions.carried(statement.condition)
        then = self._body(statement.then, every([path, condition]), routes)
        if condition == ALWAYS:
            return then
        other = self._body(statement.otherwise, every([path, negated(condition)]), routes)
        return _Ends([*then.route, *other.route], [*then.script, *other.script])

    def _switch(self, statement: Switched, path: Condition, routes: tuple[str, ...]) -> _Ends:
        """Each case with those before it that lead into it; `break` ends it."""
        ends = _Ends([], [])
        before: list[Condition] = []
        tested: list[Condition] = []
        for case in statement.cases:
            own = self._of_case(statement, case, tested, path)
            before.append(own)
            is_left = bool(case.body) and isinstance(case.body[-1], Left)
            is_break = is_left and getattr(case.body[-1], "word", "") == "break"
            body = case.body[:-1] if is_break else case.body
            more = self._body(body, every([path, some(before)]), routes)
            ends.route.extend(more.route)
            ends.script.extend(more.script)
            if is_left:
                before = []
        return ends

    def _of_case(
        self, statement: Switched, case: Case, tested: list[Condition], path: Condition
    ) -> Condition:
        if case.value is None:
            return every([negated(one) for one in tested])
        compared = Compared(statement.value, "==", case.value, case.line)
        self._conditions.path = path
        condition = self._conditions.carried(compared)
        tested.append(condition)
        return condition

    def _call(
        self,
        arguments: tuple[Expression, ...],
        line: int,
        path: Condition,
        routes: tuple[str, ...],
    ) -> _Ends:
        name = str(getattr(arguments[0], "text", getattr(arguments[0], "value", "")) or "")
        if name not in self._script.routes:
            raise NotCarriedError(line, f"there is no `route[{name}]`")
        if name in routes or len(routes) >= MAX_CALLS:
            raise NotCarriedError(line, f"`route({name})` calls itself")
        inner = self._body(self._script.routes[name].body, path, (*routes, name))
        return _Ends([], inner.script)

    def _function(self, called: Called, path: Condition) -> None:
        if called.name in ("xlog", "log") and called.arguments:
            self._log(called, path)
        elif called.name in FETCHES:
            last = called.arguments[-1] if called.arguments else None
            if isinstance(last, Variable):
                self._stored.add(last.name)
        elif called.name not in _PASSED_OVER:
            raise NotCarriedError(called.line, f"`{called.name}(…)` has no counterpart")

    def _log(self, called: Called, path: Condition) -> None:
        last = called.arguments[-1]
        written = last.value if isinstance(last, Constant) else None
        text = template_of(str(written), self._operation) if written is not None else None
        if text is None:
            raise NotCarriedError(called.line, "the line to log has what is no fact")
        self._set(path, "log", text.strip(), called.line)

    def _assign(self, statement: Assigned, path: Condition) -> None:
        field = field_of(statement.variable)
        if field is None:
            self._keep(statement, path)
            return
        value = self._value(field, statement.value)
        self._conditions.write(field)
        self._set(path, field, value, statement.line)

    def _keep(self, statement: Assigned, path: Condition) -> None:
        """A variable of the script's own."""
        name = statement.variable
        is_plain = isinstance(statement.value, Constant | Variable | Joined)
        before = self._constants.pop(name, (path, None))[0]
        if name.startswith(("$var(", "$avp(")) and before == path and is_plain:
            self._constants[name] = (path, statement.value)
            return
        raise NotCarriedError(statement.line, f"`{name}` is assigned, and rules have no variables")

    def _value(self, field: str, written: Expression) -> Any:
        written = self._resolved(written)
        if isinstance(written, Variable) and written.name in self._stored:
            return "stored" if field == STATUS else {"from": f"stored.{field}"}
        plain = written.value if isinstance(written, Constant) else None
        if field in (STATUS, ASSIGNED, NOTIFY):
            if str(plain) in ("0", "1"):
                return int(str(plain)) if field == STATUS else str(plain) == "1"
            if field == STATUS and isinstance(written, Variable):
                return self._status(written)
            raise NotCarriedError(written.line, f"`{field}` is set to what is not 0 or 1")
        if field == "ringCount" and str(plain).isdecimal() and 0 < int(str(plain)) <= _MOST_RINGS:
            return int(str(plain))
        return self._text(field, written)

    def _resolved(self, written: Expression) -> Expression:
        """What a variable of the script's own was assigned, where it surely was."""
        if isinstance(written, Variable) and written.name in self._constants:
            path, value = self._constants[written.name]
            if beyond(path, self._conditions.path) == ALWAYS:
                return value
        return written

    def _status(self, written: Variable) -> str:
        self._conditions.fact(written.name, written.line)
        if field_of(written.name) != STATUS:
            raise NotCarriedError(written.line, "`status` is set to what is not 0 or 1")
        return "request" if self._operation is Operation.SET else "stored"

    def _text(self, field: str, written: Expression) -> Any:
        if isinstance(written, Variable):
            return {"from": self._conditions.fact(written.name, written.line)}
        parts = written.parts if isinstance(written, Joined) else (written,)
        text = "".join(self._part(one) for one in parts)
        if not text or field == "ringCount":
            raise NotCarriedError(written.line, f"`{field}` is set to what it cannot be")
        return {"template": text} if "${" in text else text

    def _part(self, part: Expression) -> str:
        part = self._resolved(part)
        if isinstance(part, Variable):
            return f"${{{self._conditions.fact(part.name, part.line)}}}"
        text = template_of(str(part.value), self._operation) if isinstance(part, Constant) else None
        if text is None:
            raise NotCarriedError(part.line, "the text has what is no fact")
        return text

    def _set(self, path: Condition, name: str, value: Any, line: int) -> None:
        """One more effect; with the last block if it happens together with that."""
        last = self.blocks[-1] if self.blocks else None
        if last is None or last.path != path or (name == "log" and "log" in last.effects):
            last = Block(path, {}, [])
            self.blocks.append(last)
        last.lines.append(line)
        if name in (STATUS, ASSIGNED, NOTIFY, "log"):
            last.effects[name] = value
        else:
            last.effects.setdefault("values", {})[name] = value


def _fields_in(statement: Statement) -> Iterator[str]:
    """The fields that a statement may assign."""
    match statement:
        case Assigned(variable, _, _):
            field = field_of(variable)
            if field is not None:
                yield field
        case Branched(_, then, otherwise, _):
            for one in (*then, *otherwise):
                yield from _fields_in(one)
        case Switched(_, cases, _):
            for case in cases:
                for one in case.body:
                    yield from _fields_in(one)
        case _:
            pass
