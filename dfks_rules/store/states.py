"""Every stored state, for reading while a server is running."""

from collections.abc import Iterator
from pathlib import Path

from dfks_rules.model.features import Snapshot
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
