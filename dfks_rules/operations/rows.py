"""Rows of imports and exports: one says what a feature of a presentity is to be.

As CSV, columns are named by the first line; as NDJSON, each line is an object with the same names.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

import orjson

from dfks_rules.model.features import FEATURES, OFF, VALUES_OF, Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.operations.events import state_told
from dfks_rules.operations.states import aor_from, state_from
from dfks_rules.phrases.phrase import phrase

_VALUES = tuple(dict.fromkeys(value.value for of in FEATURES for value in VALUES_OF[of]))
COLUMNS = ("presentity", "feature", "status", *_VALUES)
"""Names of columns, in the order in which they are exported."""
NEEDED = COLUMNS[:3]
"""Those that a file must have."""
IGNORED = ("revision",)
"""What others of our documents have besides, and an import passes over."""
MAX_LINE = 64 * 1024
"""Longest line, bytes."""
_STATUS = {"on": True, "1": True, "off": False, "0": False}


class Format(Enum):
    """How rows are written; the value is the name on command lines."""

    CSV = "csv"
    NDJSON = "ndjson"

    __hash__ = object.__hash__


CONTENT_TYPES = {Format.CSV: "text/csv", Format.NDJSON: "application/x-ndjson"}
"""Format → its content type."""


class Row(NamedTuple):
    """What some features of one presentity are to be."""

    presentity: Aor
    asked: tuple[Asked, ...]
    """At least one, in order."""


def columns_of(line: str) -> tuple[str, ...]:
    """The columns that the first line of a CSV file names.

    Raises:
        ValueError: what is wrong with them.
    """
    names = tuple(name.strip() for name in next(csv.reader([line], strict=True), []))
    if missing := [name for name in NEEDED if name not in names]:
        message = phrase(
            "the first line names no column `{missing}`: it must name {names}",
            missing=missing[0],
            names=_names(NEEDED),
        )
        raise ValueError(message)
    for number, name in enumerate(names):
        if name not in COLUMNS and name not in IGNORED:
            message = phrase(
                "there is no column `{name}`, only {names}", name=name[:40], names=_names(COLUMNS)
            )
            raise ValueError(message)
        if name in names[:number]:
            message = phrase("the first line names `{name}` twice", name=name)
            raise ValueError(message)
    return names


def row_of_cells(columns: Sequence[str], cells: Sequence[str]) -> Row:
    """A row of a CSV file; an empty cell says nothing.

    Raises:
        ValueError: what is wrong with it.
    """
    if len(cells) != len(columns):
        message = phrase(
            "{count} cells, but the first line has {columns}",
            count=len(cells),
            columns=len(columns),
        )
        raise ValueError(message)
    return _row({name: cell.strip() for name, cell in zip(columns, cells, strict=True)})


def row_of_json(line: bytes) -> Row:
    """A line of NDJSON: as a row of CSV, or with `features` as `/v1/presentities` writes them.

    Raises:
        ValueError: what is wrong with it.
    """
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        message = phrase("not JSON: {error}", error=error)
        raise ValueError(message) from error
    if not isinstance(said, dict):
        raise ValueError(phrase("not a JSON object"))
    if "features" not in said:
        return _row({name: _text(name, value) for name, value in said.items()})
    features = said.pop("features")
    presentity = _presentity({name: _text(name, value) for name, value in said.items()})
    if not isinstance(features, dict) or not features:
        raise ValueError(phrase("`features` is not an object with features"))
    asked = tuple(_asked(name, _cells(state)) for name, state in features.items())
    return Row(presentity, asked)


def told(presentity: Aor, snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    """The rows of a presentity: of each feature that is on, or has values."""
    for feature, state in zip(FEATURES, snapshot.states, strict=True):
        if state != OFF:
            yield {"presentity": presentity.uri, "feature": feature.value, **state_told(state)}


def head(of: Format) -> bytes:
    """What a file begins with."""
    return _line(COLUMNS) if of is Format.CSV else b""


def written(of: Format, row: Mapping[str, Any]) -> bytes:
    """A row, with its line end."""
    if of is Format.NDJSON:
        return orjson.dumps(row) + b"\n"
    return _line([str(row.get(name, "")) for name in COLUMNS])


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _row(said: Mapping[str, str]) -> Row:
    presentity = _presentity({name: text for name, text in said.items() if name in NEEDED[:1]})
    rest = {name: text for name, text in said.items() if name not in (*NEEDED[:2], *IGNORED)}
    return Row(presentity, (_asked(said.get("feature", ""), rest),))


def _presentity(said: Mapping[str, str]) -> Aor:
    for name in said:
        if name != "presentity" and name not in IGNORED:
            message = phrase("`{name}` is not known", name=name[:40])
            raise ValueError(message)
    if not said.get("presentity"):
        raise ValueError(phrase("`presentity` is missing"))
    try:
        return aor_from(said["presentity"])
    except ValueError as error:
        message = phrase("presentity: {error}", error=error)
        raise ValueError(message) from error


def _asked(name: str, said: Mapping[str, str]) -> Asked:
    try:
        feature = Feature(name)
    except ValueError:
        known = _names(tuple(one.value for one in FEATURES))
        message = phrase("feature: `{name}` is not one of {known}", name=name[:40], known=known)
        raise ValueError(message) from None
    status = said.get("status", "").lower()
    if status not in _STATUS:
        message = phrase("status: `{status}` is neither `on` nor `off`", status=status[:40])
        raise ValueError(message)
    values = [(name, text) for name, text in said.items() if name != "status" and text]
    try:
        return Asked(feature, state_from(feature, _STATUS[status], values))
    except ValueError as error:
        message = phrase("{feature}: {error}", feature=feature.value, error=error)
        raise ValueError(message) from error


def _cells(state: object) -> dict[str, str]:
    if not isinstance(state, dict):
        raise ValueError(phrase("a state is an object"))
    return {name: _text(name, value) for name, value in state.items()}


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        message = phrase("`{name}` is neither a text nor a whole number", name=name[:40])
        raise ValueError(message)
    return str(value)


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
