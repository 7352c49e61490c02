"""Phrases shared by several kinds of findings."""

import difflib
import json
import re
from collections.abc import Iterable
from typing import Any

from dfks_rules.phrases.phrase import meant

_DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_MAX_QUOTED = 60
"""Longest piece of the author's text that a message quotes, in characters."""


def with_hyphens(text: str) -> str:
    """The text with the dashes that word processors and phones insert replaced by `-`."""
    return _DASHES.sub("-", text)


def quoted(value: Any) -> str:
    """A value as the author wrote it, in backticks, shortened to fit on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > _MAX_QUOTED:
        text = text[:_MAX_QUOTED] + "…"
    return f"`{printable(text)}`"


def printable(text: str) -> str:
    """The text with U+FFFD for each character that cannot be displayed or encoded."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def did_you_mean(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """A suggestion in parentheses, with a leading space; empty when no known word is close.

    Engineers say DND, CFA, CFB and CFNA: the capital letters of a name also match it.

    Args:
        word: what is unknown.
        known: what there is.
        likeness: 1 for the same word, 0 for words that have nothing in common.
    """
    names = {name.lower(): name for name in known}
    short: dict[str, str] = {}
    for name in list(names.values()):
        head, dot, rest = name.partition(".")
        names.setdefault(rest.lower() or name.lower(), name)
        capitals = re.sub(r"[^A-Z]", "", head).lower()
        if len(capitals) > 1:
            short.setdefault(capitals + dot + rest.lower(), name)
            short.setdefault(capitals, name)
    word = word.lower()
    if word in short:
        return meant(short[word])
    near = [word] if word in names else difflib.get_close_matches(word, names, 1, likeness)
    return meant(names[near[0]]) if near else ""
