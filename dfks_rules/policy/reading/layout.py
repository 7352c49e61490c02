"""The text of any file of the policy language → the same content in the canonical layout.

Keys have a fixed order, and each level is indented by two spaces. Braces and brackets stay if they
fit into 100 columns and hold no comment; otherwise their entries get lines of their own. Text is in
double quotes only where necessary. Between two entries there is one empty line or none, as in the
source.

A comment above an entry, or at the end of its line, moves with the entry; comments above the first
key of the file stay at the top. This rules out the round trip of a YAML library: those attach a
comment to what precedes it, so an entry that moves leaves its comment behind.
"""

import math
import re
import textwrap
from collections import Counter, deque
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple, TypeVar

import yaml

from dfks_rules.errors import Finding, PolicyError
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.reading.source import Source, parse
from dfks_rules.yaml.scalar import scalar
from dfks_rules.yaml.tree import INTEGER, Path

WIDTH = 100
"""Longest line with braces or brackets, and longest line of folded text, in characters."""

_HEAD = ("apiVersion", "kind", "metadata", "mode", "band", "priority", "scope", "schedules", "vars")
_EXCEPTION = ("for", "when", "unless", "until", "by", "why")
_SITE = ("country", "domain", "domains", "classes", "users", "groups", "entries")
_ORDERS: dict[tuple[str | type, ...], tuple[str, ...]] = {
    (): (*_HEAD, *_EXCEPTION, *_SITE, "policies", "defaults", "rules", "tests", "proofs"),
    ("metadata",): ("name", "description"),
    ("rules", int): ("id", "description", "mode", "when", "unless", "then"),
    ("rules", int, "then"): (
        "deny",
        "allow",
        "status",
        "values",
        "assigned",
        "notify",
        "also",
        "expire",
    ),
    ("rules", int, "then", "deny"): ("reason", "text", "answer", "exceptions"),
    ("rules", int, "then", "expire"): ("until", "tz"),
    ("rules", int, "then", "also", int): ("feature", "user", "group", "domain", "status", "values"),
    ("schedules", int): ("tz", "weekly", "except", "also"),
    ("users", int): ("groups", "role", "numbers", "attributes"),
    ("domains", int): ("country", "internal", "outside", "area"),
    ("domains", int, "internal"): ("lengths", "prefixes"),
    ("tests", int): ("name", "note", "skip", "table", "given", "expect"),
    ("proofs", int): ("name", "when", "unless", "expect", "some"),
}
"""Path (`int` for a position in a list or a name chosen by the author) → keys that come first, in
this order; others follow."""
_NAMED = ("schedules", "users", "domains")
"""Mappings whose keys are names chosen by the author."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_COMMENT = re.compile(r"#[^\n]*")


class Comment(NamedTuple):
    """One comment."""

    start: int
    """Its offset in the text, in characters."""
    line: int
    """0-based."""
    column: int
    """0-based."""
    text: str
    """From its `#` on."""
    alone: bool
    """Whether it has a line to itself."""


def laid_out(source: Source) -> str:
    """The text of a file in its canonical layout; laying it out again changes nothing.

    Raises:
        PolicyError: `source.parse` cannot read the file, or (`policy_layout`) the new layout would
            lose a comment or change a value, which would be a bug here and is therefore refused.
    """
    tree, findings = parse(source)
    if tree is None:
        raise PolicyError(findings)
    if not isinstance(tree.value, dict | list):  # CSV also parses as YAML, as a single text
        message = phrase("file has no keys; only policy files can be formatted")
        raise PolicyError([Finding(source.file, 0, 0, "policy_layout", message)])
    written = re.sub(r"\r\n?", "\n", source.text)
    text = "\n".join(_Layout(written).lines()) + "\n"
    after, _ = parse(Source(source.file, text))
    if after is None or after.value != tree.value or comments_of(text) != comments_of(written):
        message = phrase("formatting would change what this file says; please report it")
        raise PolicyError([Finding(source.file, 0, 0, "policy_layout", message)])
    return text


def comments_of(text: str) -> Counter[str]:
    """All comments of a file, and how often each occurs."""
    return Counter(comment.text for comment in _comments(text, _composed(text)))


def _composed(text: str) -> yaml.Node:
    node = yaml.compose(text, Loader=_LOADER)
    assert node is not None, "`parse` refuses empty files"  # noqa: S101
    return node


def _comments(text: str, root: yaml.Node) -> Iterator[Comment]:
    """The comments of a file in order: from each `#` outside a scalar to the end of the line."""
    scalars = iter(sorted(_spans(text, root)))
    start, end = next(scalars, (len(text), len(text)))
    place = 0
    while found := _COMMENT.search(text, place):
        while end <= found.start():
            start, end = next(scalars, (len(text), len(text) + 1))
        if start <= found.start():
            place = end
            continue
        before = text[: found.start()]
        column = found.start() - (before.rfind("\n") + 1)
        alone = not before[len(before) - column :].strip()
        yield Comment(found.start(), before.count("\n"), column, found[0].rstrip(), alone)
        place = found.end()


def _spans(text: str, node: yaml.Node) -> Iterator[tuple[int, int]]:
    """The spans of scalars; for a block scalar, only the part below its first line."""
    if isinstance(node, yaml.ScalarNode):
        start, end = node.start_mark.index, node.end_mark.index
        if node.style in _BLOCKS:
            below = text.find("\n", start)
            start = end if below < 0 else below
        if end > start:
            yield start, end
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _spans(text, key)
            yield from _spans(text, value)
    else:
        for item in node.value:
            yield from _spans(text, item)


_BLOCKS = ("|", ">")


class _Layout:
    """The layout of one file in progress. Comments are consumed in the order of the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._source = text.split("\n")
        self._root = _composed(text)
        self._comments = deque(_comments(text, self._root))

    def lines(self) -> list[str]:
        """The lines of the file."""
        head = self._before(self._root, 0)
        body = self._after("", self._root, self._root, (), 0)
        return [*(head[1:] if head[:1] == [""] else head), *body, *self._until(math.inf, 0)]

    def _after(
        self, start: str, key: yaml.Node, value: yaml.Node, path: Path, indent: int
    ) -> list[str]:
        """The lines of a value after `key:` or `-`, or (empty `start`) of the whole file.

        Args:
            start: what precedes the value on its line.
            key: the key of the value, or the value itself.
            value: the value.
            path: path to the value.
            indent: indent of the value's lines, if it has lines of its own.
        """
        if isinstance(value, yaml.ScalarNode):
            return self._scalar(start, value, indent)
        assert isinstance(value, yaml.CollectionNode)  # noqa: S101 - there are no others
        line = f"{start} {_flow(value, path)}" if start else _flow(value, path)
        if self._fits(value, line):
            mark = value.start_mark if value.value else value.end_mark
            above = self._until(mark.index, len(start) - len(start.lstrip()))
            return [*above, self._commented(line, value.end_mark.line)]
        first = self._commented(start, key.end_mark.line, value.start_mark.index) if start else ""
        column = max(value.start_mark.column, key.start_mark.column + (key is not value))
        rest = self._entries(value, path, indent, column)
        return [first, *rest] if start else rest

    def _fits(self, node: yaml.CollectionNode, line: str) -> bool:
        """Whether a mapping or list stays on one line: bracketed, short, and without comments."""
        if not node.value:
            return True
        start, end = node.start_mark.index, node.end_mark.index
        upcoming = takewhile(lambda comment: comment.start < end, self._comments)
        within = any(comment.start > start for comment in upcoming)
        return bool(node.flow_style) and not within and len(line) <= WIDTH

    def _entries(
        self, node: yaml.CollectionNode, path: Path, indent: int, column: int
    ) -> list[str]:
        """A mapping or list with one line for each entry.

        Args:
            node: the mapping or list.
            path: path to it.
            indent: indent of the lines.
            column: comments below the last entry belong to it from this column on.
        """
        if isinstance(node, yaml.MappingNode):
            entries = _in_order(
                [(key.value, self._entry(key, value, path, indent)) for key, value in node.value],
                path,
            )
        else:
            items = enumerate(node.value)
            entries = [("", self._item(item, (*path, n), indent)) for n, item in items]
        lines = [line for _, block in entries for line in block]
        lines += self._until(node.end_mark.index, indent, 0 if node.flow_style else column)
        if node.flow_style and lines:
            lines[-1] = self._commented(lines[-1], node.end_mark.line)
        return lines[1:] if lines[:1] == [""] else lines

    def _entry(self, key: yaml.Node, value: yaml.Node, path: Path, indent: int) -> list[str]:
        before = self._before(key, indent)
        start = f"{' ' * indent}{scalar(key.value)}:"
        return [*before, *self._after(start, key, value, (*path, key.value), indent + 2)]

    def _item(self, item: yaml.Node, path: Path, indent: int) -> list[str]:
        before = self._before(item, indent)
        dash = " " * indent + "-"
        line = f"{dash} {_flow(item, path)}"
        if not isinstance(item, yaml.CollectionNode) or self._fits(item, line):
            return [*before, *self._after(dash, item, item, path, indent + 2)]
        lines = self._entries(item, path, indent + 2, item.start_mark.column)
        # A comment after the dash would be read as one about the whole item the next time.
        above = list(takewhile(lambda one: not one or one.lstrip().startswith("#"), lines))
        first, *rest = lines[len(above) :]
        return [*before, *(one[2:] for one in above), f"{dash} {first.lstrip()}", *rest]

    def _scalar(self, start: str, node: yaml.ScalarNode, indent: int) -> list[str]:
        above = self._until(node.start_mark.index, len(start) - len(start.lstrip()))
        first, *rest = self._text_of(node, indent)
        last = node.start_mark.line if node.style in _BLOCKS else node.end_mark.line
        line = self._commented(f"{start} {first}" if start else first, last)
        return [*above, line, *rest]

    def _text_of(self, node: yaml.ScalarNode, indent: int) -> list[str]:
        """A scalar: the text after its key, and the lines below it, if any."""
        value = node.value if node.style else _plain_value(node.value)
        margin = " " * indent
        if node.style in _BLOCKS and value:
            header, *body = self._text[node.start_mark.index : node.end_mark.index].split("\n")
            lines = textwrap.dedent("\n".join(body)).rstrip().split("\n")
            block = [header.split()[0], *((margin + line).rstrip() for line in lines)]
            if _reads_as("\n".join(block), value):
                return block
        several = node.end_mark.line > node.start_mark.line
        if several and isinstance(value, str) and len(value) > WIDTH - indent:
            folded = textwrap.wrap(
                value, WIDTH - indent, break_long_words=False, break_on_hyphens=False
            )
            block = [">-", *(margin + line for line in folded)]
            if _reads_as("\n".join(block), value):
                return block
        return [scalar(value, in_braces=False)]

    def _before(self, node: yaml.Node, indent: int) -> list[str]:
        """The comments above an entry, then an empty line if the source has one there."""
        lines = self._until(node.start_mark.index, indent)
        return [*lines, ""] if self._is_empty(node.start_mark.line - 1) else lines

    def _until(self, end: float, indent: int, column: int = 0) -> list[str]:
        """Consumes the comments before an offset in the text that start at `column` or later."""
        lines: list[str] = []
        while self._comments and self._comments[0].start < end:
            if self._comments[0].column < column:
                break
            comment = self._comments.popleft()
            if comment.alone and self._is_empty(comment.line - 1):
                lines.append("")
            lines.append(f"{' ' * indent}{comment.text}")
        return lines

    def _commented(self, line: str, number: int, before: float = math.inf) -> str:
        """A line followed by the comment at the end of the source line, if there is one."""
        if self._comments:
            comment = self._comments[0]
            if comment.line == number and not comment.alone and comment.start < before:
                self._comments.popleft()
                return f"{line}  {comment.text}"
        return line

    def _is_empty(self, number: int) -> bool:
        return 0 <= number < len(self._source) and not self._source[number].strip()


