"""What operators do with webhooks, and when they begin and end."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.model.requests import Operation
from dfks_rules.operations.events import FEATURE_CHANGED, GAP, Event, Events, Listener
from dfks_rules.operations.webhooks import (
    MOST_BY_HAND,
    MOST_ENDPOINTS,
    DeadLetter,
    Endpoint,
    EndpointRow,
    NewEndpoint,
    Result,
    Tried,
    WebhookStore,
    Writes,
)
from dfks_rules.phrases.phrase import phrase
from dfks_rules.service.feed import Event as Happened
from dfks_rules.service.feed import Settled
from dfks_rules.webhooks import signature
from dfks_rules.webhooks.addresses import Rules
from dfks_rules.webhooks.cloudevents import TEST, body_of
from dfks_rules.webhooks.lanes import Item
from dfks_rules.webhooks.outbox import Outbox, cursors_at
from dfks_rules.webhooks.pump import RETRY, Clock, Pump, Sends
from dfks_rules.webhooks.reading import Source
from dfks_rules.webhooks.saving import Saver

ROTATION = 86_400.0
"""How long an old secret signs beside the new one, s."""
_AT_ONCE = 50

_log = structlog.get_logger("dfks.webhooks")


class WebhookService:
    """Tells endpoints what happens.

    Reference: `operations.webhooks.Webhooks`.
    """

    def __init__(
        self,
        store: WebhookStore,
        source: Source,
        events: Events,
        sends: tuple[Sends, Rules],
        node: str,
        clock: Clock,
    ) -> None:
        """Tell nobody before `begin`.

        Args:
            store: keeps endpoints and how far they are.
            source: where changes are read.
            events: of what is not in the journal, where `source` does not give it.
            sends: sends, and the rules of where to.
            node: what names the server in all its lives.
            clock: what time it is.
        """
        self._store = store
        self._source = source
        self._events = events
        sender, self._rules = sends
        self._node = node
        self._clock = clock
        self._run = os.urandom(4).hex()
        """Names this life, for events that no other tells of."""
        self._passed = 0
        self._boxes: dict[str, Outbox] = {}
        self._saver = Saver(store, self._boxes)
        self._pump = Pump(source, self._saver, self._boxes, sender, node, clock)
        self._listening: asyncio.Task[None] | None = None
        self._editing = asyncio.Lock()
        self._by_hand: Counter[str] = Counter()
        """Token → what is sent by hand now."""

    @property
    def boxes(self) -> Mapping[str, Outbox]:
        """Endpoint → what it is still to be told."""
        return self._boxes

    @property
    def counts(self) -> Mapping[str, int]:
        """What came of all tries, and what was not sent at all."""
        boxes = self._boxes.values()
        told = {one.value: sum(box.results[one] for box in boxes) for one in Result}
        return told | {
            "endpoints": len(boxes),
            "missed": sum(box.missed for box in boxes),
            "superseded": sum(box.superseded for box in boxes),
            "lost": sum(box.lost for box in boxes),
            "dead": sum(box.dead for box in boxes),
        }

    def begin(self) -> None:
        """Go on where the life before was; tell nobody where that cannot be read."""
        try:
            self._go_on()
        except StoreError as error:
            # Phones do not need it: they must not be without a server.
            self._boxes.clear()
            _log.error("webhooks_not_read", reason=error.message)

    def _go_on(self) -> None:
        endpoints = self._store.endpoints()
        if not endpoints:
            return
        durable, dead = self._source.durable(), self._store.dead_counts()
        self._pump.number_from(self._store.last_dead())
        known = {(one.endpoint, one.lane): one for one in self._store.cursors()}
        for endpoint in endpoints:
            cursors = [
                known.get((one.endpoint, one.lane), one) for one in cursors_at(endpoint.id, durable)
            ]
            box = Outbox(endpoint, self._node, cursors)
            box.dead = dead.get(endpoint.id, 0)
            self._boxes[endpoint.id] = box
        self._changed()

    def hear(self, event: Happened) -> None:
        """Take what the feed tells; costs nothing where there are no endpoints."""
        if not self._boxes or not isinstance(event, Settled):
            return
        if any(one.changed and one.request.operation is Operation.SET for one in event.outcomes):
            self._pump.wake()

    def heard(self) -> None:
        """Another node may have changed something."""
        if self._boxes:
            self._pump.wake()

    async def end(self) -> None:
        """Tell nobody any more; what was not told yet is told by the next life."""
        if self._listening is not None:
            self._listening.cancel()
        await self._pump.end()

    def rows(self) -> list[EndpointRow]:
        """All endpoints, the oldest first."""
        return [self.row(id_) for id_ in self._boxes]

    def row(self, endpoint: str) -> EndpointRow:
        """One of them."""
        box = self._boxes[endpoint]
        failing = sum(lane.tries > 0 for lane in box.lanes)
        lag = box.lag(self._clock.epoch())
        return EndpointRow(box.endpoint, lag, failing, box.dead, dict(box.results))

    def check_url(self, url: str) -> None:
        """Raise ValueError unless events may be sent there."""
        self._rules.check_url(url)

    async def add(self, new: NewEndpoint, most_of_actor: int = MOST_ENDPOINTS) -> EndpointRow:
        """Tell somebody of what happens from now on."""
        endpoint = Endpoint(
            f"wh_{os.urandom(8).hex()}",
            new.url,
            _new_secret(),
            new.types,
            new.actor,
            self._clock.epoch(),
            new.domains,
            new.is_coalescing,
        )
        async with self._editing:
            if len(self._boxes) >= MOST_ENDPOINTS:
                message = phrase(
                    "there are {most_endpoints} webhooks", most_endpoints=MOST_ENDPOINTS
                )
                raise OverflowError(message)
            of_actor = sum(box.endpoint.actor == new.actor for box in self._boxes.values())
            if of_actor >= most_of_actor:
                message = phrase("`{actor}` has {count} webhooks", actor=new.actor, count=of_actor)
                raise OverflowError(message)
            cursors = cursors_at(endpoint.id, self._source.durable())
            await self._write(Writes([endpoint], cursors=cursors))
            self._boxes[endpoint.id] = Outbox(endpoint, self._node, cursors)
        self._changed()
        return self.row(endpoint.id)

    async def change(self, endpoint: str, edit: Callable[[Endpoint], Endpoint]) -> EndpointRow:
        """Replace what is known of an endpoint; what waits for him is tried at once."""
        await self._edit(endpoint, edit)
        self._boxes[endpoint].begin_anew()
        self._changed()
        return self.row(endpoint)

    async def rotate(self, endpoint: str) -> EndpointRow:
        """Give an endpoint a new secret."""
        until = self._clock.epoch() + ROTATION
        await self._edit(
            endpoint,
            lambda was: was._replace(secret=_new_secret(), old_secret=was.secret, old_until=until),
        )
        return self.row(endpoint)

    async def remove(self, endpoint: str) -> None:
        """Forget an endpoint, and what it was not told."""
        async with self._editing:
            box = self._boxes.pop(endpoint)
            try:
                await self._write(Writes(removed=[endpoint]))
            except StoreError:
                self._boxes[endpoint] = box
                self._pump.wake()
                raise
        self._changed()

    async def test(self, endpoint: str) -> Tried:
        """Send a test event, once."""
        told = self._boxes[endpoint].endpoint
        event = Event(TEST, 0, None, {"endpoint": endpoint})
        id_ = self._next_id()
        body = body_of(event, id_, self._node, self._clock.epoch())
        return await self._send(told, id_, body)

    async def _send(self, endpoint: Endpoint, id_: str, body: bytes) -> Tried:
        """Send something by hand.

        Raises:
            OverflowError: much is, to endpoints of the same token.
        """
        if self._by_hand[endpoint.actor] >= MOST_BY_HAND:
            message = phrase("{most} events are being sent by hand", most=MOST_BY_HAND)
            raise OverflowError(message)
        self._by_hand[endpoint.actor] += 1
        try:
            return await self._pump.try_once(endpoint, id_, body)
        finally:
            self._by_hand[endpoint.actor] -= 1

    async def dead(self, endpoint: str, before: int, at_most: int) -> list[DeadLetter]:
        """Dead letters with lower numbers than `before`, the newest first."""
        return await self._store.dead(endpoint, before, at_most)

    async def retry(self, endpoint: str, number: int) -> Tried:
        """Send a dead letter again, once."""
        found = await self._store.dead(endpoint, number + 1, 1)
        if not found or found[0].number != number:
            raise KeyError(number)
        box = self._boxes[endpoint]
        tried = await self._send(box.endpoint, found[0].event, found[0].body)
        box.results[tried.result] += 1
        if tried.result is Result.DELIVERED:
            await self._write(Writes(buried=[number]))
            box.dead = max(0, box.dead - 1)
        return tried

    async def _edit(self, id_: str, edit: Callable[[Endpoint], Endpoint]) -> None:
        """Store an endpoint anew; one after the other, so that no edit undoes another."""
        async with self._editing:
            box = self._boxes[id_]
            was, endpoint = box.endpoint, edit(box.endpoint)
            await self._write(Writes([endpoint]))
            if box.endpoint is not was:
                # It has answered 410 meanwhile, which is stored over this.
                self._saver.put(endpoint)
                self._saver.save_soon()
            box.endpoint = endpoint

    async def _write(self, writes: Writes) -> None:
        """Store something, and wait until it is.

        Raises:
            StoreError: it is not.
        """
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(error: StoreError | None) -> None:
            if stored.done():
                return
            if error is None:
                stored.set_result(None)
            else:
                stored.set_exception(error)

        self._store.write(writes, done)
        await stored

    def _changed(self) -> None:
        """Do what the endpoints want that there are now."""
        wants_more = self._source.others is None and any(
            box.is_on and box.endpoint.types - {FEATURE_CHANGED} for box in self._boxes.values()
        )
        if wants_more and self._listening is None:
            self._listening = asyncio.get_running_loop().create_task(self._listen())
        elif not wants_more and self._listening is not None:
            self._listening.cancel()
            self._listening = None
        self._pump.wake()

    async def _listen(self) -> None:
        """Take what is not in the journal; it does not outlive the server."""
        while True:
            try:
                await self._take_from(await self._events.listen(None))
            except StoreError:
                await asyncio.sleep(RETRY)
            except Exception:  # noqa: BLE001 - else nothing of the kind would be told any more
                _log.exception("webhooks_failed")
                await asyncio.sleep(RETRY)

    async def _take_from(self, listener: Listener) -> None:
        try:
            while True:
                await listener.wait()
                for event in await listener.take(_AT_ONCE):
                    if event.type not in (FEATURE_CHANGED, GAP):
                        self._pass_on(event)
        finally:
            listener.close()

    def _pass_on(self, event: Event) -> None:
        item = Item(event, self._next_id(), self._clock.epoch())
        for box in self._boxes.values():
            box.take_passing(item)
        self._pump.wake()

    def _next_id(self) -> str:
        self._passed += 1
        return f"{self._node}-{self._run}-{self._passed}"


def _new_secret() -> str:
    return signature.secret_of(os.urandom(signature.KEY_BYTES))
