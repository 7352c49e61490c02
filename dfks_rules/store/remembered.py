"""What a transaction need not read, since nobody else has written since the last one."""

import sqlite3
from collections.abc import Collection, Mapping
from typing import Final, final

from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow
from dfks_rules.store import dialogs, life

AT_MOST = 16_384
"""Rows of each kind that are remembered, about 300 bytes each; beyond that all are forgotten."""

# One by one: json_each takes 1.6 times as long for many, and 3 times for one alone.
_PRESENTITY = "SELECT revision, changed FROM presentity WHERE domain = ? AND user = ?"
# It changes when somebody else commits, not when this connection does.
_VERSION = "PRAGMA data_version"


@final
class Remembered:
    """Rows as the last transaction has left them.

    INVARIANT: through this connection nobody else writes what is remembered.
    """

    def __init__(self, connection: sqlite3.Connection, term: int) -> None:
        """Nothing is remembered.

        Args:
            connection: to the database.
            term: number of this life of the server.
        """
        self._connection: Final = connection
        self._term: Final = term
        self._version: int | None = None
        """Of the file, after the last transaction; None where it may have come to nothing."""
        self._found = 0
        """Of the file, in this transaction."""
        self._presentities: Final[dict[Aor, tuple[int, int]]] = {}
        self._cseqs: Final[dict[int, int]] = {}

    def may_write(self) -> bool:
        """Whether no later life of the server has begun, to be asked in each transaction.

        What others may have changed since the last one is forgotten, and all after one that has
        failed.

        Raises:
            sqlite3.Error: the file cannot be read.
        """
        [self._found] = self._connection.execute(_VERSION).fetchone()
        is_alone = self._found == self._version
        self._version = None
        if not is_alone or len(self._presentities) > AT_MOST:
            self._presentities.clear()
        if not is_alone or len(self._cseqs) > AT_MOST:
            self._cseqs.clear()
        return is_alone or life.holds(self._connection, self._term)

    def presentities(self, names: Collection[Aor]) -> dict[Aor, tuple[int, int]]:
        """Revision, and number of the newest change, of those that are stored.

        Raises:
            sqlite3.Error: the file cannot be read.
            ValueError: a name cannot be stored.
        """
        known = self._presentities
        found: dict[Aor, tuple[int, int]] = {}
        for name in names:
            row = known.get(name)
            if row is None:
                row = self._read(name)
                if row is None:
                    continue
                known[name] = row
            found[name] = row
        return found

    def _read(self, name: Aor) -> tuple[int, int] | None:
        user, domain = name
        if "\0" in user or "\0" in domain:
            raise ValueError("a name with NUL")
        row: tuple[int, int] | None = self._connection.execute(
            _PRESENTITY, (domain, user)
        ).fetchone()
        return row

    def cseqs(self, numbers: Collection[int]) -> dict[int, int]:
        """Number of each subscription that is stored → CSeq of the last SUBSCRIBE.

        Raises:
            sqlite3.Error: the file cannot be read.
        """
        known = self._cseqs
        if unknown := [number for number in numbers if number not in known]:
            known.update(dialogs.cseqs(self._connection, unknown))
        return {number: known[number] for number in numbers if number in known}

    def written(
        self,
        presentities: Mapping[Aor, tuple[int, int]],
        subscriptions: Mapping[int, DialogRow],
        gone: list[int],
    ) -> None:
        """This was committed.

        Of subscriptions only those are followed that were read: a new one seldom comes again soon.
        """
        self._version = self._found
        self._presentities.update(presentities)
        cseqs = self._cseqs
        for number, row in subscriptions.items():
            if number in cseqs:
                cseqs[number] = row.cseq
        for number in gone:
            cseqs.pop(number, None)
