"""What one node does for all: webhooks, purging the journal, and switching off what has expired.

That is the oldest node that lives, whether it drains or not: what it does for all it does until its
end. Whoever takes its place goes on from the cursors in the engine: what was delivered in the last
moment is delivered again, with the same id. What happens at a node and is in no journal, it puts
into the engine, while some webhook wants it (`passing`).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from dfks_rules.app.cluster.passing import Passing
from dfks_rules.errors import StoreError
from dfks_rules.operations.webhooks import EndpointRow, Webhooks
from dfks_rules.phrases.phrase import phrase
from dfks_rules.service.feed import Event as Happened
from dfks_rules.store.postgres.ports import Engine, Node
from dfks_rules.store.postgres.webhooks import WebhookTables
from dfks_rules.webhooks.service import WebhookService

LOOK = 1.0
"""Seconds between two looks at whose turn it is."""

DROP_EVERY = 5
"""Looks after which events are removed of which all were told."""

_log = structlog.get_logger("dfks.cluster")


def oldest_of(nodes: Sequence[Node]) -> Node | None:
    """Who acts for all; None: nobody lives."""
    living = [one for one in nodes if one.state != "dead"]
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
            oldest = oldest_of(await self._engine.nodes())
            self._acts = oldest is not None and oldest.epoch == self._epoch
        return self._acts


class ActingWebhooks:
    """Webhooks of a node: its own while it acts, else somebody else's."""

    def __init__(
        self,
        engine: Engine,
        epoch: int,
        tables: WebhookTables,
        make: Callable[[], WebhookService],
        passing: Passing,
    ) -> None:
        """It does not act yet.

        Args:
            engine: knows who lives.
            epoch: of this life.
            tables: keeps webhooks.
            make: makes the service of them.
            passing: what happens at this node, and is in no journal.
        """
        self._engine = engine
        self._epoch = epoch
        self._tables = tables
        self._make = make
        self._service: WebhookService | None = None
        self._passing = passing
        self._looks = 0
        self._task: asyncio.Task[None] | None = None
        self._who: str = phrase("the oldest node")

    def begin(self) -> None:
        """Look from now on."""
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def end(self) -> None:
        """Tell nobody any more; another node goes on."""
        if self._task is not None:
            self._task.cancel()
        await self._passing.end()
        service, self._service = self._service, None
        if service is not None:
            await service.end()
            await self._tables.written()

    @property
    def service(self) -> Webhooks:
        """What operators can do with webhooks here.

        Raises:
            StoreError: `webhooks_elsewhere`: another node tells.
        """
        if self._service is None:
            raise StoreError(
                "webhooks_elsewhere", phrase("{who} tells webhooks: ask it", who=self._who)
            )
        return self._service

    @property
    def counts(self) -> Mapping[str, int]:
        """What came of all tries of this node, and of what happened here and is in no journal."""
        own = self._passing.counts
        if self._service is None:
            return own
        told = self._service.counts
        return {**told, **own, "lost": told["lost"] + own["lost"]}

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
                await self._passing.look()
                self._looks += 1
                if self._service is not None and self._looks % DROP_EVERY == 0:
                    await self._passing.drop()
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
        oldest = oldest_of(await self._engine.nodes())
        if oldest is None:
            return
        self._who = oldest.name
        if oldest.epoch == self._epoch:
            await self._tables.load()
            self._service = self._make()
            self._service.begin()
            _log.info("cluster_tells_webhooks", epoch=self._epoch)
