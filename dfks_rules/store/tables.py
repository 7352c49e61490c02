"""The tables of states, in terms of the domain.

`presentity` has one row for each presentity ever changed; `feature_state` has one for each of its
features ever changed.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from dfks_rules.model.features import (
    FEATURES,
    NOTHING_STORED,
    OFF,
    POSITION,
    Deadline,
    Feature,
    FeatureState,
    Snapshot,
    values_from,
    with_deadline,
)
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import VALUES, Integer, Values
from dfks_rules.store.life import LATEST

_READ = """
    SELECT revision, feature, status, feature_values, expires, expires_by
    FROM presentity LEFT JOIN feature_state USING (domain, user)
    WHERE domain = ? AND user = ?"""
_READ_MANY = """
    SELECT asked.key, revision, feature, status, feature_values, expires, expires_by
    FROM json_each(?) AS asked
    JOIN presentity AS known ON known.domain = asked.value ->> 1 AND known.user = asked.value ->> 0
    LEFT JOIN feature_state USING (domain, user)"""
_VALUES = {value.value: value for value in VALUES}


def read(connection: sqlite3.Connection, presentity: Aor) -> Snapshot:
    """What is stored for a presentity; `NOTHING_STORED` when there is nothing.

    Raises:
        sqlite3.Error: the file cannot be read.
        ValueError: a name has characters that SQLite text cannot hold, or another program wrote
            something that is not a valid state.
    """
    rows = connection.execute(_READ, (presentity.domain, presentity.user)).fetchall()
    return _snapshot(rows) if rows else NOTHING_STORED


def read_many(connection: sqlite3.Connection, presentities: Sequence[Aor]) -> list[Snapshot]:
    """The same for several, in one query.

    Raises:
        sqlite3.Error: the file cannot be read.
        ValueError: as `read`, of one of them.
    """
    asked = as_json([[*presentity] for presentity in presentities])
    rows: dict[int, list[Any]] = {}
    for place, *row in connection.execute(_READ_MANY, (asked,)):
        rows.setdefault(place, []).append(row)
    found = [rows.get(place) for place in range(len(presentities))]
    return [NOTHING_STORED if some is None else _snapshot(some) for some in found]


def _snapshot(rows: Sequence[Any]) -> Snapshot:
    states = [OFF] * len(FEATURES)
    deadlines: tuple[Deadline, ...] = ()
    for _, feature, status, values, expires, by in rows:
        if feature is not None:
            state = FeatureState(bool(status), values_of(orjson.loads(values)))
            states[POSITION[Feature(feature)]] = state
        if expires is not None:
            deadlines = with_deadline(deadlines, deadline_of(Feature(feature), expires, by))
    return Snapshot(rows[0][0], tuple(states), deadlines)


def deadline_of(feature: Feature, expires: object, by: object) -> Deadline:
    """A deadline that was stored.

    Raises:
        ValueError: it is none; another program wrote it.
    """
    if not (type(expires) is int and 0 <= expires < LATEST and isinstance(by, str)):
        raise ValueError("`expires` is not a moment")
    return Deadline(feature, expires, by)


def values_of(said: object) -> Values:
    """Values that were stored as a JSON object, by name.

    Raises:
        ValueError: they are not; another program wrote them.
    """
    if not isinstance(said, dict):
        raise ValueError("`feature_values` is not a JSON object")
    if unknown := said.keys() - _VALUES.keys():
        raise ValueError(f"unknown value `{min(unknown)}`")
    for name, what in said.items():
        if type(what) is not (int if isinstance(_VALUES[name].kind, Integer) else str):
            raise ValueError(f"`{name}` is of another type")
    return values_from({_VALUES[name]: what for name, what in said.items()})


def as_json(what: object) -> str:
    """JSON for SQLite: its functions read rows from it.

    Raises:
        ValueError: JSON cannot carry a value: a lone surrogate, a number beyond 64 bits, NUL.
    """
    try:
        text = orjson.dumps(what).decode()
    except orjson.JSONEncodeError as error:
        raise ValueError(str(error)) from error
    # Not every `\\u0000` is a NUL: a text may contain a backslash, which is written as two.
    if "\\u0000" in text and "\\u0000" in text.replace("\\\\", ""):
        raise ValueError("a text with NUL")
    return text
