"""The texts that a fact can be, as far as its readers limit them.

A shape may have texts that no request has: then a proof claims a little more than it must. It
never lacks one: then a proof would claim too much.
"""

import re
import sys
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from dfks_rules.model.values import MAX_TEXT
from dfks_rules.policy.language.characters import Characters, union
from dfks_rules.policy.language.patterns import Parsed, parse
from dfks_rules.policy.proof.automata import Automaton, characters_in


class Shape(NamedTuple):
    """Texts of one form."""

    pattern: str
    """A regular expression of `language.patterns`, which matches each as a whole."""
    longest: int = MAX_TEXT
    """Most characters."""
    parts: tuple["Shape", ...] = ()
    """Shapes whose texts are to be told apart: those of facts that share their values."""
    to_longest: bool = False
    """Whether each outcome is also to be had by a text as long as there is one."""

    @property
    def characters(self) -> Characters:
        """Those of all its texts."""
        return _characters(self.pattern)

    def start_in(self, automaton: Automaton) -> int:
        """A node of an automaton at which its texts pass."""
        return automaton.pattern(self.pattern, _parsed(self.pattern))

    def has(self, text: str) -> bool:
        """Whether a text is one of its texts."""
        return len(text) <= self.longest and _compiled(self.pattern).fullmatch(text) is not None

    def among(self, texts: Iterable[object]) -> list[str]:
        """Those of some values that are its texts, in order."""
        return sorted({text for text in texts if isinstance(text, str) and self.has(text)})


@lru_cache(64)
def _parsed(pattern: str) -> Parsed:
    return parse(pattern)


@lru_cache(64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


@lru_cache(64)
def _characters(pattern: str) -> Characters:
    return characters_in(_parsed(pattern))


ANY_TEXT = Shape(r"[\s\S]*")
"""Any text."""
HEADER = Shape(r"[^\r\n]*")
"""The value of a header of SIP."""
PRINTABLE = Shape(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""What phones and operators set: see `csta.parse`."""
USER = Shape(r"[^\x00-\x20@:<>\"\x7f]+")
"""The user part of an address: see `sip.uri`."""
USER_OR_NONE = Shape(USER.pattern.replace("+", "*"))
"""The user part of a watcher's address, which may have none."""
DOMAIN = Shape(r"[a-z0-9][a-z0-9_.\-]*|\[[0-9a-f:.]+\]")
"""The domain of an address."""
LOWER = Shape(r"[^\x00-\x20@A-Z\x7f]+")
"""The domain of a target, as whoever forwards wrote it, in lower case."""
NUMBER = Shape(r"\+[1-9][0-9]*", 20)
"""A number in E.164 form; those of some countries are longer than E.164 allows."""

_OF_FACT = {
    "user": USER,
    "watcher.user": USER_OR_NONE,
    "domain": DOMAIN,
    "watcher.domain": DOMAIN,
    "target.domain": LOWER,
    "target.number": NUMBER,
    "target.numbers": NUMBER,
    "userAgent": HEADER,
    "auth.user": ANY_TEXT,
}


def shape_of(*facts: str) -> Shape:
    """The texts that a fact can be, if it is present; those that any of several can be."""
    shapes = tuple(dict.fromkeys(_OF_FACT.get(fact, PRINTABLE) for fact in facts))
    if len(shapes) == 1:
        return shapes[0]
    patterns = "|".join(f"(?:{shape.pattern})" for shape in shapes)
    return Shape(patterns, max(shape.longest for shape in shapes), shapes)


def with_extremes(shape: Shape) -> Shape:
    """The same texts, of which very long and unprintable ones are told apart.

    A template that is filled with one comes to its default (see `language.values`).
    """
    return shape._replace(parts=(*shape.parts, _printable()), to_longest=True)


@cache
def _printable() -> Shape:
    codes = (code for code in range(sys.maxunicode + 1) if chr(code).isprintable())
    ranges = union((code, code) for code in codes)
    inside = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
    return Shape(f"[{inside}]*")
