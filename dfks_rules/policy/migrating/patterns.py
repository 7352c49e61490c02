"""Patterns of `=~`, which look anywhere in a text and ignore case → matchers."""

import re

from dfks_rules.policy.language.patterns import compile_pattern

_CLASSES = {
    "[:digit:]": "0-9",
    "[:alpha:]": "A-Za-z",
    "[:alnum:]": "A-Za-z0-9",
    "[:lower:]": "a-z",
    "[:upper:]": "A-Z",
    "[:xdigit:]": "0-9A-Fa-f",
    "[:space:]": r" \t",
}
_SPECIAL = re.compile(r"[][.*+?(){}|^$\\]")
_ESCAPED = re.compile(r"\\([^A-Za-z0-9])")


def matcher_of(pattern: str) -> dict[str, str]:
    """The matcher that says the same of a text: `^[+]44` → `{regex: "[+]44.*"}`.

    Raises:
        ValueError: no matcher can; the message says why.
    """
    body, from_start = (pattern[1:], True) if pattern.startswith("^") else (pattern, False)
    to_end = body.endswith("$") and not body.endswith("\\$")
    body = body[:-1] if to_end else body
    literal = _ESCAPED.sub(r"\1", body)
    if literal and not _SPECIAL.search(_ESCAPED.sub("", body)) and not _has_letters(literal):
        name = {(True, True): "eq", (True, False): "prefix", (False, True): "suffix"}
        return {name.get((from_start, to_end), "has"): literal}
    for written, meant in _CLASSES.items():
        body = body.replace(written, meant)
    body = f"({body})" if "|" in body else body
    whole = f"{'' if from_start else '.*'}{body}{'' if to_end else '.*'}"
    whole = f"(?i){whole}" if _has_letters(body) else whole
    compile_pattern(whole)
    return {"regex": whole}


def _has_letters(text: str) -> bool:
    return any(character.isalpha() for character in text)
