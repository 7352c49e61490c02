"""The tables of webhooks; see `operations.webhooks`. One node uses them for all."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.operations.webhooks import MOST_DEAD, Cursor, DeadLetter, Endpoint, Writes
from dfks_rules.store.postgres.connection import Connection, Row

_LOAD = "SELECT dfks.webhook_load_1() AS loaded"
_WRITE = "SELECT dfks.webhook_write_1($1, $2::text::jsonb, $3) AS is_stored"
_DEAD = "SELECT * FROM dfks.webhook_dead_1($1, $2, $3)"


class Loaded(NamedTuple):
    """What is there when a node begins to tell."""

    endpoints: list[Endpoint]
    cursors: list[Cursor]
    dead: dict[str, int]
    """Endpoint → number of its dead letters."""
    last: int
    """The highest number of one."""


class WebhookTables:
    """Webhooks in the engine, for one life of a node.

    Reference: `operations.webhooks.WebhookStore`.
    """

    def __init__(self, connection: Connection, epoch: int) -> None:
        """Use a connection, for this life; `load` comes first."""
        self._connection = connection
        self._epoch = epoch
        self._loaded = Loaded([], [], {}, 0)
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """Read what is there now.

        Raises:
            StoreError: it cannot be read.
        """
        row = await self._connection.row(_LOAD)
        said = orjson.loads(row["loaded"])
        self._loaded = Loaded(
            [_endpoint(one) for one in said["endpoints"]],
            [Cursor(*one) for one in said["cursors"]],
            said["dead"],
            said["last"],
        )

    def endpoints(self) -> list[Endpoint]:
        """All that were loaded, the oldest first."""
        return self._loaded.endpoints

    def cursors(self) -> list[Cursor]:
        """How far they had come."""
        return self._loaded.cursors

    def dead_counts(self) -> dict[str, int]:
        """Endpoint → number of its dead letters."""
        return self._loaded.dead

    def last_dead(self) -> int:
        """The highest number of a dead letter; 0: there was none."""
        return self._loaded.last

    async def dead(self, endpoint: str, before: int, at_most: int) -> list[DeadLetter]:
        """Dead letters with lower numbers than `before`, the newest first."""
        rows = await self._connection.rows(_DEAD, endpoint, before, at_most)
        return [_letter(row) for row in rows]

    def write(self, writes: Writes, done: Callable[[StoreError | None], None]) -> None:
        """Store all of it, or nothing, after all that was asked for before."""
        task = asyncio.get_running_loop().create_task(self._write(writes, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def written(self) -> None:
        """Wait until all that was asked for is stored, or could not be."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _write(self, writes: Writes, done: Callable[[StoreError | None], None]) -> None:
        told = orjson.dumps(_said(writes)).decode()
        try:
            row = await self._connection.row(_WRITE, self._epoch, told, MOST_DEAD)
        except StoreError as error:
            done(error)
            return
        why = "the others take this node for dead"
        done(None if row["is_stored"] else StoreError("store_fenced", why))


def endpoint_json(one: Endpoint) -> str:
    """An endpoint, as the engine has it."""
    return orjson.dumps(_endpoint_said(one)).decode()


def _said(writes: Writes) -> dict[str, Any]:
    return {
        "endpoints": [_endpoint_said(one) for one in writes.endpoints],
        "cursors": [[*one] for one in writes.cursors],
        "dead": [_letter_said(one) for one in writes.dead],
        "buried": [*writes.buried],
        "removed": [*writes.removed],
    }


def _endpoint_said(one: Endpoint) -> dict[str, Any]:
    domains = None if one.domains is None else sorted(one.domains)
    return one._replace(types=frozenset())._asdict() | {
        "types": sorted(one.types),
        "domains": domains,
    }


def _endpoint(said: dict[str, Any]) -> Endpoint:
    domains = None if said["domains"] is None else frozenset(said["domains"])
    known = {name: said[name] for name in Endpoint._fields if name in said}
    return Endpoint(**known | {"types": frozenset(said["types"]), "domains": domains})


def _letter_said(one: DeadLetter) -> list[Any]:
    user, domain = (None, None) if one.presentity is None else one.presentity
    return [*one[:4], user, domain, one.at, one.tries, one.reason, one.body.hex()]


def _letter(row: Row) -> DeadLetter:
    number, endpoint, event, type_, user, domain, *rest = row.values()
    return DeadLetter(
        number, endpoint, event, type_, None if user is None else Aor(user, domain), *rest
    )
