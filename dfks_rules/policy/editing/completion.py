"""What may stand at the cursor: keys, constants, and names that files define."""

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import islice
from typing import NamedTuple

from dfks_rules.model.features import FEATURES
from dfks_rules.policy.editing.grammar import description_at, keys_at, values_at
from dfks_rules.policy.editing.names import Kind, Outlined, is_shared, kind_used_at
from dfks_rules.policy.editing.outline import Role, Span, Token, outline
from dfks_rules.policy.facts.facts import FACTS, fact_named
from dfks_rules.policy.facts.families import PEOPLE
from dfks_rules.policy.site.targets import CLASSES
from dfks_rules.yaml.scalar import scalar
from dfks_rules.yaml.tree import Path

MAX_OFFERED = 500
"""Most completions at once: nobody reads more, and the next letter leaves fewer."""
_CURSOR = "\ue000"
"""A letter of nobody's, put where the cursor is: so there is always a token to complete."""
_OPEN = re.compile(r"\$\{([^}\s]*)$")
_REST = re.compile(r"[^}\s\"']*")


class What(Enum):
    """What a completion is, for the icon that editors show."""

    KEY = "key"
    FACT = "fact"
    CONSTANT = "constant"
    NAME = "name"


class Completion(NamedTuple):
    """A text that may stand at the cursor."""

    label: str
    """As it is shown, and searched for."""
    what: What
    """What it is."""
    insert: str
    """What replaces `span`."""
    span: Span
    """The text that is there now."""
    description: str = ""
    """One sentence for authors."""


def complete(file: Outlined, line: int, column: int, files: Sequence[Outlined]) -> list[Completion]:
    """What may stand at a place of a file, at most `MAX_OFFERED`.

    Args:
        file: the file as it is in the editor.
        line: 0-based.
        column: 0-based, in characters.
        files: all files of its folder, this one among them.
    """
    lines = file.source.text.split("\n")
    if line >= len(lines):
        return []
    lines[line] = lines[line][:column] + _CURSOR + lines[line][column:]
    found = (one for one in outline("\n".join(lines)) if _CURSOR in one.text)
    token = next(found, None)
    if token is None:
        return []
    here = _Here(file, token, files)
    typed = token.text.partition(_CURSOR)[0].lower()
    offers = list(here.in_text(lines[line], column) or here.offers())
    return _fitting(offers, typed if token.role is not Role.KEY else "")


def _fitting(offers: list[Completion], typed: str) -> list[Completion]:
    """The first ones; where there are too many, only those with what has been typed."""
    if len(offers) > MAX_OFFERED:
        offers = [one for one in offers if typed in one.label.lower()]
    return offers[:MAX_OFFERED]


class _Here(NamedTuple):
    """The place of the cursor."""

    file: Outlined
    token: Token
    """With the cursor's letter."""
    files: Sequence[Outlined]

    @property
    def span(self) -> Span:
        """The token as it is without the cursor's letter."""
        line, start, end = self.token.span
        return Span(line, start, end - 1)

    def in_text(self, line: str, column: int) -> list[Completion]:
        """Facts and variables behind `${`; none elsewhere."""
        opened = _OPEN.search(self.token.text.partition(_CURSOR)[0])
        if not opened:
            return []
        rest = _REST.match(line, column + 1)
        end = column + (len(rest[0]) if rest else 0)
        span = Span(self.token.span.line, column - len(opened[1]), end)
        closing = "" if line[end + 1 : end + 2] == "}" else "}"
        variables = [f"vars.{name}" for name, _ in self._names(Kind.VARIABLE)]
        facts = [(name, fact.description) for name, fact in FACTS.items()]
        facts += [(name, "") for name in (*self._named_facts(), *variables)]
        return [Completion(name, What.FACT, name + closing, span, text) for name, text in facts]

    def offers(self) -> Iterator[Completion]:
        """Keys, then constants, then names."""
        path, role = self.token.path, self.token.role
        if role is Role.KEY:
            yield from self._keys(path[:-1], "")
            return
        if role is Role.WORD:
            yield from self._keys(path, ": ")
        for text, _ in values_at(self.file.kind, path):
            yield Completion(text, What.CONSTANT, text, self.span)
        of = kind_used_at(self.file.kind, path)
        for name, note in islice(self._named(of), 10 * MAX_OFFERED) if of else ():
            yield Completion(name, What.NAME, scalar(name), self.span, note)

    def _keys(self, path: Path, colon: str) -> Iterator[Completion]:
        """The keys that a mapping does not have yet."""
        present = {
            one.path[-1]
            for one in self.file.tokens
            if one.role is Role.KEY and one.path[:-1] == path
        }
        for name, description in keys_at(self.file.kind, path):
            if name not in present:
                what = What.FACT if name in FACTS else What.KEY
                yield Completion(name, what, name + colon, self.span, description)
        for name in self._named_facts():
            description = description_at(self.file.kind, (*path, name))
            if name not in present and description:
                yield Completion(name, What.FACT, name + colon, self.span, description)
        if path[-1:] == ("lifted",):
            for name, note in self._named(Kind.RULE):
                yield Completion(name, What.NAME, name + colon, self.span, note)

    def _named_facts(self) -> list[str]:
        """Facts whose names contain one of the author's choice, as far as the language has them."""
        attributes, groups = self._names(Kind.ATTRIBUTE), self._names(Kind.GROUP)
        counts = [f"{feature.value}.{which}" for feature in FEATURES for which in ("off", "on")]
        facts = [f"{who}.{name}" for who in PEOPLE for name, _ in attributes]
        facts += [f"group.{name}.{count}" for name, _ in groups for count in counts]
        return [one for one in facts[: 10 * MAX_OFFERED] if fact_named(one)]

    def _named(self, kind: Kind) -> list[tuple[str, str]]:
        """The names of a kind that the file may use, as it writes them, each with its note."""
        match kind:
            case Kind.CLASS:
                return [*((name, "") for name in CLASSES), *self._names(kind)]
            case Kind.USER:
                users = (name.partition("@")[0] for name, _ in self._names(kind))
                return [(name, "") for name in dict.fromkeys(users)]
            case Kind.AOR:
                users = (name for name, _ in self._names(Kind.USER))
                return [(f"sip:{name}", "") for name in users if "@" in name]
            case _:
                return self._names(kind)

    def _names(self, kind: Kind) -> list[tuple[str, str]]:
        found: dict[str, str] = {}
        for one in self.files:
            if one.source.file == self.file.source.file or is_shared(kind, one):
                for definition in one.definitions:
                    if definition.kind is kind and definition.name:
                        found.setdefault(definition.name, definition.note)
        return sorted(found.items())
