"""Every stored state, for reading while a server is running."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.store.database import explained
from dfks_rules.store.migrations import APPLICATION_ID, MIGRATIONS
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
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            _refuse_others(connection)
            last = ("", "")
            while page := connection.execute(_NEXT, (*last, PAGE)).fetchall():
                for domain, user in page:
                    presentity = Aor(user, domain)
                    yield presentity, read(connection, presentity)
                last = page[-1]
    except (OSError, sqlite3.Error, StoreError) as error:
        raise explained(path, error) from error
    except ValueError as error:
        raise StoreError("store_unavailable", f"cannot read `{path}`: {error}") from error


def _refuse_others(connection: sqlite3.Connection) -> None:
    [application] = connection.execute("PRAGMA application_id").fetchone()
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise StoreError("store_not_a_database", "it is not a dfks-rules store")
    if version > len(MIGRATIONS):
        raise StoreError(
            "store_newer_version",
            f"it has version {version}; this dfks-rules reads version {len(MIGRATIONS)}",
        )
    if version < len(MIGRATIONS):
        raise StoreError(
            "store_older_version",
            f"it has version {version}; `dfks serve` upgrades it to version {len(MIGRATIONS)}",
        )
