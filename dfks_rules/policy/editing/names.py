"""Where files define names, and where they use them."""

import csv
import re
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import PurePath
from typing import NamedTuple

from dfks_rules.policy.editing.grammar import kind_of_file
from dfks_rules.policy.editing.outline import Role, Span, Token, outline, value_at
from dfks_rules.policy.facts.families import attribute_in
from dfks_rules.policy.reading.source import CALENDAR, LIST, Source, is_csv, kind_of
from dfks_rules.yaml.tree import Path

MAX_USERS = 2_000
"""Most users of one file whose names are offered."""
_GROUPS = frozenset({"groups", "watcher.groups", "target.groups"})
_USERS = frozenset({"user", "watcher.user", "target.user"})
_AORS = frozenset({"presentity", "watcher", "target.aor"})
_IN_TEXT = re.compile(r"\$\{([^}\s]*)\}")
_COUNT = re.compile(r"group\.(.+)\.[A-Za-z]+\.(?:off|on)")
NAMING_FACTS = ("sameAs", "moreThan", "lessThan", "from")
"""Keys whose values are names of facts."""


class Kind(Enum):
    """What a name is the name of."""

    RULE = "rule"
    SCHEDULE = "schedule"
    VARIABLE = "variable"
    LIST = "list"
    CALENDAR = "calendar"
    GROUP = "group"
    CLASS = "class"
    USER = "user"
    AOR = "address of record"
    ATTRIBUTE = "attribute"
    FACT = "fact"
    """A fact in a text."""


class Mention(NamedTuple):
    """A place where a name is defined or used."""

    kind: Kind
    """What it is the name of."""
    name: str
    """The name; of a rule, `policy/rule`."""
    file: str
    """The file."""
    span: Span
    """Where it stands."""
    note: str = ""
    """Of a definition, what it says about itself, for people."""


class Outlined(NamedTuple):
    """One file, and what it mentions."""

    source: Source
    """The file."""
    kind: str
    """As its `kind` says; empty for other files than YAML."""
    tokens: list[Token]
    """Of YAML."""
    definitions: list[Mention]
    """The names it defines."""
    uses: list[Mention]
    """The names it uses."""


def outlined(source: Source) -> Outlined:
    """What a file mentions, whether it is valid or not."""
    name = PurePath(source.file).stem
    if kind_of(source) == CALENDAR:
        here = [Mention(Kind.CALENDAR, name, source.file, Span(0, 0, 0))]
        return Outlined(source, "", [], here, [])
    if is_csv(source.file):
        if kind_of(source) == LIST:
            here = [Mention(Kind.LIST, name, source.file, Span(0, 0, 0))]
        else:
            here = list(_in_csv(source))
        return Outlined(source, "", [], here, [])
    tokens = outline(source.text)
    kind = kind_of_file(tokens)
    uses = [
        Mention(of, text, source.file, span)
        for token in tokens
        for of, text, span in used_at(kind, token)
    ]
    return Outlined(source, kind, tokens, list(_defined(source, kind, tokens)), uses)


def definitions_of(use: Mention, files: Iterable[Outlined]) -> list[Mention]:
    """Where a name is defined that a file uses: in the file itself, or else in all that define it.

    Schedules, and variables that are not in a file of kind Vars, are seen in their own file only.
    """
    local, shared = [], []
    for one in files:
        found = [definition for definition in one.definitions if _is_of(use, definition)]
        if one.source.file == use.file:
            local += found
        elif is_shared(use.kind, one):
            shared += found
    return local or shared


def _is_of(use: Mention, definition: Mention) -> bool:
    """Whether it defines the name that is used."""
    if definition.kind is Kind.USER and use.kind is Kind.USER:
        return definition.name.partition("@")[0] == use.name
    if definition.kind is Kind.USER and use.kind is Kind.AOR:
        return f"sip:{definition.name}" == use.name
    return (definition.kind, definition.name) == (use.kind, use.name)


