"""The two tables, in the words of the domain.

`presentity` has one row for each presentity that was ever changed; `feature_state` one for each
feature of it that was.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.model.features import (
    FEATURES,
    NOTHING_STORED,
    OFF,
    POSITION,
    Feature,
    FeatureState,
    Snapshot,
)
from dfks_rules.model.identity import Aor

_READ = """
    SELECT revision, feature, status, forward_to, ring_count
    FROM presentity LEFT JOIN feature_state USING (domain, user)
    WHERE domain = ? AND user = ?"""
_REVISION = "SELECT revision FROM presentity WHERE domain = ? AND user = ?"
_FIRST = "INSERT INTO presentity (revision, domain, user) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_NEXT = "UPDATE presentity SET revision = ? WHERE domain = ? AND user = ? AND revision = ?"
_STATE = """
    INSERT OR REPLACE INTO feature_state
    (user, domain, feature, status, forward_to, ring_count, changed_at)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
_NOW = "SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


class Change(NamedTuple):
    """One commit."""

    presentity: Aor
    before: Snapshot
    after: Snapshot


def read(connection: sqlite3.Connection, presentity: Aor) -> Snapshot:
    """What is stored for a presentity; `NOTHING_STORED` when there is nothing.

    Raises:
        sqlite3.Error: the file cannot be read.
        ValueError: a name has characters that no text can be stored with, or a feature is unknown.
    """
    rows = connection.execute(_READ, (presentity.domain, presentity.user)).fetchall()
    if not rows:
        return NOTHING_STORED
    states = [OFF] * len(FEATURES)
    for _, feature, status, forward_to, ring_count in rows:
        if feature is not None:
            state = FeatureState(bool(status), forward_to, ring_count)
            states[POSITION[Feature(feature)]] = state
    return Snapshot(rows[0][0], tuple(states))


def write(connection: sqlite3.Connection, changes: Sequence[Change]) -> list[StoreError | None]:
    """Store changes in one transaction; an error for each that is not stored.

    Changes that fit are stored together. If one does not, all are tried again one by one, so that
    only that one is left out.

    Raises:
        sqlite3.Error: nothing is stored.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        [now] = connection.execute(_NOW).fetchone()
        errors: list[StoreError | None] = [None] * len(changes)
        if not _put(connection, changes, now):
            connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
            errors = [_put_alone(connection, change, now) for change in changes]
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()
    return errors


def _put(connection: sqlite3.Connection, changes: Sequence[Change], now: str) -> bool:
    """Whether all changes met the revision that they were made on; if not, some may be written."""
    first = [
        (after.revision, presentity.domain, presentity.user)
        for presentity, before, after in changes
        if before.revision == 0
    ]
    later = [
        (after.revision, presentity.domain, presentity.user, before.revision)
        for presentity, before, after in changes
        if before.revision != 0
    ]
    states = [
        (presentity.user, presentity.domain, feature.value, *state, now)
        for presentity, before, after in changes
        for feature, old, state in zip(FEATURES, before.states, after.states, strict=True)
        if state != old
    ]
    try:
        met = connection.executemany(_FIRST, first).rowcount if first else 0
        # INVARIANT: a first change of a presentity comes before its later ones, so order is kept.
        met += connection.executemany(_NEXT, later).rowcount if later else 0
        connection.executemany(_STATE, states)
    except (UnicodeEncodeError, OverflowError):  # A lone surrogate, a number beyond 64 bits.
        return False
    return met == len(changes)


def _put_alone(connection: sqlite3.Connection, change: Change, now: str) -> StoreError | None:
    """Store one change, or nothing of it."""
    connection.execute("SAVEPOINT one")
    stored = _put(connection, [change], now)
    if not stored:
        connection.execute("ROLLBACK TO one")
    connection.execute("RELEASE one")
    return None if stored else _why_not(connection, change)


def _why_not(connection: sqlite3.Connection, change: Change) -> StoreError:
    presentity = change.presentity
    try:
        row = connection.execute(_REVISION, (presentity.domain, presentity.user)).fetchone()
    except UnicodeEncodeError:
        row = None
    revision = row[0] if row else 0
    if revision == change.before.revision:
        return StoreError("store_unavailable", "a value cannot be stored in a database")
    if revision < change.before.revision:
        return StoreError("store_unavailable", "the change that this one builds on was not stored")
    return StoreError("store_conflict", f"{presentity.uri} was changed meanwhile")
