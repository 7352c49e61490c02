"""Reading a store that a server may be using.

The file is opened read-only. Readers hold up nobody: the server goes on writing its log, and a
reader sees the file as it was when its transaction began.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from dfks_rules.errors import StoreError
from dfks_rules.service.ports import Journal
from dfks_rules.store.counts import new_counts
from dfks_rules.store.database import explained
from dfks_rules.store.migrations import APPLICATION_ID, MIGRATIONS, newer_version, version_of
from dfks_rules.store.reading import FileJournal, Reading

LONGEST = 1 << 18
"""Most bytes of a row that are read: no server writes so many, and a page of rows is in memory."""


@contextmanager
def open_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a store of any version; for as long as the block lasts.

    Raises:
        StoreError: see `Database`; `store_unavailable` also when there is no such file. What the
            block raises because the file cannot be read becomes one, too.
    """
    try:
        if path.exists() and not path.is_file():  # A pipe would keep us waiting.
            raise StoreError("store_not_a_database", "it is not a file")
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
            [application] = connection.execute("PRAGMA application_id").fetchone()
            if application != APPLICATION_ID:
                raise StoreError("store_not_a_database", "it is not a dfks-rules store")
            yield connection
    except (sqlite3.Error, StoreError, UnicodeError) as error:
        raise explained(path, error) from error
    except ValueError as error:
        raise StoreError("store_unavailable", f"cannot read `{path}`: {error}") from error


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """The journal of a store, for as long as the block lasts.

    Raises:
        StoreError: as `open_to_read` and `refuse_other_versions`.
    """
    with open_to_read(path) as connection:
        refuse_other_versions(connection)
        yield FileJournal(Reading(connection, lambda: None, new_counts()))


def refuse_other_versions(connection: sqlite3.Connection) -> None:
    """Raise unless the file has the version that this release writes.

    Raises:
        StoreError: `store_newer_version` or `store_older_version`.
    """
    version = version_of(connection)
    if version > len(MIGRATIONS):
        raise newer_version(connection)
    if version < len(MIGRATIONS):
        raise StoreError(
            "store_older_version",
            f"it has version {version}; `dfks serve` and `dfks store migrate` bring it to version "
            f"{len(MIGRATIONS)}",
        )