def is_shared(kind: Kind, file: Outlined) -> bool:
    """Whether other files see the names of this kind that a file defines."""
    if kind is Kind.VARIABLE:
        return file.kind == "Vars"
    return kind is not Kind.SCHEDULE


def kind_used_at(kind: str, path: Path) -> Kind | None:
    """What a value at this path is the name of; None: of nothing that files define.

    Args:
        kind: the kind of the file.
        path: path to the value.
    """
    keys = [part for part in path if isinstance(part, str)]
    last = keys[-1] if keys else ""
    if kind in ("PolicyTest", "PolicyProof", "Exception") and _is_of_a_rule(path, keys):
        return Kind.RULE
    if last == "group" and "also" in keys:
        return Kind.GROUP
    by_key = {"var": Kind.VARIABLE, "list": Kind.LIST, "calendar": Kind.CALENDAR}
    by_key |= {"during": Kind.SCHEDULE, "outside": Kind.SCHEDULE}
    if last in by_key:
        return by_key[last] if path[-1] == last else None
    if kind in ("Policy", "Exception", "PolicyTest", "PolicyProof"):
        return _of_a_fact(keys)
    if kind == "Directory" and path[:1] == ("users",) and "groups" in path[2:]:
        return Kind.GROUP
    return None


def _is_of_a_rule(path: Path, keys: list[str]) -> bool:
    return path[:1] == ("for",) or "by" in keys[:-1] or keys[-1:] == ["matched"] or "lifted" in keys


def _of_a_fact(keys: list[str]) -> Kind | None:
    """What the constants of a fact are the names of, which the last keys of a path test."""
    for fact, matcher in zip(reversed(keys), ["", *reversed(keys)], strict=False):
        if matcher not in ("", "has", "eq", "ne", "in", "notIn"):
            return None
        for facts, kind in ((_GROUPS, Kind.GROUP), (_USERS, Kind.USER), (_AORS, Kind.AOR)):
            if fact in facts:
                return kind
        if fact == "target.class":
            return Kind.CLASS
        if "." in fact:
            return None
    return None


def used_at(kind: str, token: Token) -> Iterator[tuple[Kind, str, Span]]:
    """The names that a token of a file of this kind uses, each with its place."""
    if token.role is Role.KEY or (token.path[-1:] and token.path[-1] in NAMING_FACTS):
        yield from _in_fact(token.text, _inner(token))
    if token.role is Role.KEY:
        if token.path[-2:-1] == ("lifted",):
            yield Kind.RULE, token.text, _inner(token)
        return
    of = kind_used_at(kind, token.path)
    if of is not None:
        yield of, token.text, _inner(token)
    for match in _IN_TEXT.finditer(token.text):
        name = match[1]
        of = Kind.VARIABLE if name.startswith("vars.") else Kind.FACT
        start = _inner(token).start + match.start(1)
        start += len(name) - len(name.removeprefix("vars."))
        name = name.removeprefix("vars.")
        span = Span(token.span.line, start, start + len(name))
        yield of, name, span
        if of is Kind.FACT:
            yield from _in_fact(name, span)


def _in_fact(fact: str, span: Span) -> Iterator[tuple[Kind, str, Span]]:
    """The name of the author's choice that the name of a fact contains."""
    count, attribute = _COUNT.fullmatch(fact), attribute_in(fact)
    if count:
        start = span.start + count.start(1)
        yield Kind.GROUP, count[1], Span(span.line, start, start + len(count[1]))
    elif attribute:
        yield Kind.ATTRIBUTE, attribute, Span(span.line, span.end - len(attribute), span.end)


def _inner(token: Token) -> Span:
    """Where the text of a token stands, without its quotes."""
    line, start, end = token.span
    quoted = end - start == len(token.text) + 2
    return Span(line, start + quoted, end - quoted)


