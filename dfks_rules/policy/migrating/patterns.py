"""Patterns of `=~`, which look anywhere in a text and ignore case → matchers."""

import re

from dfks_rules.policy.language.patterns import MAX_PATTERN, compile_pattern

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
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\[:[a-z]+:\]|[^\]])*\]|.", re.DOTALL)
_ESCAPED = re.compile(r"\\([^A-Za-z0-9])")


def matcher_of(pattern: str) -> dict[str, str]:
    """The matcher that says the same of a text: `^[+]44` → `{regex: "[+]44.*"}`.

    Raises:
        ValueError: no matcher can; the message says why.
    """
    if len(pattern) > MAX_PATTERN:  # The rest takes the square of its length.
        raise ValueError(f"pattern has {len(pattern)} characters; at most {MAX_PATTERN}")
    several = _alternatives(pattern)
    if len(several) == 1:
        body, from_start, to_end = _parted(pattern)
        literal = _ESCAPED.sub(r"\1", body)
        is_literal = literal and not _SPECIAL.search(_ESCAPED.sub("", body))
        if is_literal and not _has_letters(literal):
            name = {(True, True): "eq", (True, False): "prefix", (False, True): "suffix"}
            return {name.get((from_start, to_end), "has"): literal}
    parts = list(map(_parted, several))
    if len({part[1:] for part in parts}) == 1 and len(parts) > 1:
        bodies = "|".join([body for body, _, _ in parts])
        parts = [(f"({bodies})", *parts[0][1:])]
    whole = "|".join([_whole(*part) for part in parts])
    whole = f"(?i){whole}" if _has_letters(whole) else whole
    compile_pattern(whole)
    return {"regex": whole}


def _whole(body: str, from_start: bool, to_end: bool) -> str:  # noqa: FBT001 - as `_parted` has it
    """The pattern of a whole text in which something is found."""
    for written, meant in _CLASSES.items():
        body = body.replace(written, meant)
    return f"{'' if from_start else '.*'}{body}{'' if to_end else '.*'}"


def _parted(pattern: str) -> tuple[str, bool, bool]:
    """A pattern without its anchors, and whether it had one at the start and one at the end."""
    body, from_start = (pattern[1:], True) if pattern.startswith("^") else (pattern, False)
    to_end = body.endswith("$") and not body.endswith("\\$")
    return (body[:-1] if to_end else body), from_start, to_end


def _alternatives(pattern: str) -> list[str]:
    """What stands between the `|` that are in no parentheses: each has anchors of its own."""
    found, depth, begin = [], 0, 0
    for token in _TOKEN.finditer(pattern):
        depth += (token[0] == "(") - (token[0] == ")")
        if token[0] == "|" and depth == 0:
            found.append(pattern[begin : token.start()])
            begin = token.end()
    return [*found, pattern[begin:]]


def _has_letters(text: str) -> bool:
    return any(character.isalpha() for character in text)
