"""The text of a file → plain values, each with its place.

YAML 1.1 as PyYAML reads it garbles telephony: `+4930123456` becomes a number, `0123` octal, `12:30`
the number 750, and `no` false. Here a plain scalar is a decimal integer, `true`, `false`, or text.
Constructs that no policy needs are refused: null, anchors and aliases (a 350-byte alias bomb makes
43 million strings), tags, duplicate keys, a second document.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any, Literal, NamedTuple

import yaml

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase

MAX_BYTES = 256 * 1024
"""Largest YAML file; 500 rules take about 100 KiB."""
MAX_DEPTH = 32
"""Deepest nesting of mappings and lists; real-world conditions need 4 or 5."""

Path = tuple[str | int, ...]
"""The path from the top of a file to a value: keys and 0-based positions."""

Flaw = Literal["yaml", "limit", "null", "duplicate_key"]
"""What can be wrong with any file: syntax or a refused construct, size, an empty value, a duplicate
key."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_NULLS = ("", "~", "null", "Null", "NULL")
_QUOTED = re.compile(r"`(.*)`", re.DOTALL)


class Place(NamedTuple):
    """A position in a file."""

    line: int
    """1-based."""
    column: int
    """1-based, in characters."""


class Tree(NamedTuple):
    """The content of one file, with the place of each part."""

    file: str
    """Path as given."""
    value: Any
    """Mappings, lists, text, integers and booleans."""
    places: dict[Path, Place]
    """Where each value starts."""
    keys: dict[Path, Place]
    """Where the key of each mapping entry starts."""

    def at(self, path: Path) -> Any:
        """The value at `path`."""
        value = self.value
        for part in path:
            value = value[part]
        return value

    def finding(self, path: Path, code: str, message: str, *, at_key: bool = False) -> Finding:
        """A finding about the value at `path`, or about its key if `at_key`."""
        place = self.keys.get(path) if at_key else None
        return Finding(self.file, *(place or self.places[path]), code, message)


class _Refusal(Exception):  # noqa: N818 - it carries a finding and never leaves this module
    """The rest of the file cannot be read."""

    def __init__(self, place: Place, flaw: Flaw, message: str) -> None:
        super().__init__(message)
        self.place, self.flaw, self.message = place, flaw, message


def read_tree(file: str, text: str, room: str) -> tuple[Tree | None, list[Finding]]:
    """The values in one file, or None and the findings about its YAML.

    Args:
        file: its path, which findings show.
        text: its content.
        room: prefix of the codes of findings; `config` gives `config_yaml` and so on.

    Returns:
        The tree, and findings with the codes of `Flaw`. There is a tree if and only if there are no
        findings.
    """
    builder = _Builder(file, room)
    try:
        _refuse_size(text)
        tree = builder.build(_events(text))
    except _Refusal as refusal:
        builder.report(refusal.place, refusal.flaw, refusal.message)
    return (None, builder.findings) if builder.findings else (tree, [])


def veiled(findings: list[Finding], keys: Collection[str]) -> list[Finding]:
    """What `read_tree` found in a file of secrets, without the texts that may be some.

    YAML takes a password that begins with `!` for a tag, and `password:x` for a key.

    Args:
        findings: as it gave them.
        keys: texts that may be shown.
    """
    return [
        one._replace(message=_QUOTED.sub(lambda m: m[0] if m[1] in keys else "`…`", one.message))
        for one in findings
    ]


def _refuse_size(text: str) -> None:
    start = Place(1, 1)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise _Refusal(start, "yaml", phrase("file is not UTF-8 text")) from error
    if size > MAX_BYTES:
        raise _Refusal(
            start,
            "limit",
            phrase("file has {size} bytes; at most {max_bytes}", size=size, max_bytes=MAX_BYTES),
        )


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        place = _place(error.problem_mark or error.context_mark)
        lines = text.split("\n")
        line = lines[place.line - 1] if place.line <= len(lines) else ""
        if "\t" in line[: len(line) - len(line.lstrip())]:
            message = phrase("line is indented with a tab; indent with spaces")
        else:
            message = phrase("invalid YAML: {problem}", problem=error.problem or error.context)
        raise _Refusal(place, "yaml", message) from error
    except yaml.YAMLError as error:
        # A ReaderError has no mark: it is about a character that YAML does not allow.
        character = getattr(error, "character", "?")
        before = text[: text.find(chr(character))] if isinstance(character, int) else ""
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        message = phrase("file contains a control character, which YAML does not allow")
        raise _Refusal(place, "yaml", message) from error


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


