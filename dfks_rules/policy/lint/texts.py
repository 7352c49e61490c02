"""`${fact}` and `*` in texts that are used literally."""

import re
from collections.abc import Hashable, Iterable, Iterator

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.document import Effects
from dfks_rules.policy.language.values import PLACEHOLDER, Rewritten, Template
from dfks_rules.policy.lint.ranked import RankedRule, Way

_LITERAL = ("eq", "in", "prefix", "suffix", "has")
"""Matchers for which `*` is a character like any other."""
_NAMES = (
    "user", "domain", "presentity", "watcher", "watcher.user", "watcher.domain", "auth.user",
    "userAgent", "target.domain",
)  # fmt: skip
"""Facts whose values have a `*` only where a star code is the user: `*98`."""
_STARRED = re.compile(r"(?=.*[^\W\d_]).*\*(?![0-9*#]).*", re.DOTALL)


def literal_texts(rules: Iterable[RankedRule]) -> Iterator[Finding]:
    """Findings `policy_literal_text`."""
    for rule in rules:
        for name, text, instead in _taken_as_they_stand(rule.rule.effects):
            if found := PLACEHOLDER.search(text or ""):
                message = phrase(
                    "`{found}` in {name} of {told} is not replaced; {instead}",
                    found=found[0],
                    name=name,
                    told=rule.rule.told,
                    instead=instead,
                )
                yield rule.finding("policy_literal_text", message)
        for fact, text in sorted({pair for way in rule.ways for pair in _constants(way)}):
            if _STARRED.fullmatch(text):
                message = phrase(
                    "`*` in `{fact}: {text}` of {told} is no wildcard; write `{fact}: {{glob: …}}`",
                    fact=fact,
                    text=text,
                    told=rule.rule.told,
                )
                yield rule.finding("policy_literal_text", message)


def _constants(way: Way) -> Iterator[tuple[str, str]]:
    """The names that facts are compared with as they stand: (fact, text)."""
    yield from (("domain", str(one)) for one in way.domains or ())
    for atom, _ in way.literals:
        if atom.fact in _NAMES and atom.matcher in _LITERAL:
            yield from ((atom.fact, text) for text in _texts(atom.operand))


def _texts(operand: Hashable) -> Iterator[str]:
    if isinstance(operand, str):
        yield operand
    elif isinstance(operand, tuple | frozenset):
        yield from (one for one in operand if isinstance(one, str))


def _taken_as_they_stand(effects: Effects) -> Iterator[tuple[str, str | None, str]]:
    """The texts used literally: (what it is, the text, what to do instead)."""
    also = [pair for one in effects.also for pair in one.values]
    for value, written in (*effects.values, *also):
        if isinstance(written, Template | Rewritten):
            yield "`default`", written.default, phrase("write a text without facts")
        elif isinstance(written, str):
            yield (
                f"`{value.value}`",
                written,
                phrase("write `{value}: {{template: …}}`", value=value.value),
            )