def _flow(node: yaml.Node, path: Path) -> str:
    """A value on one line."""
    if isinstance(node, yaml.MappingNode):
        pairs = [
            (key.value, f"{scalar(key.value)}: {_flow(value, (*path, key.value))}")
            for key, value in node.value
        ]
        return f"{{{', '.join(text for _, text in _in_order(pairs, path))}}}"
    if isinstance(node, yaml.SequenceNode):
        return f"[{', '.join(_flow(item, (*path, n)) for n, item in enumerate(node.value))}]"
    quoted = isinstance(node, yaml.ScalarNode) and node.style
    return scalar(node.value if quoted else _plain_value(node.value))


def _plain_value(text: str) -> str | int | bool:
    """The value our reader gives to a scalar without quotes."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if INTEGER.fullmatch(text) else text


def _reads_as(block: str, value: object) -> bool:
    tree, _ = parse(Source("", f"k: {block}\n"))
    return tree is not None and tree.value == {"k": value}


_T = TypeVar("_T")


def _in_order(entries: list[tuple[str, _T]], path: Path) -> list[tuple[str, _T]]:
    """The entries of a mapping, those with a fixed position first, the others in source order."""
    shape = tuple(
        int if isinstance(part, int) or (n == 1 and path[0] in _NAMED) else part
        for n, part in enumerate(path)
    )
    order = _ORDERS.get(shape, ())
    return sorted(
        entries, key=lambda entry: order.index(entry[0]) if entry[0] in order else len(order)
    )
