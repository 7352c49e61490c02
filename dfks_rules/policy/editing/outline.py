"""The keys and values of a YAML text with their places, also while the text is being typed.

The strict reader (`yaml.tree`) refuses a file for one mistake, and a file that is being typed has
one most of the time. This one reads by indentation and brackets, line by line, and refuses nothing;
of valid files both have the same keys and values in the same places.
"""

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from dfks_rules.yaml.tree import MAX_DEPTH, Path


class Span(NamedTuple):
    """A part of one line."""

    line: int
    """0-based, as editors count."""
    start: int
    """The first character, 0-based."""
    end: int
    """The character after the last one."""


class Role(Enum):
    """What a token is."""

    KEY = "a key"
    VALUE = "a value behind its key, or in brackets"
    WORD = "text on its own: an item of a list, or a key whose colon is still to come"


class Token(NamedTuple):
    """A key or a scalar."""

    path: Path
    """Path to the value: of a key, with the key; of a word that may become a key, without it."""
    role: Role
    """What it is."""
    text: str
    """Without quotes."""
    span: Span
    """Where it stands, with its quotes."""


def outline(text: str) -> list[Token]:
    """The keys and scalars of a text, in its order."""
    return _Outliner(text.split("\n")).tokens()


def token_at(tokens: list[Token], line: int, column: int) -> Token | None:
    """The token that a cursor is in, or at the end of."""
    here = (one for one in tokens if one.span.line == line)
    return next((one for one in here if one.span.start <= column <= one.span.end), None)


def value_at(tokens: list[Token], path: Path) -> str | None:
    """The scalar at a path; None: there is none."""
    found = (one.text for one in tokens if one.path == path and one.role is not Role.KEY)
    return next(found, None)


_QUOTED = r'"(?:[^"\\]|\\.)*"|' + r"'(?:[^']|'')*'"
_STRING = re.compile(_QUOTED)
_KEY = re.compile(rf"(?:({_QUOTED})[ \t]*|([^\s\"'{{}}\[\],#&*!|>%@`:][^#]*?)):(?=\s|$)")
_FLOW_PLAIN = re.compile(r"(?:[^,\[\]{}:#]|:(?![\s,\[\]{}]|$)|(?<=\S)#)+")
_COMMENT = re.compile(r"\s#")
_BLANK = re.compile(r"\s*(?:#|$|---|%)")


class _Level:
    """A mapping or list in block style that the reader is in."""

    def __init__(self, indent: int, path: Path, *, is_list: bool) -> None:
        self.indent = indent
        self.path = path
        self.is_list = is_list
        self.last: str | int = -1 if is_list else ""
        """The key or position read last."""

    @property
    def entry(self) -> Path:
        return (*self.path, self.last)


class _Abandoned(Exception):  # noqa: N818 - it never leaves this module
    """A bracket that was opened is not closed."""


