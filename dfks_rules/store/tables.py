"""The two tables, in terms of the domain.

`presentity` has one row for each presentity ever changed; `feature_state` has one for each of its
features ever changed.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from dfks_rules.errors import StoreError
from dfks_rules.model.features import (
    FEATURES,
    NOTHING_STORED,
    OFF,
    POSITION,
    Feature,
    FeatureState,
    Snapshot,
    values_from,
)
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import VALUES, Integer, Values

_READ = """
    SELECT revision, feature, status, feature_values
    FROM presentity LEFT JOIN feature_state USING (domain, user)
    WHERE domain = ? AND user = ?"""
_REVISION = "SELECT revision FROM presentity WHERE domain = ? AND user = ?"
# A whole batch is one JSON parameter of one statement: the interpreter lock then changes hands once
# per statement, not twice per row, which would cost the other threads more than the rows do.
_REVISIONS = """
    INSERT INTO presentity (domain, user, revision)
    SELECT value ->> 0, value ->> 1, value ->> 3 FROM json_each(?) AS change
    LEFT JOIN presentity AS row
    ON row.domain = change.value ->> 0 AND row.user = change.value ->> 1
    WHERE coalesce(row.revision, 0) = change.value ->> 2
    ON CONFLICT (domain, user) DO UPDATE SET revision = excluded.revision"""
_STATES = """
    INSERT OR REPLACE INTO feature_state
    (user, domain, feature, status, feature_values, changed_at)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    FROM json_each(?)"""
_VALUES = {value.value: value for value in VALUES}
_NAMES = tuple(feature.value for feature in FEATURES)


class Commit(NamedTuple):
    """One snapshot that replaces another."""

    presentity: Aor
    before: Snapshot
    after: Snapshot


def read(connection: sqlite3.Connection, presentity: Aor) -> Snapshot:
    """What is stored for a presentity; `NOTHING_STORED` when there is nothing.

    Raises:
        sqlite3.Error: the file cannot be read.
        ValueError: a name has characters that SQLite text cannot hold, or another program wrote
            something that is not a valid state.
    """
    rows = connection.execute(_READ, (presentity.domain, presentity.user)).fetchall()
    if not rows:
        return NOTHING_STORED
    states = [OFF] * len(FEATURES)
    for _, feature, status, values in rows:
        if feature is not None:
            state = FeatureState(bool(status), _values(values))
            states[POSITION[Feature(feature)]] = state
    return Snapshot(rows[0][0], tuple(states))


def _values(text: str) -> Values:
    said = orjson.loads(text)
    if not isinstance(said, dict):
        raise ValueError("`feature_values` is not a JSON object")
    if unknown := said.keys() - _VALUES.keys():
        raise ValueError(f"unknown value `{min(unknown)}`")
    for name, what in said.items():
        if type(what) is not (int if isinstance(_VALUES[name].kind, Integer) else str):
            raise ValueError(f"`{name}` is of another type")
    return values_from({_VALUES[name]: what for name, what in said.items()})


def write(connection: sqlite3.Connection, commits: Sequence[Commit]) -> list[StoreError | None]:
    """Store commits in one transaction; gives an error for each that is not stored.

    Changes whose revisions match are stored together. If one does not match, all are retried one by
    one, so that only that one is left out.

    Raises:
        sqlite3.Error: nothing is stored.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        errors: list[StoreError | None] = [None] * len(commits)
        if not _put(connection, commits):
            connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
            # A single commit that does not match changes nothing.
            errors = [
                None if _put(connection, [commit]) else _why_not(connection, commit)
                for commit in commits
            ]
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()
    return errors


def _put(connection: sqlite3.Connection, commits: Sequence[Commit]) -> bool:
    """Whether all commits met the revision they were based on; if not, undo those that did."""
    net = _fold(commits)
    if net is None:
        return False
    try:
        revisions = _json(
            [
                (*reversed(presentity), before.revision, after.revision)
                for presentity, before, after in net
            ]
        )
        states = _json(
            [
                (*presentity, name, state.status, state.by_name)
                for presentity, before, after in net
                for name, old, state in zip(_NAMES, before.states, after.states, strict=True)
                if state is not old and state != old
            ]
        )
    except ValueError:
        return False
    if connection.execute(_REVISIONS, (revisions,)).rowcount != len(net):
        return False
    connection.execute(_STATES, (states,))
    return True


def _fold(commits: Sequence[Commit]) -> list[Commit] | None:
    """One commit for each presentity, from its first `before` to its last `after`.

    None when they do not build on one another.
    """
    net: dict[Aor, Commit] = {}
    for commit in commits:
        earlier = net.get(commit.presentity)
        if earlier is not None:
            if earlier.after.revision != commit.before.revision:
                return None
            commit = Commit(commit.presentity, earlier.before, commit.after)
        net[commit.presentity] = commit
    return list(net.values())


def _json(rows: list[tuple[object, ...]]) -> str:
    """Rows as JSON for SQLite's JSON functions.

    Raises:
        ValueError: JSON cannot carry a value: a lone surrogate, a number beyond 64 bits, NUL.
    """
    try:
        text = orjson.dumps(rows).decode()
    except orjson.JSONEncodeError as error:
        raise ValueError(str(error)) from error
    # Not every `\\u0000` is a NUL: a text may contain a backslash, which is written as two.
    if "\\u0000" in text and "\\u0000" in text.replace("\\\\", ""):
        raise ValueError("a text with NUL")
    return text


def _why_not(connection: sqlite3.Connection, commit: Commit) -> StoreError:
    presentity = commit.presentity
    try:
        row = connection.execute(_REVISION, (presentity.domain, presentity.user)).fetchone()
    except UnicodeEncodeError:
        row = None
    revision = row[0] if row else 0
    if revision == commit.before.revision:
        return StoreError("store_unavailable", "a value cannot be stored in a database")
    if revision < commit.before.revision:
        return StoreError(
            "store_unavailable", "an earlier change that this one depends on was not stored"
        )
    return StoreError("store_conflict", f"{presentity.uri} was changed concurrently")