class _Builder:
    """Builds values from parser events, which keeps depth and aliases under our control."""

    def __init__(self, file: str, room: str) -> None:
        self._file = file
        self._room = room
        self.findings: list[Finding] = []
        self._places: dict[Path, Place] = {}
        self._keys: dict[Path, Place] = {}

    def report(self, place: Place, flaw: Flaw, message: str) -> None:
        code = f"{self._room}_{flaw}"
        self.findings.append(Finding(self._file, *place, code, message))

    def build(self, events: Iterator[yaml.Event]) -> Tree:
        """The tree of the only document.

        Raises:
            _Refusal: there is no document or more than one, or a construct is refused.
        """
        rest = (event for event in events if not isinstance(event, _MARKERS))
        first = next(rest, None)
        if first is None:
            raise _Refusal(Place(1, 1), "yaml", phrase("file is empty"))
        value = self._value(first, rest, ())
        for event in rest:
            message = phrase("a second document starts here; a file must contain only one")
            raise _Refusal(_place(event.start_mark), "yaml", message)
        return Tree(self._file, value, self._places, self._keys)

    def _value(self, event: yaml.Event, rest: Iterator[yaml.Event], path: Path) -> Any:
        place = _place(event.start_mark)
        _refuse_construct(event, place)
        if len(path) > MAX_DEPTH:
            raise _Refusal(
                place, "limit", phrase("nested deeper than {max_depth} levels", max_depth=MAX_DEPTH)
            )
        self._places[path] = place
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(rest, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(rest, path)
        assert isinstance(event, yaml.ScalarEvent)  # noqa: S101 - YAML has no other values
        return self._scalar(event, path)

    def _mapping(self, rest: Iterator[yaml.Event], path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for event in rest:
            if isinstance(event, yaml.MappingEndEvent):
                break
            place = _place(event.start_mark)
            _refuse_construct(event, place)
            if not isinstance(event, yaml.ScalarEvent):
                raise _Refusal(place, "yaml", phrase("a key must be plain text"))
            key = event.value
            if key == "<<" and not event.style:
                message = phrase("merge keys (`<<`) are not allowed; write the keys out")
                raise _Refusal(place, "yaml", message)
            if key in mapping:
                first = self._keys[(*path, key)].line
                message = phrase(
                    "key `{key}` appears twice, first on line {first}", key=key, first=first
                )
                self.report(place, "duplicate_key", message)
            self._keys.setdefault((*path, key), place)
            mapping[key] = self._value(next(rest), rest, (*path, key))
        return mapping

    def _list(self, rest: Iterator[yaml.Event], path: Path) -> list[Any]:
        items: list[Any] = []
        for event in rest:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._value(event, rest, (*path, len(items))))
        return items

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> str | int | bool | None:
        text: str = event.value
        if event.style:  # quoted, or a block
            return text
        if text in _NULLS:
            name = f"`{path[-1]}`" if path and isinstance(path[-1], str) else phrase("entry")
            self.report(
                self._keys.get(path, self._places[path]),
                "null",
                phrase("{name} is empty", name=name),
            )
            return None
        if text in ("true", "false"):
            return text == "true"
        return int(text) if INTEGER.fullmatch(text) else text


_MARKERS = (
    yaml.StreamStartEvent,
    yaml.StreamEndEvent,
    yaml.DocumentStartEvent,
    yaml.DocumentEndEvent,
)


def _refuse_construct(event: yaml.Event, place: Place) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _Refusal(
            place, "yaml", phrase("alias `*{anchor}`; aliases are not allowed", anchor=event.anchor)
        )
    if getattr(event, "anchor", None):
        message = phrase("anchor `&{anchor}`; anchors are not allowed", anchor=event.anchor)  # type: ignore[attr-defined]
        raise _Refusal(place, "yaml", message)
    if getattr(event, "tag", None):
        message = phrase("tag `{tag}`; tags are not allowed", tag=event.tag)  # type: ignore[attr-defined]
        raise _Refusal(place, "yaml", message)
