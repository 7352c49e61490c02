r"""Sets of characters, and which of them a part of a pattern matches.

Patterns are ASCII patterns: `\d` is `0` to `9`, and `(?i)` affects only `A` to `Z`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

from dfks_rules.phrases.phrase import phrase

Characters = tuple[tuple[int, int], ...]
"""Ranges of code points, first and last of each; in order, and neither overlapping nor adjacent."""

EVERY: Characters = ((0, 0x10FFFF),)
"""Every character."""
_ASCII = 128
_ALL_BUT_LINE_FEED: Characters = ((0, 9), (11, 0x10FFFF))
_CASE = ord("a") - ord("A")


def one(character: str) -> Characters:
    """The set of one character."""
    return ((ord(character), ord(character)),)


def has(characters: Characters, character: str) -> bool:
    """Whether a character is in a set."""
    code = ord(character)
    return any(first <= code <= last for first, last in characters)


def union(ranges: Iterable[tuple[int, int]]) -> Characters:
    """The characters that are in any of these ranges."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return tuple(found)


def complement(characters: Characters) -> Characters:
    """The characters that are not among these."""
    edges = [-1, *(code for ends in characters for code in ends), EVERY[0][1] + 1]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return tuple((last + 1, first - 1) for last, first in gaps if last + 1 < first)


def intersection(these: Characters, those: Characters) -> Characters:
    """The characters that are in both sets."""
    return complement(union((*complement(these), *complement(those))))


def characters_of(code: str, argument: Any, *, ignore_case: bool) -> Characters:
    """The characters that one part of a parse tree matches.

    Args:
        code: name of an opcode of Python's parser: `LITERAL`, `NOT_LITERAL`, `ANY` or `IN`.
        argument: its argument.
        ignore_case: whether the pattern begins with `(?i)`.

    Raises:
        ValueError: a class has something that policies do not support.
    """
    return _characters(code, tuple(argument) if code == "IN" else argument, ignore_case=ignore_case)


@lru_cache(1024)
def _characters(code: str, argument: Any, *, ignore_case: bool) -> Characters:
    match code:
        case "LITERAL":
            return _cased([(argument, argument)], ignore_case=ignore_case)
        case "NOT_LITERAL":
            return complement(_cased([(argument, argument)], ignore_case=ignore_case))
        case "ANY":
            return _ALL_BUT_LINE_FEED
        case _:
            return _class(argument, ignore_case=ignore_case)


def _class(items: Sequence[Any], *, ignore_case: bool) -> Characters:
    negated = bool(items) and str(items[0][0]) == "NEGATE"
    ranges = [one for code, argument in items[negated:] for one in _member(str(code), argument)]
    characters = _cased(ranges, ignore_case=ignore_case)
    return complement(characters) if negated else characters


def _member(code: str, argument: Any) -> Characters:
    match code:
        case "LITERAL":
            return ((argument, argument),)
        case "RANGE":
            return (argument,)
        case "CATEGORY":
            return _category(str(argument))
        case other:
            raise ValueError(
                phrase("pattern has a class with {other}, which is not allowed", other=other)
            )


def _cased(ranges: Iterable[tuple[int, int]], *, ignore_case: bool) -> Characters:
    characters = union(ranges)
    return union((*characters, *_other_case(characters))) if ignore_case else characters


def _other_case(characters: Characters) -> Iterator[tuple[int, int]]:
    """The letters of ASCII that differ from one of these only in case."""
    for start, shift in ((ord("A"), _CASE), (ord("a"), -_CASE)):
        for first, last in characters:
            low, high = max(first, start), min(last, start + 25)
            if low <= high:
                yield low + shift, high + shift


@cache
def _category(name: str) -> Characters:
    """`CATEGORY_NOT_DIGIT` → everything but 0 to 9."""
    escapes = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}
    word = name.removeprefix("CATEGORY_")
    escape = re.compile(escapes[word.removeprefix("NOT_")], re.ASCII)
    members = union((code, code) for code in range(_ASCII) if escape.match(chr(code)))
    return complement(members) if word.startswith("NOT_") else members
