"""Words that mix look-alike letters: `alice` with a Cyrillic a matches nobody."""

import re
import unicodedata
from collections.abc import Hashable, Iterable, Iterator

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.matchers import Named
from dfks_rules.policy.lint.ranked import RankedRule
from dfks_rules.policy.words.wording import quoted

_WORD = re.compile(r"[^\W\d_]+")
_ALIKE = {"LATIN", "CYRILLIC", "GREEK"}
"""Alphabets with similar letters, as the first word of their characters' Unicode names."""


def mixed_letters(rules: Iterable[RankedRule]) -> Iterator[Finding]:
    """Findings `policy_mixed_letters`, about the constants of rules."""
    for rule in rules:
        operands = {atom.operand for way in rule.ways for atom, _ in way.literals}
        operands |= {way.domains for way in rule.ways}
        for text in sorted({text for operand in operands for text in _texts_of(operand)}):
            if (stranger := _stranger(text)) is not None:
                code, name = f"U+{ord(stranger):04X}", unicodedata.name(stranger).lower()
                message = phrase(
                    "{text} of {told} mixes alphabets: `{stranger}` is {code}, {name}",
                    text=quoted(text),
                    told=rule.rule.told,
                    stranger=stranger,
                    code=code,
                    name=name,
                )
                yield rule.finding("policy_mixed_letters", message)


def _texts_of(operand: Hashable) -> Iterator[str]:
    match operand:
        case str() if not operand.isascii():
            yield operand
        case Named(name, _):
            yield from _texts_of(name)
        case tuple() | frozenset():
            for one in operand:
                yield from _texts_of(one)
        case _:
            pass


def _stranger(text: str) -> str | None:
    """A letter whose alphabet differs from that of the first letter in its word."""
    words: list[str] = _WORD.findall(text)
    for word in words:
        alphabets = {letter: unicodedata.name(letter, "").split(" ")[0] for letter in word}
        found = set(alphabets.values()) & _ALIKE
        if len(found) > 1:
            common = "LATIN" if "LATIN" in found else alphabets[word[0]]
            return next(one for one in word if alphabets[one] in _ALIKE - {common})
    return None