class _Outliner:
    def __init__(self, lines: list[str]) -> None:
        self._lines = [line.rstrip("\r") for line in lines]
        self._row = 0
        self._levels: list[_Level] = []
        self._tokens: list[Token] = []

    def tokens(self) -> list[Token]:
        while self._row < len(self._lines):
            line = self._lines[self._row]
            if not _BLANK.match(line):
                self._read(len(line) - len(line.lstrip()))
            self._row += 1
        return self._tokens

    @property
    def _line(self) -> str:
        return self._lines[self._row]

    @property
    def _indent(self) -> int:
        """The indentation that lines of the value at hand exceed."""
        return self._levels[-1].indent if self._levels else -1

    @property
    def _entry(self) -> Path:
        return self._levels[-1].entry if self._levels else ()

    def _add(self, path: Path, role: Role, start: int, end: int) -> None:
        text = _unquoted(self._line[start:end])
        self._tokens.append(Token(path, role, text, Span(self._row, start, end)))

    def _read(self, column: int) -> None:
        """Read the line from its first character on, and the lines that its value takes."""
        self._leave(column)
        while _is_dash(self._line, column):
            self._enter(column, is_list=True)
            level = self._levels[-1]
            level.last = int(level.last) + 1
            column = _after_spaces(self._line, column + 1)
        if _BLANK.match(self._line, column):
            return
        key = _KEY.match(self._line, column)
        if key is None:
            top = self._levels[-1] if self._levels else None
            is_key = top is not None and not top.is_list and top.indent == column
            path = top.path if top is not None and is_key else self._entry
            self._value(column, path, Role.WORD)
            return
        self._enter(column, is_list=False)
        written = (key[1] or key[2]).rstrip()
        self._levels[-1].last = _unquoted(written)
        self._add(self._entry, Role.KEY, column, column + len(written))
        column = _after_spaces(self._line, key.end())
        if not _BLANK.match(self._line, column):
            self._value(column, self._entry, Role.VALUE)

    def _leave(self, column: int) -> None:
        """Leave the levels that a line with this indentation is not in."""
        while self._levels and self._levels[-1].indent > column:
            self._levels.pop()
        top = self._levels[-1] if self._levels else None
        if top and top.is_list and top.indent == column and not _is_dash(self._line, column):
            self._levels.pop()

    def _enter(self, column: int, *, is_list: bool) -> None:
        top = self._levels[-1] if self._levels else None
        if top is None or top.indent != column or top.is_list is not is_list:
            self._levels.append(_Level(column, self._entry, is_list=is_list))

    def _value(self, column: int, path: Path, role: Role) -> None:
        first = self._line[column]
        if first in "{[":
            try:
                self._flow(column, path, 0)
            except _Abandoned:
                self._row -= 1  # the line that showed it is still to be read
        elif first in "|>":
            self._add(path, role, column, column + 1)
            self._skip_deeper(lambda _line: True)
        elif first in "\"'" and not _STRING.match(self._line, column):
            self._add(path, role, column, len(self._line))
            self._skip_deeper(lambda _line: True)
        else:
            string = _STRING.match(self._line, column)
            end = string.end() if string else _end_of_plain(self._line, column)
            self._add(path, role, column, end)
            if role is Role.VALUE and not string:
                self._skip_deeper(
                    lambda line: not _KEY.match(line.lstrip()) and not _is_dash(line.lstrip(), 0)
                )

    def _skip_deeper(self, belongs: Callable[[str], bool]) -> None:
        """Skip the further lines of a scalar."""
        while self._row + 1 < len(self._lines):
            line = self._lines[self._row + 1]
            indent = len(line) - len(line.lstrip())
            if line.strip() and (indent <= self._indent or not belongs(line)):
                return
            self._row += 1

    def _flow(self, column: int, path: Path, depth: int) -> int:
        """Read what is in brackets; the column behind it."""
        if depth > MAX_DEPTH:
            self._row += 1
            raise _Abandoned
        is_list, column, position = self._line[column] == "[", column + 1, 0
        while True:
            column = self._next(column)
            match self._line[column]:
                case "}" | "]":
                    return column + 1
                case ",":
                    column, position = column + 1, position + 1
                case "{" | "[":
                    inner = (*path, position) if is_list else path
                    column = self._flow(column, inner, depth + 1)
                case _ if is_list:
                    column = self._flow_scalar(column, (*path, position), Role.VALUE)
                case _:
                    column = self._flow_entry(column, path, depth)

    def _flow_entry(self, column: int, path: Path, depth: int) -> int:
        end = _end_in_flow(self._line, column)
        colon = _after_spaces(self._line, end)
        if self._line[colon : colon + 1] != ":":
            self._add(path, Role.WORD, column, end)
            return end
        path = (*path, _unquoted(self._line[column:end]))
        self._add(path, Role.KEY, column, end)
        column = self._next(colon + 1)
        if self._line[column] in ",}]":
            return column
        if self._line[column] in "{[":
            return self._flow(column, path, depth + 1)
        return self._flow_scalar(column, path, Role.VALUE)

    def _flow_scalar(self, column: int, path: Path, role: Role) -> int:
        end = _end_in_flow(self._line, column)
        self._add(path, role, column, end)
        return end

    def _next(self, column: int) -> int:
        """The next character in brackets, which may be on another line.

        Raises:
            _Abandoned: the line does not belong to the brackets any more.
        """
        while True:
            column = _after_spaces(self._line, column)
            if column < len(self._line) and self._line[column] != "#":
                return column
            self._row += 1
            if self._row >= len(self._lines):
                raise _Abandoned
            column = _after_spaces(self._line, 0)
            if self._line.strip() and column <= self._indent and self._line[column] not in "}]":
                raise _Abandoned


def _is_dash(line: str, column: int) -> bool:
    return line[column : column + 1] == "-" and line[column + 1 : column + 2] in ("", " ", "\t")


def _after_spaces(line: str, column: int) -> int:
    while line[column : column + 1] in (" ", "\t"):
        column += 1
    return column


def _end_of_plain(line: str, column: int) -> int:
    comment = _COMMENT.search(line, column)
    return column + max(1, len(line[column : comment and comment.start()].rstrip()))


def _end_in_flow(line: str, column: int) -> int:
    found = _STRING.match(line, column) or _FLOW_PLAIN.match(line, column)
    if not found:
        return column + 1
    return column + max(1, len(found[0].rstrip()))


def _unquoted(text: str) -> str:
    """The text of a scalar; escapes, which names never need, stay as they are."""
    return text[1:-1] if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0] else text
