"""A route → what it sets, under which conditions.

Where a script sets a field twice, the last one counts; of rules, the first. So a later assignment
becomes an earlier rule.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from dfks_rules.model.requests import Operation
from dfks_rules.policy.migrating.comparing import FETCHES, Conditions, NotCarriedError
from dfks_rules.policy.migrating.conditions import Condition, some
from dfks_rules.policy.migrating.paths import EVERYWHERE, Ends, Path
from dfks_rules.policy.migrating.routes import Script
from dfks_rules.policy.migrating.script import (
    Assigned,
    Both,
    Branched,
    Called,
    Case,
    Compared,
    Constant,
    Expression,
    Joined,
    Left,
    Negated,
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
MAX_STEPS = 50_000
"""Most statements that are gone through, those of a route again for each call."""
_STORES = ("cache_store", "cache_remove", "cache_add", "avp_db_store", "avp_db_delete")
_PASSED_OVER = (*FETCHES, *_STORES, "xlog", "log")
_MOST_RINGS = 100


class Block(NamedTuple):
    """Assignments that happen together."""

    path: Path
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


class Walk:
    """Goes through a route and all that it calls."""

    def __init__(self, script: Script, operation: Operation) -> None:
        self._script = script
        self._operation = operation
        self._constants: dict[str, tuple[Path, Expression]] = {}
        """Variable of the script's own → when it was assigned, and what."""
        self._stored: set[str] = set()
        """Variables into which what is stored was read."""
        self._conditions = Conditions(operation, self._resolved)
        self._steps = 0
        """How many statements were gone through."""
        self._switches = 0
        """How many switches are around."""
        self.blocks: list[Block] = []
        """In the order of the script."""
        self.notes: list[Note] = []
        """What was not carried."""

    def go(self, route: str) -> None:
        """Go through one route."""
        if route in self._script.routes:
            self._body(self._script.routes[route].body, EVERYWHERE, (route,))

    def _note(self, line: int, message: str) -> None:
        self.notes.append(Note(line, printable(" ".join(message.split()))))

    def _body(self, body: Sequence[Statement], path: Path, routes: tuple[str, ...]) -> Ends:
        """Go through statements; what was assigned where nothing goes on is forgotten."""
        ends = Ends()
        mark = self._conditions.mark()
        for statement in body:
            if path.is_dead:
                break
            self._steps += 1
            if self._steps > MAX_STEPS:
                if self._steps == MAX_STEPS + 1:
                    what = f"more than {MAX_STEPS} statements: nothing is carried from here on"
                    self._note(_line_of(statement), what)
                break
            more = self._statement(statement, path, routes)
            ends.add(more)
            path = more.past(path)
        if path.is_dead and not ends.switch:
            self._conditions.leave(mark)
        return ends

    def _statement(self, statement: Statement, path: Path, routes: tuple[str, ...]) -> Ends:
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
                    return self._leave(word, path)
                case Unknown(text, line):
                    self._note(line, f"`{text}` is not understood")
        except NotCarriedError as error:
            self._lose((statement,), error)
        return Ends()

    def _leave(self, word: str, path: Path) -> Ends:
        ends = Ends()
        if word in ("exit", "drop"):
            ends.script.append(path)
        elif word == "break" and self._switches:
            ends.switch.append(path)
        else:
            ends.route.append(path)
        return ends

    def _lose(self, statements: Sequence[Statement], error: NotCarriedError) -> None:
        """Tell what is not carried: why, and all that goes with it."""
        self._note(error.line, error.message)
        for field in _fields_in(statements):
            self._conditions.write(field)
        for line in dict.fromkeys(_lines_in(statements)):
            if line != error.line:
                self._note(line, f"goes with line {error.line}, which is not carried")

    def _branch(self, statement: Branched, path: Path, routes: tuple[str, ...]) -> Ends:
        ends = Ends()
        for number, arm in enumerate(statement.arms):
            self._conditions.path = path
            try:
                self._fetch(arm.condition)
                condition = self._conditions.carried(arm.condition)
            except NotCarriedError as error:
                left = [one for other in statement.arms[number:] for one in other.body]
                self._lose([*left, *statement.otherwise], error)
                return ends
            ends.add(self._body(arm.body, path.when(condition), routes))
            path = path.but(condition)
        return ends.add(self._body(statement.otherwise, path, routes))

    def _switch(self, statement: Switched, path: Path, routes: tuple[str, ...]) -> Ends:
        """Each case with those before it that lead into it; `break` ends it."""
        ends, fallen = Ends(), Ends()
        before: list[Condition] = []
        tested: list[Condition] = []
        for case in statement.cases:
            try:
                before.append(self._of_case(statement, case, tested, path))
            except NotCarriedError as error:
                self._lose([] if before else case.body, error)
            if case.body and before:
                self._switches += 1
                more = self._body(case.body, fallen.past(path.when(some(before))), routes)
                self._switches -= 1
                fallen.add(more)
                ends.route.extend(more.route)
                ends.script.extend(more.script)
            if case.body and isinstance(case.body[-1], Left):
                before, fallen = [], Ends()
        return ends

    def _of_case(
        self, statement: Switched, case: Case, tested: list[Condition], path: Path
    ) -> Condition:
        if case.value is None:
            return {"not": some(tested)} if tested else {}
        compared = Compared(statement.value, "==", case.value, case.line)
        self._conditions.path = path
        condition = self._conditions.carried(compared)
        tested.append(condition)
        return condition

    def _call(
        self,
        arguments: tuple[Expression, ...],
        line: int,
        path: Path,
        routes: tuple[str, ...],
    ) -> Ends:
        name = str(getattr(arguments[0], "text", getattr(arguments[0], "value", "")) or "")
        if name not in self._script.routes:
            raise NotCarriedError(line, f"there is no `route[{name}]`")
        if name in routes or len(routes) >= MAX_CALLS:
            raise NotCarriedError(line, f"`route({name})` calls itself")
        switches, self._switches = self._switches, 0
        mark = self._conditions.mark_left()
        inner = self._body(self._script.routes[name].body, path, (*routes, name))
        self._conditions.go_on(mark)
        self._switches = switches
        ends = Ends()
        ends.script.extend(inner.script)
        return ends

    def _function(self, called: Called, path: Path) -> None:
        if called.name in ("xlog", "log") and called.arguments:
            self._log(called, path)
        elif called.name in FETCHES:
            self._fetch(called)
        elif called.name not in _PASSED_OVER:
            raise NotCarriedError(called.line, f"`{called.name}(…)` has no counterpart")

    def _fetch(self, expression: Expression) -> None:
        """Note into which variables it reads what is stored."""
        match expression:
            case Called(name, arguments, _) if name in FETCHES and arguments:
                last = arguments[-1]
                if isinstance(last, Variable):
                    self._stored.add(last.name)
                    self._constants.pop(last.name, None)
            case Negated(part, _):
                self._fetch(part)
            case Both(parts, _, _):
                for part in parts:
                    self._fetch(part)
            case _:
                pass

    def _log(self, called: Called, path: Path) -> None:
        last = called.arguments[-1]
        written = last.value if isinstance(last, Constant) else None
        text = template_of(str(written), self._operation) if written is not None else None
        if text is None:
            raise NotCarriedError(called.line, "the line to log has what is no fact")
        self._set(path, "log", text.strip(), called.line)

    def _assign(self, statement: Assigned, path: Path) -> None:
        field = field_of(statement.variable)
        if field is None:
            self._keep(statement, path)
            return
        value = self._value(field, statement.value)
        self._conditions.write(field)
        self._set(path, field, value, statement.line)

    def _keep(self, statement: Assigned, path: Path) -> None:
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
            if not path.beyond(self._conditions.path):
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

    def _set(self, path: Path, name: str, value: Any, line: int) -> None:
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


def _within(statements: Iterable[Statement]) -> Iterator[Statement]:
    """The statements, and all within them."""
    for statement in statements:
        yield statement
        match statement:
            case Branched(arms, otherwise, _):
                yield from _within([one for arm in arms for one in arm.body])
                yield from _within(otherwise)
            case Switched(_, cases, _):
                yield from _within([one for case in cases for one in case.body])
            case _:
                pass


def _fields_in(statements: Iterable[Statement]) -> Iterator[str]:
    """The fields that statements may assign."""
    for statement in _within(statements):
        field = field_of(statement.variable) if isinstance(statement, Assigned) else None
        if field is not None:
            yield field


def _lines_in(statements: Iterable[Statement]) -> Iterator[int]:
    """The lines of what statements do."""
    for statement in _within(statements):
        if not isinstance(statement, Branched | Switched):
            yield _line_of(statement)


def _line_of(statement: Statement) -> int:
    return statement.line
