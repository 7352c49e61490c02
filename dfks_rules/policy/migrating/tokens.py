"""The text of a script → tokens with their lines."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+|\#[^\n]*|//[^\n]*|/\*.*?\*/)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<open>/\*|["'])
    |(?P<variable>\$\w+(?:\((?:[^()]|\([^()]*\))*\)|\[[^][]*\])*|\$\([^()]*(?:\([^()]*\)[^()]*)*\))
    |(?P<number>[0-9]+(?:\.[0-9.]+)?)
    |(?P<word>[A-Za-z_][A-Za-z0-9_.-]*)
    |(?P<sign>==|!=|<=|>=|=~|!~|&&|\|\||[-+*/|&^~%<>=!(){}\[\];:,.@])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'"}


class Token(NamedTuple):
    """One token."""

    kind: str
    """`text`, `variable`, `number`, `word`, `sign`; `open` of a text or comment that does not end,
    with which the script ends; or `end` after the last one."""
    value: str
    """As written; a text without quotes and escapes."""
    line: int
    """1-based."""


def tokens_of(script: str) -> Iterator[Token]:
    """Every token, and `end`; a character that begins none is a `sign` of its own."""
    position, line = 0, 1
    while position < len(script):
        found = _TOKEN.match(script, position)
        kind, value = ("sign", script[position]) if found is None else _read(found)
        if kind == "open":
            yield Token(kind, value, line)
            position = len(script)
            break
        if kind != "space":
            yield Token(kind, _plain(value) if kind == "text" else value, line)
        line += value.count("\n")
        position += len(value)
    yield Token("end", "", line)


def _read(found: re.Match[str]) -> tuple[str, str]:
    return str(found.lastgroup), found[0]


def _plain(written: str) -> str:
    """Without quotes; a backslash that escapes nothing is one of a pattern."""
    return _ESCAPE.sub(lambda one: _ESCAPED.get(one[1], one[0]), written[1:-1])