def _defined(source: Source, kind: str, tokens: list[Token]) -> Iterator[Mention]:
    """The names that a file of YAML defines."""
    policy, domain = value_at(tokens, ("metadata", "name")), value_at(tokens, ("domain",))
    notes = {
        token.path[:2]: token.text for token in tokens if token.path[2:] == ("description",)
    } | {token.path: token.text for token in tokens if token.role is not Role.KEY}
    for token in tokens:
        name = _defined_by(kind, token, policy or "")
        if name is not None:
            of, text = name
            note = notes.get(token.path[:2], "")
            note = "" if note == token.text else note
            if of is Kind.USER and "@" not in text and domain:
                text = f"{text}@{domain}"
            yield Mention(of, text, source.file, _inner(token), note)


_DEFINING: tuple[tuple[str, tuple[str | type, ...], Kind], ...] = (
    ("Policy", ("rules", int, "id"), Kind.RULE),
    ("Exception", ("metadata", "name"), Kind.RULE),
    ("List", ("metadata", "name"), Kind.LIST),
    ("", ("schedules", str), Kind.SCHEDULE),
    ("", ("vars", str), Kind.VARIABLE),
    ("Directory", ("groups", str), Kind.GROUP),
    ("Directory", ("users", str, "groups", int), Kind.GROUP),
    ("Directory", ("users", str), Kind.USER),
    ("Directory", ("groups", str, int), Kind.USER),
    ("Directory", ("users", str, "attributes", str), Kind.ATTRIBUTE),
    ("NumberPlan", ("classes", str), Kind.CLASS),
)
"""Kind of a file (empty: any), the path to a name, and what it is the name of.

A path that ends in `str` is one to a key of the author's choice; any other, to a value.
"""


def _defined_by(kind: str, token: Token, policy: str) -> tuple[Kind, str] | None:
    """What a token defines, and its name."""
    for of_file, pattern, of in _DEFINING:
        is_key = pattern[-1] is str
        if of_file in ("", kind) and is_key is (token.role is Role.KEY):
            if _is_like(token.path, pattern) and of is Kind.RULE:
                full = (
                    f"{token.text}/exception" if kind == "Exception" else f"{policy}/{token.text}"
                )
                return of, full
            if _is_like(token.path, pattern):
                return of, token.text
    return None


def _is_like(path: Path, pattern: tuple[str | type, ...]) -> bool:
    return len(path) == len(pattern) and all(
        part == wanted if isinstance(wanted, str) else isinstance(part, wanted)
        for part, wanted in zip(path, pattern, strict=True)
    )


def _in_csv(source: Source) -> Iterator[Mention]:
    """The users, groups and attributes of a directory in CSV, each where it appears first."""
    lines = source.text.removeprefix("\ufeff").split("\n")
    header = next(csv.reader(lines[:1]), [])
    columns = {name.strip(): place for place, name in enumerate(header)}
    for name, place in columns.items():
        if name not in ("user", "domain", "groups", "role", "numbers"):
            start = sum(len(one) + 1 for one in header[:place])
            span = Span(0, start, start + len(name))
            yield Mention(Kind.ATTRIBUTE, name, source.file, span)
    seen: set[str] = set()
    user, domain, groups = (columns.get(name, -1) for name in ("user", "domain", "groups"))
    for row, line in enumerate(lines[1:], 1):
        fields = line.rstrip("\r").split(",")
        if len(fields) <= max(user, groups, domain) or user < 0:
            continue
        if row <= MAX_USERS:
            name = f"{fields[user]}@{fields[domain]}" if domain >= 0 else fields[user]
            yield Mention(Kind.USER, name, source.file, Span(row, 0, len(line)))
        for group in fields[groups].replace(";", " ").split() if groups >= 0 else ():
            if group not in seen:
                seen.add(group)
                start = sum(len(one) + 1 for one in fields[:groups])
                start += fields[groups].index(group)
                span = Span(row, start, start + len(group))
                yield Mention(Kind.GROUP, group, source.file, span)
