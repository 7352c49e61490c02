"""Has cursors and dead letters stored, a moment after they have moved."""

import asyncio
from collections.abc import Mapping
from functools import partial

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.operations.webhooks import (
    DeadLetter,
    Endpoint,
    WebhookStore,
    Writes,
)
from dfks_rules.webhooks.outbox import Outbox

SAVE_AFTER = 0.25
"""Seconds for which moves are gathered: what was delivered meanwhile may be delivered again after a
crash."""
RETRY = 1.0
"""Seconds until a store that failed is asked again."""

_log = structlog.get_logger("dfks.webhooks")


class Saver:
    """Stores how far the outboxes are."""

    def __init__(self, store: WebhookStore, boxes: Mapping[str, Outbox]) -> None:
        self._store = store
        self._boxes = boxes
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._is_writing = False
        self._dead: list[DeadLetter] = []
        """Not stored yet."""
        self._endpoints: dict[str, Endpoint] = {}
        """The same."""
        self._is_failing = False
        self._has_ended = False

    def bury(self, letter: DeadLetter) -> None:
        """Store a dead letter, together with the cursor that has passed it."""
        self._dead.append(letter)

    def put(self, endpoint: Endpoint) -> None:
        """Store an endpoint that was changed by itself."""
        self._endpoints[endpoint.id] = endpoint

    def save_soon(self, after: float = SAVE_AFTER) -> None:
        """Store what has moved."""
        if self._timer is None and not (self._is_writing or self._has_ended):
            self._timer = self._loop.call_later(after, self.save)

    def save(self) -> None:
        """Store what has moved now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        moved = [cursor for box in self._boxes.values() for cursor in box.moved()]
        # Whoever was removed meanwhile must not leave rows behind.
        writes = Writes(
            [one for one in self._endpoints.values() if one.id in self._boxes],
            cursors=moved,
            dead=[letter for letter in self._dead if letter.endpoint in self._boxes],
        )
        self._dead, self._endpoints = [], {}
        if not any(writes):
            return
        self._is_writing = True
        self._store.write(writes, partial(self._written, writes))

    def end(self) -> None:
        """Store what has moved, and try no more: the store is closed next."""
        self._has_ended = True
        self.save()

    def _written(self, writes: Writes, error: StoreError | None) -> None:
        self._is_writing = False
        if error is not None:
            if not self._is_failing:
                _log.warning("webhooks_not_saved", reason=error.message)
            self._is_failing = True
            self._dead = [*writes.dead, *self._dead]
            self._endpoints = {one.id: one for one in writes.endpoints} | self._endpoints
            self.save_soon(RETRY)
            return
        self._is_failing = False
        for box in self._boxes.values():
            box.saved([one for one in writes.cursors if one.endpoint == box.endpoint.id])
        if self._dead or self._endpoints or any(box.moved() for box in self._boxes.values()):
            self.save_soon()
