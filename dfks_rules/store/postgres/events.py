"""Events that are in no journal, on their way from the node where they happened to webhooks."""

from collections.abc import Sequence

import orjson

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.operations.events import Event
from dfks_rules.operations.webhooks import KeptEvent
from dfks_rules.store.postgres.connection import Connection, Row

MOST = 20_000
"""Events that wait for webhooks at a time; the oldest go."""
_WANTED = "SELECT dfks.event_wanted_1() AS types"
_APPEND = "SELECT dfks.event_append_1($1, $2, $3, $4, $5, $6, $7, $8) AS removed"
_READ = "SELECT * FROM dfks.event_read_1($1, $2)"
_PURGED = "SELECT value FROM dfks.counter WHERE name = 'purged'"
_DROP = "SELECT dfks.event_drop_1()"


class EventTable:
    """The table `event`, as one life of a node uses it.

    Every method raises StoreError where the engine is out of reach.
    """

    def __init__(self, connection: Connection, epoch: int) -> None:
        """Use a connection, for this life."""
        self._connection = connection
        self._epoch = epoch

    async def wanted(self) -> frozenset[str]:
        """Types of events that some webhook wants, and that are in no journal."""
        return frozenset((await self._connection.row(_WANTED))["types"])

    async def append(self, events: Sequence[KeptEvent], most: int = MOST) -> int:
        """Put events behind all that has happened, in order; how many older ones had to go.

        What is there already, since the answer was lost, stays as it is.

        Raises:
            StoreError: also `store_fenced`: this life is over.
        """
        rows = [_said(one) for one in events]
        columns = [[row[column] for row in rows] for column in range(6)]
        row = await self._connection.row(_APPEND, self._epoch, most, *columns)
        if row["removed"] is None:
            raise StoreError("store_fenced", "the others take this node for dead")
        return int(row["removed"])

    async def read(self, after: int, at_most: int) -> list[KeptEvent]:
        """What follows a number, in order."""
        return [_kept(row) for row in await self._connection.rows(_READ, after, at_most)]

    async def purged(self) -> int:
        """Number of the newest change that may have been removed from the journal."""
        return int((await self._connection.row(_PURGED))["value"])

    async def drop(self) -> None:
        """Remove those of which every webhook was told that wants such."""
        await self._connection.rows(_DROP)


def _said(one: KeptEvent) -> tuple[object, ...]:
    event = one.event
    user, domain = (None, None) if event.presentity is None else event.presentity
    return one.id, one.at, event.type, user, domain, orjson.dumps(event.data)


def _kept(row: Row) -> KeptEvent:
    user, domain = row["username"], row["domain"]
    presentity = None if user is None else Aor(user, domain)
    event = Event(row["type"], row["seq"], presentity, orjson.loads(row["data"]))
    return KeptEvent(event, row["id"], row["at"])
