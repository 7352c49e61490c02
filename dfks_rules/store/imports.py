"""The tables of imports: how far each is, and what was refused."""

import sqlite3
from collections.abc import Iterable

import orjson

from dfks_rules.operations.imports import Job, Refusal, Status
from dfks_rules.operations.rows import Format

KEPT = 100
"""Imports that are kept when they are over."""
PORTION = 200
"""Most rows that are removed at once."""

_JOB = """
    INSERT OR REPLACE INTO import_job (
        id, format, is_dry, actor, domains, size, sha256, begun_at, status, position, rows,
        changed, unchanged, refused, unusable, ended_at, why
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_REFUSAL = "INSERT OR REPLACE INTO import_refusal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OLD = """
    SELECT id FROM import_job WHERE ended_at IS NOT NULL
    ORDER BY begun_at DESC, id LIMIT -1 OFFSET ?"""
_FORGET = """
    DELETE FROM import_refusal WHERE (job, row, part) IN
        (SELECT job, row, part FROM import_refusal WHERE job = ? LIMIT ?)"""


def note(connection: sqlite3.Connection, job: Job, refusals: Iterable[Refusal]) -> None:
    """Write how far an import is, and what was refused since."""
    domains = None if job.domains is None else orjson.dumps(sorted(job.domains)).decode()
    values = (job.id, job.format.value, job.is_dry, job.actor, domains, job.size, job.sha256)
    connection.execute(_JOB, (*values, job.begun_at, job.status.value, *job[9:]))
    connection.executemany(_REFUSAL, [(job.id, *refusal) for refusal in refusals])


def jobs(connection: sqlite3.Connection) -> list[Job]:
    """Every import, the newest first.

    Raises:
        sqlite3.Error: the file cannot be read.
        ValueError: another program wrote something that is no import.
    """
    rows = connection.execute(
        "SELECT id, format, is_dry, actor, domains, size, sha256, begun_at, status, position, rows,"
        " changed, unchanged, refused, unusable, ended_at, why"
        " FROM import_job ORDER BY begun_at DESC, id"
    )
    return [
        Job(
            _id(id_),
            Format(format_),
            bool(is_dry),
            actor,
            None if domains is None else frozenset(orjson.loads(domains)),
            size,
            sha256,
            begun_at,
            Status(status),
            *rest,
        )
        for id_, format_, is_dry, actor, domains, size, sha256, begun_at, status, *rest in rows
    ]


def _id(found: object) -> str:
    """The id of an import, which its file is called by: it must lead nowhere else."""
    if not (isinstance(found, str) and found.isalnum()):
        raise ValueError("`import_job` holds something that is no id")
    return found


def refusals(
    connection: sqlite3.Connection, job: str, after: tuple[int, int], at_most: int
) -> list[Refusal]:
    """What was refused of an import, by row, after a row and part."""
    rows = connection.execute(
        "SELECT row, part, presentity, feature, reason, rule, text, decision FROM import_refusal"
        " WHERE job = ? AND (row, part) > (?, ?) ORDER BY row, part LIMIT ?",
        (job, *after, at_most),
    )
    return [Refusal(*row) for row in rows]


def forget_old(connection: sqlite3.Connection, keep: int) -> str | None:
    """Remove a portion of the oldest import that is over; its id where it is gone."""
    found = connection.execute(_OLD, (keep,)).fetchall()
    if not found:
        return None
    oldest = str(found[-1][0])
    if connection.execute(_FORGET, (oldest, PORTION)).rowcount == PORTION:
        return None
    connection.execute("DELETE FROM import_job WHERE id = ?", (oldest,))
    return oldest
