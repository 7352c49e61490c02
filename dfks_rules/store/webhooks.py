"""The tables of webhooks; see `operations.webhooks`."""

import sqlite3
from collections.abc import Callable, Sequence

import orjson

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.operations.webhooks import MOST_DEAD, Cursor, DeadLetter, Endpoint, Writes
from dfks_rules.store.sqlite import SqliteStore

_ENDPOINTS = """
    SELECT id, url, secret, types, actor, created, domains, coalesce, off, old_secret, old_until
    FROM webhook_endpoint ORDER BY created, id"""
_PUT = """
    INSERT OR REPLACE INTO webhook_endpoint
        (id, url, secret, types, actor, created, domains, coalesce, off, old_secret, old_until)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_MOVE = "INSERT OR REPLACE INTO webhook_cursor VALUES (?, ?, ?, ?, ?)"
_BURY = "INSERT INTO webhook_dead VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FORGET = """
    DELETE FROM webhook_dead WHERE endpoint = :endpoint AND number <= (
        SELECT number FROM webhook_dead WHERE endpoint = :endpoint
        ORDER BY number DESC LIMIT 1 OFFSET :most)"""
_DEAD = """
    SELECT number, endpoint, event, type, user, domain, at, tries, reason, body
    FROM webhook_dead WHERE endpoint = ? AND number < ? ORDER BY number DESC LIMIT ?"""


class WebhookTables:
    """Webhooks in the store.

    Reference: `operations.webhooks.WebhookStore`.
    """

    def __init__(self, store: SqliteStore) -> None:
        """`store` writes and reads."""
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """All of them, the oldest first."""
        return self._store.read_aside(endpoints)

    def cursors(self) -> list[Cursor]:
        """How far they have come."""
        return self._store.read_aside(cursors)

    def dead_counts(self) -> dict[str, int]:
        """Endpoint → number of its dead letters."""
        return self._store.read_aside(dead_counts)

    def last_dead(self) -> int:
        """The highest number of a dead letter; 0: there is none."""
        return self._store.read_aside(last_dead)

    async def dead(self, endpoint: str, before: int, at_most: int) -> list[DeadLetter]:
        """Dead letters with lower numbers than `before`, the newest first."""
        return self._store.read_aside(
            lambda connection: dead(connection, endpoint, before, at_most)
        )

    def write(self, writes: Writes, done: Callable[[StoreError | None], None]) -> None:
        """Store all of it, or nothing, with the next transaction."""
        self._store.write_aside(lambda connection: write(connection, writes), done)


def endpoints(connection: sqlite3.Connection) -> list[Endpoint]:
    """All of them, the oldest first.

    Raises:
        sqlite3.Error: the file cannot be read.
        ValueError: another program wrote something else.
    """
    return [
        Endpoint(
            id_,
            url,
            secret,
            frozenset(orjson.loads(types)),
            actor,
            created,
            None if domains is None else frozenset(orjson.loads(domains)),
            bool(is_coalescing),
            off,
            old_secret,
            old_until,
        )
        for (
            id_,
            url,
            secret,
            types,
            actor,
            created,
            domains,
            is_coalescing,
            off,
            old_secret,
            old_until,
        ) in connection.execute(_ENDPOINTS)
    ]


def cursors(connection: sqlite3.Connection) -> list[Cursor]:
    """How far endpoints have come."""
    rows = connection.execute("SELECT endpoint, lane, seq, tries, waited FROM webhook_cursor")
    return [Cursor(*row) for row in rows]


def dead_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Endpoint → number of its dead letters."""
    rows = connection.execute("SELECT endpoint, count(*) FROM webhook_dead GROUP BY endpoint")
    return dict(rows.fetchall())


def last_dead(connection: sqlite3.Connection) -> int:
    """The highest number of a dead letter; 0: there is none."""
    [number] = connection.execute("SELECT coalesce(max(number), 0) FROM webhook_dead").fetchone()
    return int(number)


def dead(
    connection: sqlite3.Connection, endpoint: str, before: int, at_most: int
) -> list[DeadLetter]:
    """Dead letters with lower numbers than `before`, the newest first."""
    rows = connection.execute(_DEAD, (endpoint, before, at_most))
    return [
        DeadLetter(number, of, event, type_, None if user is None else Aor(user, domain), *rest)
        for number, of, event, type_, user, domain, *rest in rows
    ]


def write(connection: sqlite3.Connection, writes: Writes) -> None:
    """Write all of it; the caller commits."""
    connection.executemany(_PUT, [_row(one) for one in writes.endpoints])
    connection.executemany(_MOVE, writes.cursors)
    _bury(connection, writes.dead)
    connection.executemany(
        "DELETE FROM webhook_dead WHERE number = ?", [(number,) for number in writes.buried]
    )
    for table, column in (
        ("webhook_endpoint", "id"),
        ("webhook_cursor", "endpoint"),
        ("webhook_dead", "endpoint"),
    ):
        connection.executemany(
            f"DELETE FROM {table} WHERE {column} = ?",  # noqa: S608
            [(id_,) for id_ in writes.removed],
        )


def _bury(connection: sqlite3.Connection, letters: Sequence[DeadLetter]) -> None:
    """Keep dead letters, and forget the oldest where there are too many."""
    rows = [
        (*one[:4], *((None, None) if one.presentity is None else one.presentity), *one[5:])
        for one in letters
    ]
    connection.executemany(_BURY, rows)
    for endpoint in {one.endpoint for one in letters}:
        connection.execute(_FORGET, {"endpoint": endpoint, "most": MOST_DEAD})


def _row(one: Endpoint) -> tuple[object, ...]:
    domains = None if one.domains is None else orjson.dumps(sorted(one.domains)).decode()
    return (
        one.id,
        one.url,
        one.secret,
        orjson.dumps(sorted(one.types)).decode(),
        one.actor,
        one.created,
        domains,
        int(one.is_coalescing),
        one.off,
        one.old_secret,
        one.old_until,
    )
