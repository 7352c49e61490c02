"""What one node does for all: it tells webhooks, and switches off what has expired.

That is the oldest node that lives. Whoever takes its place goes on from the cursors in the engine:
what was delivered in the last moment is delivered again, with the same id.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.operations.webhooks import EndpointRow, Webhooks
from dfks_rules.service.feed import Event as Happened
from dfks_rules.store.postgres.ports import Engine, Node
from dfks_rules.store.postgres.webhooks import WebhookTables
from dfks_rules.webhooks.service import WebhookService

LOOK = 1.0
"""Seconds between two looks at whose turn it is."""

_log = structlog.get_logger("dfks.cluster")


async def oldest_of(engine: Engine) -> Node | None:
    """The life that does what one does for all; None where none lives.

    Raises:
        StoreError: the engine cannot be asked.
    """
    living = [one for one in await engine.nodes() if one.state != "dead"]
    return min(living, key=lambda one: one.epoch, default=None)


class Acting:
    """Whether it is the turn of a node, which then lasts for its life."""

    def __init__(self, engine: Engine, epoch: int) -> None:
        """It is not known yet.

        Args:
            engine: knows who lives.
            epoch: of this life.
        """
        self._engine = engine
        self._epoch = epoch
        self._acts = False

    async def __call__(self) -> bool:
        """Whether it is.

        Raises:
            StoreError: the engine cannot be asked.
        """
        if not self._acts:
            oldest = await oldest_of(self._engine)
            self._acts = oldest is not None and oldest.epoch == self._epoch
        return self._acts


class ActingWebhooks:
    """Webhooks of a node: its own while it acts, else somebody else's."""

    def __init__(
        self,
        engine: Engine,
        epoch: int,
        tables: Callable[[], WebhookTables],
        make: Callable[[WebhookTables], WebhookService],
    ) -> None:
        """It does not act yet.

        Args:
            engine: knows who lives.
            epoch: of this life.
            tables: gives what keeps webhooks.
            make: makes the service of them.
        """
        self._engine = engine
        self._epoch = epoch
        self._tables = tables
        self._make = make
        self._service: WebhookService | None = None
        self._kept: WebhookTables | None = None
        self._task: asyncio.Task[None] | None = None
        self._who = "the oldest node"

    def begin(self) -> None:
        """Look from now on."""
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def end(self) -> None:
        """Tell nobody any more; another node goes on."""
        if self._task is not None:
            self._task.cancel()
        service, self._service = self._service, None
        if service is not None:
            await service.end()
        if self._kept is not None:
            await self._kept.written()

    @property
    def service(self) -> Webhooks:
        """What operators can do with webhooks here.

        Raises:
            StoreError: `webhooks_elsewhere`: another node tells.
        """
        if self._service is None:
            raise StoreError("webhooks_elsewhere", f"{self._who} tells webhooks: ask it")
        return self._service

    @property
    def counts(self) -> Mapping[str, int]:
        """What came of all tries of this node."""
        return {} if self._service is None else self._service.counts

    def rows(self) -> list[EndpointRow]:
        """How endpoints fare; none where another node tells."""
        return [] if self._service is None else self._service.rows()

    def hear(self, event: Happened) -> None:
        """Take what the feed of this node tells."""
        if self._service is not None:
            self._service.hear(event)

    def heard(self) -> None:
        """Another node may have changed something."""
        if self._service is not None:
            self._service.heard()

    async def _look(self) -> None:
        while True:
            try:
                await self._act_or_not()
            except StoreError as error:
                _log.debug("cluster_webhooks_wait", reason=error.message)
            except Exception:  # noqa: BLE001 - our bug; webhooks have to be told all the same
                _log.exception("cluster_webhooks_failed")
            await asyncio.sleep(LOOK)

    async def _act_or_not(self) -> None:
        """Begin once it is this node's turn, which then lasts for its life.

        Raises:
            StoreError: the engine cannot be asked.
        """
        if self._service is not None:
            return
        oldest = await oldest_of(self._engine)
        if oldest is None:
            return
        self._who = oldest.name
        if oldest.epoch == self._epoch:
            tables = self._tables()
            await tables.load()
            self._kept, self._service = tables, self._make(tables)
            self._service.begin()
            _log.info("cluster_tells_webhooks", epoch=self._epoch)
