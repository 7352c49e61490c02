"""Every stored state, for reading while a server is running."""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

from dfks_rules.model.features import Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.store.reader import open_to_read, refuse_other_versions
from dfks_rules.store.tables import read

PAGE = 500
"""Presentities read at once: a reader must not hold up the server's checkpoints."""

_NEXT = """
    SELECT domain, user FROM presentity WHERE (domain, user) > (?, ?)
    ORDER BY domain, user LIMIT ?"""


def stored_states(path: Path) -> Iterator[tuple[Aor, Snapshot]]:
    """Each presentity for which something was ever stored, by domain and user.

    The file is opened read-only, and no lock outlives a page. Each snapshot is consistent; a
    presentity stored meanwhile may or may not be included.

    Raises:
        StoreError: see `Database`; `store_unavailable` when there is no such file, and
            `store_older_version` when no server of this version has opened it yet.
    """
    with open_to_read(path) as connection:
        refuse_other_versions(connection)
        last = ("", "")
        while page := connection.execute(_NEXT, (*last, PAGE)).fetchall():
            for domain, user in page:
                presentity = Aor(user, domain)
                yield presentity, read(connection, presentity)
            last = page[-1]


LOOKED_AT = 256
"""Most presentities that are looked at at once, about 0.1 ms: phones wait meanwhile."""

_OF_DOMAIN = """
    SELECT user, TRUE FROM presentity WHERE domain = ? AND user > ?
    ORDER BY user LIMIT ?"""
_OF_DOMAIN_ON = """
    SELECT user, EXISTS (
        SELECT TRUE FROM feature_state AS state
        WHERE state.domain = presentity.domain AND state.user = presentity.user
            AND feature = ? AND status = 1)
    FROM presentity WHERE domain = ? AND user > ?
    ORDER BY user LIMIT ?"""
_NEXT_DOMAIN = "SELECT min(domain) FROM presentity WHERE domain > ?"


def some_names(
    connection: sqlite3.Connection,
    place: Aor,
    at_most: int,
    domains: Sequence[str] | None,
    on: Feature | None,
) -> tuple[list[Aor], Aor | None]:
    """Some of the presentities that follow a place, and the place to go on from; None at the end.

    Args:
        connection: where to read.
        place: a presentity, which need not be there, or a domain with no user.
        at_most: how many.
        domains: those of these domains, in order; None: all.
        on: those where this feature is on; None: all.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    user, domain = place
    rows: list[tuple[str, int]] = []
    if on is not None:
        at_most = LOOKED_AT
        rows = connection.execute(_OF_DOMAIN_ON, (on.value, domain, user, at_most)).fetchall()
    elif domains is None or domain in domains:
        rows = connection.execute(_OF_DOMAIN, (domain, user, at_most)).fetchall()
    names = [Aor(name, domain) for name, is_sought in rows if is_sought]
    if len(rows) == at_most:
        return names, Aor(rows[-1][0], domain)
    if domains is None:
        following = connection.execute(_NEXT_DOMAIN, (domain,)).fetchone()[0]
    else:
        following = next(iter(domains[bisect_right(domains, domain) :]), None)
    return names, None if following is None else Aor("", following)


_DUE = """
    SELECT CAST(user AS BLOB), CAST(domain AS BLOB) FROM feature_state
    WHERE expires <= ? ORDER BY expires LIMIT ?"""
_NEXT_DEADLINE = "SELECT min(expires) FROM feature_state WHERE expires IS NOT NULL"


def due(connection: sqlite3.Connection, until: int, at_most: int) -> list[Aor]:
    """See `service.ports.Deadlines.due`.

    A name that another program wrote and that is no text comes as one that nobody has.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    rows = connection.execute(_DUE, (until, at_most)).fetchall()
    names = [[name.decode(errors="replace") for name in row] for row in rows]
    return [Aor(*name) for name in dict.fromkeys(map(tuple, names))]


def next_deadline(connection: sqlite3.Connection) -> int | None:
    """The earliest deadline of all; None: there is none.

    Raises:
        sqlite3.Error: the file cannot be read.
        ValueError: another program wrote something that is none.
    """
    [earliest] = connection.execute(_NEXT_DEADLINE).fetchone()
    return None if earliest is None else int(earliest)
