"""Reads of the file on the loop's thread; what fails is told in the words of the store."""

import sqlite3
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import JournalEntry
from dfks_rules.store import journal
from dfks_rules.store.database import why_failed

P = ParamSpec("P")
T = TypeVar("T")


class Reading:
    """Calls functions that read."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        loss: Callable[[], str | None],
        counts: dict[str, int],
    ) -> None:
        """Reads nothing yet.

        Args:
            connection: where to read.
            loss: what happened to the files, for which reason nothing is read; None: nothing.
            counts: see `store.counts`.
        """
        self._connection = connection
        self._loss = loss
        self._counts = counts

    def __call__(
        self,
        function: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **named: P.kwargs,
    ) -> T:
        """What `function` gives.

        Raises:
            StoreError: `store_unavailable`.
        """
        loss = self._loss()
        if loss is not None:
            raise StoreError("store_unavailable", loss)
        try:
            return function(self._connection, *args, **named)
        except (sqlite3.Error, ValueError) as error:
            self._counts["reads_failed"] += 1
            why = f"cannot read: {why_failed(error)}"
            raise StoreError("store_unavailable", why) from error


class FileJournal:
    """The journal of an open store; nothing else happens on the loop while it is read.

    Reference: `service.ports.Journal`.
    """

    def __init__(self, reading: Reading) -> None:
        """`reading` reads it."""
        self._reading = reading

    async def newest(self) -> int:
        """Number of the newest entry."""
        return self._reading(journal.newest)

    async def read(self, after: int, at_most: int) -> list[JournalEntry]:
        """The entries that follow the one with the number `after`, in order."""
        return self._reading(journal.read, after, at_most)

    async def of(
        self, presentity: Aor | None, at_most: int, before: int | None = None
    ) -> list[JournalEntry]:
        """The entries of one presentity, or of all, the newest first."""
        if presentity is None:
            return self._reading(journal.newest_of_all, at_most, before)
        return self._reading(journal.of, presentity, at_most, before)
