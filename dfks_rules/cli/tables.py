"""Results of MI methods, laid out for people only: scripts use `--json`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_COLUMNS = {
    "changes": (
        *("seq", "at", "presentity", "feature", "before", "after"),
        *("origin", "actor", "rule", "decision"),
    ),
    "features": ("feature", "stored", "told", "decision.effect", "decision.matched"),
    "decisions": (
        "id",
        "at",
        "given.op",
        "given.feature",
        "given.presentity",
        "decision.decision",
        "decision.reason",
        "decision.matched",
    ),
    "samples": (
        "given.op",
        "given.feature",
        "given.presentity",
        "active.decision",
        "active.status",
        "active.reason",
        "shadow.decision",
        "shadow.status",
        "shadow.reason",
    ),
}
"""Name of a list → the fields shown of its entries, where not all are shown."""

_WIDTH = 80
"""Longest mapping that is shown on one line, in characters."""


def lines_of(result: Any) -> Iterator[str]:
    """The lines that show a result.

    Args:
        result: a JSON value.
    """
    if isinstance(result, dict):
        yield from _mapping(result)
    elif isinstance(result, list):
        yield from _list(result, ())
    else:
        yield _cell(result)


def _mapping(values: Mapping[str, Any]) -> Iterator[str]:
    """Single values in two columns, then each list under its name."""
    single = {name: value for name, value in values.items() if not _is_list(value)}
    yield from _aligned([(_cell(name), _cell(value)) for name, value in single.items()])
    first = not single
    for name, value in values.items():
        if _is_list(value):
            if not first:
                yield ""
            first = False
            yield f"{_cell(name)}:" if value else f"{_cell(name)}: none"
            columns = _COLUMNS.get(name, ())
            inner = _mapping(value) if isinstance(value, dict) else _list(value, columns)
            yield from (f"  {line}".rstrip() for line in inner)


def _is_list(value: Any) -> bool:
    """Whether a value needs lines of its own."""
    if isinstance(value, dict):
        return any(map(_is_list, value.values())) or len(_cell(value)) > _WIDTH
    return isinstance(value, list)


def _list(entries: Sequence[Any], columns: Sequence[str]) -> Iterator[str]:
    if not all(isinstance(entry, dict) for entry in entries):
        yield from map(_cell, entries)
    elif all(isinstance(entry.get("text"), list) for entry in entries):
        for entry in entries:
            yield from _explained(entry)
    else:
        yield from _table(entries, columns)


def _explained(entry: Mapping[str, Any]) -> Iterator[str]:
    """A decision of `policy:explain`, which comes with its text."""
    yield f"{_cell(_at(entry, 'record.at'))} {_cell(_at(entry, 'record.id'))}"
    yield from map(_cell, entry["text"])


def _table(entries: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[str]:
    """A line for each entry, below a header line."""
    if not entries:
        return
    shown = [name for name in columns if any(_at(entry, name) is not None for entry in entries)]
    names = shown or list(dict.fromkeys(name for entry in entries for name in entry))
    rows = [tuple(_cell(_at(entry, name)) for name in names) for entry in entries]
    last = [name.rpartition(".")[2] for name in names]
    heads = [
        _cell(short if last.count(short) == 1 else name)
        for short, name in zip(last, names, strict=True)
    ]
    yield from _aligned([tuple(heads), *rows])


def _at(entry: Mapping[str, Any], name: str) -> Any:
    value: Any = entry
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _cell(value: Any) -> str:
    """One value on one line; `-` for an empty one.

    Text may come from a peer: terminal control characters are shown, not obeyed.
    """
    if value is None or value in ("", [], {}):
        return "-"
    if isinstance(value, str):
        return value if value.isprintable() else value.encode("unicode_escape").decode()
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return ", ".join(map(_cell, value))
    if isinstance(value, dict) and not any(isinstance(one, dict) for one in value.values()):
        return " ".join(f"{_cell(name)}={_cell(one)}" for name, one in value.items())
    return json.dumps(value)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
