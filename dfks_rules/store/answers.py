"""The table `answer`: what requests with a key were answered."""

import sqlite3

import orjson

from dfks_rules.operations.answers import KEPT_FOR, MOST, KeptAnswer

_FIND = """
    SELECT request, status, headers, body FROM answer
    WHERE caller = ? AND key = ? AND at > ?"""
_PUT = """
    INSERT OR REPLACE INTO answer (caller, key, at, request, status, headers, body, number)
    VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(number), 0) + 1 FROM answer))"""
# Two for each that is written: their number falls back to its bound.
_PURGE = """
    DELETE FROM answer
    WHERE (caller, key) IN (SELECT caller, key FROM answer ORDER BY number LIMIT 2)
    AND (at <= :until OR number <= (SELECT max(number) FROM answer) - :most)"""


def find(connection: sqlite3.Connection, caller: str, key: str, at: float) -> KeptAnswer | None:
    """The answer that is kept at a time (seconds since 1970).

    Raises:
        sqlite3.Error: the file cannot be read.
        ValueError: another program wrote something that is no answer.
    """
    row = connection.execute(_FIND, (caller, key, at - KEPT_FOR)).fetchone()
    if row is None:
        return None
    request, status, headers, body = row
    return KeptAnswer(request, status, orjson.loads(headers), body)


def put(
    connection: sqlite3.Connection, caller: str, key: str, answer: KeptAnswer, at: float
) -> None:
    """Write an answer, and remove old ones; the caller commits."""
    request, status, headers, body = answer
    told = orjson.dumps(headers).decode()
    connection.execute(_PUT, (caller, key, at, request, status, told, body))
    connection.execute(_PURGE, {"until": at - KEPT_FOR, "most": MOST})
