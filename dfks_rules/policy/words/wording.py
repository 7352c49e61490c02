"""Words that several kinds of findings share."""

import difflib
import json
import re
from collections.abc import Iterable
from typing import Any

_DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_MAX_QUOTED = 60
"""Longest piece of the author's text that a message quotes, in characters."""


def with_hyphens(text: str) -> str:
    """The text with `-` in place of the dashes that word processors and phones put there."""
    return _DASHES.sub("-", text)


def quoted(value: Any) -> str:
    """A value as the author wrote it, in backticks, cut to a length fit for one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > _MAX_QUOTED:
        text = text[:_MAX_QUOTED] + "…"
    return f"`{printable(text)}`"


def printable(text: str) -> str:
    """The text with U+FFFD in place of each character that cannot be shown, or not be encoded."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion in parentheses, with a leading space; empty when nothing is near.

    Engineers say DND, CFA, CFB and CFNA: the capitals of a name are as good as the name.
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
        return f" (did you mean `{short[word]}`?)"
    near = [word] if word in names else difflib.get_close_matches(word, names, n=1)
    return f" (did you mean `{names[near[0]]}`?)" if near else ""
