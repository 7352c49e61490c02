"""Has events read and sent: one task for all endpoints, and one for each try.

A turn of the loop reads one portion of the journal, or begins one try: phones do not wait.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple, Protocol

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.operations.webhooks import MOST_DEAD, DeadLetter, Endpoint, Result, Tried
from dfks_rules.phrases.phrase import phrase
from dfks_rules.webhooks import signature
from dfks_rules.webhooks.cloudevents import CONTENT_TYPE, body_of, type_of
from dfks_rules.webhooks.lanes import Item
from dfks_rules.webhooks.outbox import Outbox
from dfks_rules.webhooks.reading import Source, read
from dfks_rules.webhooks.saving import Saver

MOST_AT_ONCE = 32
"""Tries that are made at the same time."""
MOST_OF_TOKEN = 16
"""The same to the endpoints of one token, where others have some: theirs are not held up."""
RETRY = 1.0
"""Seconds until a journal that cannot be read is read again."""
GRACE = 0.25
"""Seconds that tries have to end when the server stops; then they are made again by the next."""

_log = structlog.get_logger("dfks.webhooks")


class Clock(NamedTuple):
    """What time it is."""

    now: Callable[[], float]
    """Monotonic seconds."""
    epoch: Callable[[], float] = time.time
    """Seconds since 1970."""
    luck: Callable[[], float] = random.random
    """0 to 1."""


class Sends(Protocol):
    """Sends an event once; see `Sender`."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Tried:
        """Try, and say what came of it."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class Pump:
    """Moves events from the journal to endpoints."""

    def __init__(
        self,
        source: Source,
        saver: Saver,
        boxes: dict[str, Outbox],
        sends: Sends,
        node: str,
        clock: Clock,
    ) -> None:
        """Nothing is moved before `wake`.

        Args:
            source: where changes are read.
            saver: stores how far it is.
            boxes: endpoint → what it is still to be told.
            sends: sends events.
            node: what names the server.
            clock: what time it is.
        """
        self._source = source
        self._saver = saver
        self._boxes = boxes
        self._sends = sends
        self._node = node
        self._clock = clock
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._tries: dict[asyncio.Task[None], str] = {}
        """Each that is made now → the token of its endpoint, which may have been removed since."""
        self._read_at = 0.0
        """When the journal may be read again, monotonic seconds."""
        self._turn = 0
        self._number = 0
        """Of the last dead letter."""
        self._has_ended = False

    def wake(self) -> None:
        """There may be something to move."""
        if self._boxes and self._task is None and not self._has_ended:
            self._task = asyncio.get_running_loop().create_task(self._run())
        self._awake.set()

    async def end(self) -> None:
        """Move nothing more. Tries that do not end soon are cut off, and made again later."""
        self._has_ended = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._tries:
            _, late = await asyncio.wait(self._tries, timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._saver.end()
        await self._sends.close()

    def number_from(self, number: int) -> None:
        """The next dead letter has a higher number than this."""
        self._number = max(self._number, number)

    async def try_once(self, endpoint: Endpoint, id_: str, body: bytes) -> Tried:
        """Sign and send an event, and say what came of it."""
        at = self._clock.epoch()
        headers = signature.headers(id_, int(at), body, endpoint.secrets(at))
        return await self._sends.send(endpoint.url, {"Content-Type": CONTENT_TYPE, **headers}, body)

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            now = self._clock.now()
            try:
                has_more = await self._read(now)
                has_more = self._begin_one(now) or has_more
            except StoreError as error:
                _log.debug("webhooks_wait", reason=error.message)
                self._read_at = now + RETRY
                has_more = False
            except Exception:  # noqa: BLE001 - else nobody would be told any more
                _log.exception("webhooks_failed")
                self._read_at = now + RETRY
                has_more = False
            if has_more:
                await asyncio.sleep(0)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait(now)):
                    await self._awake.wait()

    async def _read(self, now: float) -> bool:
        """Read a portion of the journal for those who are least far; whether there was one.

        Raises:
            StoreError: it cannot be read now.
        """
        places = [place for box in self._boxes.values() if (place := box.read_from) is not None]
        if not places or now < self._read_at:
            return False
        portion = await read(self._source, min(places), self._node, self._clock.epoch())
        if portion is None:
            return False
        for box in self._boxes.values():
            missed = box.missed
            box.take(portion)
            if box.missed > missed:
                _log.warning("webhook_gap", endpoint=box.endpoint.id, missed=box.missed - missed)
        self._saver.save_soon()
        return True

    def _begin_one(self, now: float) -> bool:
        """Begin the next try that is due, endpoints by turns; whether there was one."""
        boxes = [*self._boxes.values()]
        if len(self._tries) >= MOST_AT_ONCE:
            return False
        free = self._free()
        for step in range(len(boxes)):
            box = boxes[(self._turn + step) % len(boxes)]
            if box.endpoint.actor not in free:
                continue
            for lane in box.due(now):
                self._turn = (self._turn + step + 1) % len(boxes)
                self._begin(box, lane)
                return True
        return False

    def _free(self) -> set[str]:
        """Tokens to whose endpoints one more try may be made now."""
        busy = Counter(self._tries.values())
        for box in self._boxes.values():
            busy[box.endpoint.actor] += 0
        most = MOST_AT_ONCE if len(busy) == 1 else MOST_OF_TOKEN
        return {actor for actor, tries in busy.items() if tries < most}

    def _begin(self, box: Outbox, lane: int) -> None:
        box.lanes[lane].is_busy = True
        task = asyncio.get_running_loop().create_task(self._deliver(box, lane))
        self._tries[task] = box.endpoint.actor
        task.add_done_callback(self._tries.pop)

    async def _deliver(self, box: Outbox, number: int) -> None:
        lane = box.lanes[number]
        item = lane.queue[0]
        try:
            if item.body is None:
                item.body = body_of(item.event, item.id, self._node, item.at)
            tried = await self.try_once(box.endpoint, item.id, item.body)
        except asyncio.CancelledError:
            lane.is_busy = False
            raise
        except Exception:  # noqa: BLE001 - else the lane would stand still
            _log.exception("webhooks_failed", endpoint=box.endpoint.id, webhook_event=item.id)
            tried = Tried(Result.UNREACHABLE, phrase("the server failed"))
        if self._boxes.get(box.endpoint.id) is not box:
            # It was removed; if that is not stored, it comes back.
            lane.is_busy = False
            self._awake.set()
            return
        tries = lane.tries + 1
        given_up = box.settle(number, tried, self._clock.now(), self._clock.luck())
        if tried.result is Result.GONE:
            self._switch_off(box)
        if given_up is not None:
            self._bury(box, given_up, tried, tries)
        self._saver.save_soon()
        self._awake.set()

    def _switch_off(self, box: Outbox) -> None:
        box.endpoint = box.endpoint._replace(off=phrase("it answered 410 Gone"))
        self._saver.put(box.endpoint)
        _log.warning("webhook_off", endpoint=box.endpoint.id, reason=box.endpoint.off)

    def _bury(self, box: Outbox, item: Item, tried: Tried, tries: int) -> None:
        epoch = self._clock.epoch()
        # A number that JavaScript can hold, and that rises over restarts.
        self._number = max(self._number + 1, int(epoch * 1_000))
        letter = DeadLetter(
            self._number,
            box.endpoint.id,
            item.id,
            type_of(item.event.type),
            item.event.presentity,
            epoch,
            tries,
            tried.detail,
            item.body or b"",
        )
        box.dead = min(box.dead + 1, MOST_DEAD)
        self._saver.bury(letter)
        _log.error(
            "webhook_dead", endpoint=box.endpoint.id, webhook_event=item.id, reason=tried.detail
        )

    def _wait(self, now: float) -> float | None:
        """How long nothing is due, s; None: until something happens."""
        if len(self._tries) >= MOST_AT_ONCE:
            return None
        free = self._free()
        boxes = [box for box in self._boxes.values() if box.endpoint.actor in free]
        due = [at for box in boxes if (at := box.next_at) is not None]
        if self._read_at > now:
            due.append(self._read_at)
        return max(0.0, min(due) - now) if due else None
