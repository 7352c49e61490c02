"""What a preprocessor does to a script before it is read: `#!define`, `#!ifdef`, included files."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from dfks_rules.policy.migrating.tokens import Token, tokens_of

MAX_TOKENS = 200_000
"""Most tokens of a script, once names are replaced."""
_MAX_DEPTH = 8
"""Most definitions that are made of one another."""
_MAX_MEANT = 100
"""Most words that a name stands for."""

_DIRECTIVE = re.compile(r"[ \t]*#!([a-z_]+)[ \t]*(.*?)[ \t]*(?:#.*)?\Z")
_DEFINITION = re.compile(r"([A-Za-z_]\w*)(?:[ \t]+(.*))?\Z")
_INCLUDES = ("include_file", "import_file")


class Prepared(NamedTuple):
    """A script to read."""

    tokens: tuple[Token, ...]
    problems: tuple[tuple[str, int], ...]
    """What could not be prepared, each with its line."""


def prepare(script: str) -> Prepared:
    """The tokens of a script, with what it has defined in place of the names."""
    preparing = _Preparing()
    kept = "\n".join(map(preparing.line, script.split("\n")))
    problems = preparing.problems
    if preparing.is_left_open:
        problems.append(("`#!ifdef` does not end", kept.count("\n") + 1))
    tokens: list[Token] = []
    for token in preparing.replaced(tokens_of(kept)):
        if len(tokens) == MAX_TOKENS:
            what = f"more than {MAX_TOKENS} words: nothing is read from here on"
            problems.append((what, token.line))
            tokens.append(Token("end", "", token.line))
            break
        if token.kind == "open":
            what = "comment" if token.value == "/*" else "text"
            problems.append((f"a {what} begins here that does not end", token.line))
        elif token.kind == "word" and token.value in _INCLUDES:
            problems.append((f"`{token.value}` names a file, which is not read", token.line))
        else:
            tokens.append(token)
    return Prepared(tuple(tokens), tuple(problems))


class _Preparing:
    """What is defined, line by line."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, int]] = []
        self._defined: dict[str, tuple[Token, ...]] = {}
        self._taken: list[bool] = []
        """Whether the lines of each `#!ifdef` around are taken."""
        self._number = 0
        self._replaced = 0
        """How many names were."""

    @property
    def is_left_open(self) -> bool:
        """Whether an `#!ifdef` has no end."""
        return bool(self._taken)

    def line(self, line: str) -> str:
        """The same line, or an empty one where there is nothing to read."""
        self._number += 1
        found = _DIRECTIVE.match(line) if "#!" in line else None
        if found is None:
            return line if all(self._taken) else ""
        word, rest = found[1], found[2]
        if word in ("ifdef", "ifndef"):
            self._taken.append((rest in self._defined) == (word == "ifdef"))
        elif word == "else" and self._taken:
            self._taken[-1] = not self._taken[-1]
        elif word == "endif" and self._taken:
            self._taken.pop()
        elif all(self._taken):
            self._define(word, rest)
        return ""

    def _define(self, word: str, rest: str) -> None:
        found = _DEFINITION.match(rest)
        if word in ("define", "def") and found is not None:
            meant = tuple(islice(tokens_of(found[2] or ""), _MAX_MEANT + 1))
            if meant[-1].kind == "end":
                self._defined[found[1]] = meant[:-1]
            else:
                self.problems.append((f"`{found[1]}` is defined too long", self._number))
        else:
            self.problems.append((f"`#!{word}` is not understood", self._number))

    def replaced(self, tokens: Iterator[Token], depth: int = 0) -> Iterator[Token]:
        """The tokens, where a name that is defined stands for others."""
        for token in tokens:
            meant = self._defined.get(token.value) if token.kind == "word" else None
            if meant is None or depth >= _MAX_DEPTH or self._replaced > MAX_TOKENS:
                yield token
            else:
                self._replaced += 1
                there = (one._replace(line=token.line) for one in meant)
                yield from self.replaced(there, depth + 1)
