"""The row `server`: which life of the server this is, and when it was last known to live."""

import os
import sqlite3
from typing import NamedTuple

from dfks_rules.errors import StoreError

SECRET_SIZE = 32
"""Bytes of the secret."""
TERMS = 1 << 20
"""More starts than any store has seen: a CSeq has no room for higher terms."""
LATEST = 1 << 37
"""A moment that no clock shows (the year 6325), seconds since 1970."""

_BEGIN_ANEW = "DELETE FROM server; DELETE FROM subscription"
_NO_TERM_LEFT = (
    f"servers have begun {TERMS - 1:,} times with it, and no CSeq is left for their NOTIFYs; what "
    f"helps: `sqlite3 FILE '{_BEGIN_ANEW}'` (features and journal stay, phones subscribe anew)"
)

_READ = "SELECT term, secret, beat_at, beat_boot, boot_id, is_clean, told FROM server"
_CREATE = "INSERT INTO server VALUES (1, 0, ?, NULL, NULL, '', 0, 0)"
# A life that ends before its first heartbeat has not ended cleanly.
_BEGIN = "UPDATE server SET term = term + 1, is_clean = 0"
_TERM = "SELECT term FROM server"
_BEAT = "UPDATE server SET beat_at = ?, beat_boot = ?, boot_id = ?, is_clean = ?, told = ?"


class Beat(NamedTuple):
    """A moment at which the server lived."""

    at: float
    """Seconds since 1970 on the scale of deadlines, which no step of the wall clock moves."""
    boot: float
    """The same moment in seconds since the machine started, sleep included."""
    boot_id: str
    """Which start of the machine that was."""
    is_clean: bool = False
    """Whether it was the end of a planned stop."""
    told: int = 0
    """Number of a change in the journal: phones know of all up to it, or the rows of their
    subscriptions say that they do not."""


class Life(NamedTuple):
    """From one start of the server to its end."""

    term: int
    """Its number: higher than that of any before."""
    secret: bytes
    """What our tags are made with; the same in all lives."""
    previous: Beat | None
    """When the life before was last known to live; None: there was none."""


def begin(connection: sqlite3.Connection) -> Life:
    """Begin a new life; whoever else serves from the file is fenced from now on.

    Raises:
        sqlite3.Error: nothing is changed.
        StoreError: `store_unavailable`: another program has spoilt the row, or no term is left.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        row = connection.execute(_READ).fetchone()
        if row is None:
            connection.execute(_CREATE, (os.urandom(SECRET_SIZE),))
            row = connection.execute(_READ).fetchone()
        if not _is_valid(row):
            raise StoreError("store_unavailable", "its row `server` is not valid")
        if row[0] >= TERMS - 1:
            raise StoreError("store_unavailable", _NO_TERM_LEFT)
        connection.execute(_BEGIN)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()
    term, secret, at, boot, boot_id, is_clean, told = row
    previous = None if at is None else Beat(at, boot, boot_id, bool(is_clean), told)
    return Life(term + 1, secret, previous)


def _is_valid(row: tuple[object, ...]) -> bool:
    """Whether a server has written that, and another one can go on from there."""
    term, secret, at, boot, boot_id, is_clean, told = row
    has_lived = at is not None
    return (
        isinstance(term, int)
        and term >= 0
        and isinstance(secret, bytes)
        and isinstance(boot_id, str)
        and isinstance(is_clean, int)
        and isinstance(told, int)
        and (not has_lived or (isinstance(at, float) and 0 <= at < LATEST))
        and (not has_lived or (isinstance(boot, float) and 0 <= boot < LATEST))
    )


def is_term(term: object) -> bool:
    """Whether another life can follow that of this number."""
    return isinstance(term, int) and 0 <= term < TERMS - 1


def holds(connection: sqlite3.Connection, term: int) -> bool:
    """Whether no later life has begun."""
    row = connection.execute(_TERM).fetchone()
    return row is not None and row[0] == term


def write(connection: sqlite3.Connection, beat: Beat) -> None:
    """Note that the server lives; the caller commits."""
    connection.execute(_BEAT, beat)
