"""Tokens → statements: as much of the language of OpenSIPS as routes of presence_dfks need.

What is not understood becomes an `Unknown` statement or expression with its line, so that nothing
is left out silently.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from dfks_rules.policy.migrating.tokens import Token

MAX_DEPTH = 64
"""Most blocks and parentheses within each other."""


class Variable(NamedTuple):
    """`$dfks(status)`, `$fU`, `$avp(x)`."""

    name: str
    """As written."""
    line: int


class Constant(NamedTuple):
    """A text or a number."""

    value: str | int | None
    """None for `NULL`."""
    line: int


class Called(NamedTuple):
    """A function, and what it is called with."""

    name: str
    arguments: tuple["Expression", ...]
    line: int


class Joined(NamedTuple):
    """`a + b`: texts one after the other."""

    parts: tuple["Expression", ...]
    line: int


class Compared(NamedTuple):
    """Two values, or a value and a pattern."""

    left: "Expression"
    sign: str
    """`==`, `!=`, `<`, `<=`, `>`, `>=`, `=~`, `!~`."""
    right: "Expression"
    line: int


class Both(NamedTuple):
    """`&&` (all) or `||` (any) of several conditions."""

    parts: tuple["Expression", ...]
    is_all: bool
    line: int


class Negated(NamedTuple):
    """`!`."""

    part: "Expression"
    line: int


class Unknown(NamedTuple):
    """What is not understood."""

    text: str
    """As written, shortened."""
    line: int


Expression = Variable | Constant | Called | Joined | Compared | Both | Negated | Unknown


class Assigned(NamedTuple):
    """`$dfks(status) = 0;`."""

    variable: str
    value: Expression
    line: int


class Arm(NamedTuple):
    """`if (…) …`, or `else if (…) …`."""

    condition: Expression
    body: tuple["Statement", ...]
    line: int


class Branched(NamedTuple):
    """`if (…) … else if (…) … else …`."""

    arms: tuple[Arm, ...]
    """In order; at least one."""
    otherwise: tuple["Statement", ...]
    line: int


class Case(NamedTuple):
    """One `case` of a `switch`."""

    value: Expression | None
    """None for `default`."""
    body: tuple["Statement", ...]
    line: int


class Switched(NamedTuple):
    """`switch (…) { case …: … }`."""

    value: Expression
    cases: tuple[Case, ...]
    line: int


class Left(NamedTuple):
    """`exit`, `drop`, `return` or `break`."""

    word: str
    line: int


Statement = Assigned | Branched | Switched | Left | Called | Unknown


_COMPARES = ("==", "!=", "<", "<=", ">", ">=", "=~", "!~")
_LEAVES = ("exit", "drop", "return", "break")
_CONSTANTS: dict[str, int | None] = {"NULL": None, "null": None, "true": 1, "false": 0}


class Parser:
    """Reads one block."""

    def __init__(self, tokens: Sequence[Token], position: int) -> None:
        """It begins at a position."""
        self._tokens = tokens
        self.position = position
        """Of the token to read next."""
        self.left_open: int | None = None
        """Line of the innermost `{` that has no `}`; None if all have one."""

    def _at(self, ahead: int) -> Token:
        return self._tokens[min(self.position + ahead, len(self._tokens) - 1)]

    @property
    def _token(self) -> Token:
        return self._at(0)

    def _take(self) -> Token:
        token = self._token
        self.position += 1
        return token

    def _took(self, *signs: str) -> bool:
        if self._token.kind in ("sign", "word") and self._token.value in signs:
            self.position += 1
            return True
        return False

    # --- Statements ---

    def block(self, depth: int) -> tuple[Statement, ...]:
        """A block in braces, or a single statement."""
        line = self._token.line
        if not self._took("{"):
            return tuple(self._statement(depth))
        found: list[Statement] = []
        while self._goes_on(line):
            found += self._statement(depth)
        return tuple(found)

    def _goes_on(self, line: int) -> bool:
        """Whether a block that begins in a line has more; its `}` is taken."""
        if self._token.kind == "end" and self.left_open is None:
            self.left_open = line
        return self._token.kind != "end" and not self._took("}")

    def _statement(self, depth: int) -> Iterator[Statement]:
        token = self._token
        if depth > MAX_DEPTH:
            yield self._unknown()
        elif self._took(";"):
            return
        elif token.value == "{" and token.kind == "sign":
            yield from self.block(depth + 1)
        elif token.kind == "variable":
            yield self._assigned()
        elif token.kind == "word":
            yield self._of_word(depth)
        else:
            yield self._unknown()

    def _of_word(self, depth: int) -> Statement:
        token = self._take()
        if token.value == "if":
            return self._branched(token, depth)
        if token.value == "switch":
            return self._switched(token, depth)
        if token.value in _LEAVES:
            if self._took("("):
                self._until(")")
            self._took(";")
            return Left(token.value, token.line)
        self.position -= 1
        found = self._call()
        if not isinstance(found, Called) or not self._took(";"):
            return self._unknown(token)
        return found

    def _branched(self, token: Token, depth: int) -> Statement:
        if not self._is_sign("("):
            return self._unknown(token)
        arms, first = [self._arm(token, depth)], token
        while self._is_word("else") and self._is_word("if", 1) and self._is_sign("(", 2):
            self.position += 1
            arms.append(self._arm(self._take(), depth))
        otherwise = self.block(depth + 1) if self._took("else") else ()
        return Branched(tuple(arms), otherwise, first.line)

    def _arm(self, token: Token, depth: int) -> Arm:
        """From the parenthesis of a condition on."""
        self.position += 1
        condition = self._any(depth + 1)
        if not self._took(")"):
            condition = Unknown("condition", token.line)
            self._until(")")
        return Arm(condition, self.block(depth + 1), token.line)

    def _is_word(self, word: str, ahead: int = 0) -> bool:
        return self._at(ahead).kind == "word" and self._at(ahead).value == word

    def _is_sign(self, sign: str, ahead: int = 0) -> bool:
        return self._at(ahead).kind == "sign" and self._at(ahead).value == sign

    def _switched(self, token: Token, depth: int) -> Statement:
        if not self._took("("):
            return self._unknown(token)
        value = self._value(depth + 1)
        if not (self._took(")") and self._took("{")):
            return self._unknown(token)
        cases: list[Case] = []
        while self._goes_on(token.line):
            line = self._token.line
            if self._took("case"):
                tested: Expression | None = self._value(depth + 1)
            elif self._took("default"):
                tested = None
            else:
                self._unknown()
                continue
            self._took(":")
            body: list[Statement] = []
            while self._token.value not in ("case", "default", "}", ""):
                body += self._statement(depth + 1)
            cases.append(Case(tested, tuple(body), line))
        return Switched(value, tuple(cases), token.line)

    def _assigned(self) -> Statement:
        token = self._take()
        if not self._took("="):
            return self._unknown(token)
        value = self._value(0)
        if not self._took(";"):
            return self._unknown(token)
        return Assigned(token.value, value, token.line)

    def _unknown(self, first: Token | None = None) -> Unknown:
        """Pass over a statement: to its `;`, or to the end of its block."""
        start = first or self._token
        words = [start.value]
        while self._token.kind != "end" and self._token.value not in (";", "{", "}"):
            words.append(self._take().value)
        if self._token.value == "{":
            self._pass_over_block()
        elif not self._took(";") and self._token is start:
            self.position += 1  # a brace that closes nothing
        return Unknown(" ".join(words)[:60], start.line)

    def _pass_over_block(self) -> None:
        depth, line = 0, self._token.line
        while self._token.kind != "end":
            depth += {"{": 1, "}": -1}.get(self._take().value, 0)
            if depth <= 0:
                return
        if self.left_open is None:
            self.left_open = line

    def _until(self, sign: str) -> None:
        depth = 1
        while self._token.kind != "end" and depth:
            depth += (self._token.value == "(") - (self._token.value == sign)
            self.position += 1

    # --- Expressions ---

    def _any(self, depth: int) -> Expression:
        return self._several(("||", "or"), self._all, depth, is_all=False)

    def _all(self, depth: int) -> Expression:
        return self._several(("&&", "and"), self._not, depth, is_all=True)

    def _several(
        self,
        signs: tuple[str, ...],
        part: Callable[[int], Expression],
        depth: int,
        *,
        is_all: bool,
    ) -> Expression:
        line = self._token.line
        parts = [part(depth)]
        while self._took(*signs):
            parts.append(part(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts), is_all, line)

    def _not(self, depth: int) -> Expression:
        line = self._token.line
        if depth > MAX_DEPTH:
            return Unknown("too deep", line)
        if self._took("!", "not"):
            return Negated(self._not(depth + 1), line)
        if self._took("("):
            inner = self._any(depth + 1)
            return inner if self._took(")") else Unknown("(", line)
        left = self._value(depth)
        sign = self._token.value
        if self._token.kind == "sign" and sign in _COMPARES:
            self.position += 1
            return Compared(left, sign, self._value(depth), line)
        return left

    def _value(self, depth: int) -> Expression:
        line = self._token.line
        parts = [self._operand(depth)]
        while self._took("+"):
            parts.append(self._operand(depth))
        return parts[0] if len(parts) == 1 else Joined(tuple(parts), line)

    def _operand(self, depth: int) -> Expression:
        token = self._token
        if token.kind == "word" and token.value not in _CONSTANTS:
            return self._call(depth)
        self.position += 1
        match token.kind:
            case "variable":
                return Variable(token.value, token.line)
            case "text":
                return Constant(token.value, token.line)
            case "number" if token.value.isdecimal():
                return Constant(int(token.value), token.line)
            case "word":
                return Constant(_CONSTANTS[token.value], token.line)
            case _:
                return Unknown(token.value, token.line)

    def _call(self, depth: int = 0) -> Expression:
        token = self._take()
        if depth > MAX_DEPTH or not self._took("("):
            return Unknown(token.value, token.line)
        arguments: list[Expression] = []
        while self._token.kind != "end" and not self._took(")"):
            if not self._took(","):
                arguments.append(self._value(depth + 1))
        return Called(token.value, tuple(arguments), token.line)
