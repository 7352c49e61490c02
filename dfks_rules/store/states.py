"""Every stored state, for reading while a server is running."""

import sqlite3
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


_OF_DOMAIN = """
    SELECT user FROM presentity WHERE domain = ? AND user > ?
    ORDER BY user LIMIT ?"""
_OF_DOMAIN_ON = """
    SELECT user FROM presentity JOIN feature_state USING (domain, user)
    WHERE domain = ? AND user > ? AND feature = ? AND status = 1
    ORDER BY user LIMIT ?"""
_NEXT_DOMAIN = "SELECT min(domain) FROM presentity WHERE domain > ?"


def page_of_states(
    path: Path,
    after: Aor | None,
    at_most: int,
    domains: frozenset[str] | None = None,
    on: Feature | None = None,
) -> list[tuple[Aor, Snapshot]]:
    """The next presentities by domain and user, from a file that a server may be using.

    Args:
        path: the store.
        after: the last one that is known; None begins.
        at_most: how many.
        domains: those of these domains; None: all.
        on: those where this feature is on; None: all.

    Raises:
        StoreError: as `stored_states`.
    """
    with open_to_read(path) as connection:
        refuse_other_versions(connection)
        found: list[tuple[Aor, Snapshot]] = []
        domain, user = (after.domain, after.user) if after else ("", "")
        for one in _domains_from(connection, domain, domains):
            last = user if one == domain else ""
            for name in _users(connection, one, last, on, at_most - len(found)):
                presentity = Aor(name, one)
                found.append((presentity, read(connection, presentity)))
            if len(found) == at_most:
                break
        return found


def _domains_from(
    connection: sqlite3.Connection, first: str, domains: frozenset[str] | None
) -> Iterator[str]:
    """Domains in order, `first` included: a page may have ended in it."""
    if domains is not None:
        yield from sorted(domain for domain in domains if domain >= first)
        return
    if first:
        yield first
    while (found := connection.execute(_NEXT_DOMAIN, (first,)).fetchone()[0]) is not None:
        first = found
        yield first


def _users(
    connection: sqlite3.Connection, domain: str, after: str, on: Feature | None, at_most: int
) -> Sequence[str]:
    if on is None:
        rows = connection.execute(_OF_DOMAIN, (domain, after, at_most))
    else:
        rows = connection.execute(_OF_DOMAIN_ON, (domain, after, on.value, at_most))
    return [user for (user,) in rows.fetchall()]
