"""Webhooks without a file and without a network, on a clock that jumps to whatever is due next."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import orjson

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.operations.events import FEATURE_CHANGED, Event
from dfks_rules.operations.webhooks import (
    Cursor,
    DeadLetter,
    Endpoint,
    KeptEvent,
    NewEndpoint,
    Result,
    Tried,
    Writes,
)
from dfks_rules.webhooks.addresses import Rules
from dfks_rules.webhooks.pump import Clock
from dfks_rules.webhooks.reading import Source
from dfks_rules.webhooks.service import WebhookService
from tests.helpers.journal import AT, MemoryJournal

T = TypeVar("T")

NODE = "0123456789ab"
SECRET = "whsec_" + "QUJD" * 11
EPOCH = AT + 1_000_000.0
"""Seconds since 1970 when the clock of a test begins."""
DELIVERED = Tried(Result.DELIVERED, "200", 200)
REFUSED = Tried(Result.REFUSED, "500", 500)
EVERYBODY = NewEndpoint(
    "https://pbx.example.com/", frozenset(["feature-changed"]), "test", None, is_coalescing=False
)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that never sleeps: its time is that of whatever is due next."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self.turns = 0
        """How often whatever was ready was run."""
        selector: Any = self._selector  # type: ignore[attr-defined]
        select = selector.select

        def jump(timeout: float | None = None) -> Any:
            self.turns += 1
            found = select(0)
            if not found and timeout:
                self._now += timeout
            return found

        selector.select = jump

    def time(self) -> float:
        """Virtual seconds."""
        return self._now


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """What `main` gives, on a `VirtualLoop`."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class MemoryWebhookStore:
    """Keeps what is written, as it would be after a crash; may fail."""

    def __init__(self) -> None:
        self.kept: dict[str, Endpoint] = {}
        self.at: dict[tuple[str, int], Cursor] = {}
        self.letters: dict[int, DeadLetter] = {}
        self.is_broken = False
        self.writes = 0

    def endpoints(self) -> list[Endpoint]:
        return [*self.kept.values()]

    def cursors(self) -> list[Cursor]:
        return [*self.at.values()]

    def dead_counts(self) -> dict[str, int]:
        return {id_: len(self._dead(id_)) for id_ in self.kept}

    def last_dead(self) -> int:
        return max(self.letters, default=0)

    def _dead(self, endpoint: str) -> list[DeadLetter]:
        return [one for one in self.letters.values() if one.endpoint == endpoint]

    async def dead(self, endpoint: str, before: int, at_most: int) -> list[DeadLetter]:
        found = self._dead(endpoint)
        return sorted((one for one in found if one.number < before), reverse=True)[:at_most]

    def write(self, writes: Writes, done: Callable[[StoreError | None], None]) -> None:
        self.writes += 1
        error = StoreError("store_unavailable", "disk is full") if self.is_broken else None
        if error is None:
            self.kept |= {one.id: one for one in writes.endpoints}
            self.at |= {(one.endpoint, one.lane): one for one in writes.cursors}
            self.letters |= {one.number: one for one in writes.dead}
            for number in writes.buried:
                self.letters.pop(number, None)
            for id_ in writes.removed:
                self.kept.pop(id_, None)
                self.at = {key: one for key, one in self.at.items() if key[0] != id_}
                self.letters = {n: one for n, one in self.letters.items() if one.endpoint != id_}
        asyncio.get_running_loop().call_soon(done, error)


class Sent(NamedTuple):
    """One try."""

    at: float
    """Of the loop."""
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        """The CloudEvent."""
        return orjson.loads(self.body)


class ScriptedSends:
    """Writes down what is sent; what comes of it is the test's to say."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.turns: list[int] = []
        """In which turn of a `VirtualLoop` each try began."""
        self.answer: Callable[[Sent], Tried] = lambda _sent: DELIVERED
        self.takes = 0.01
        """Seconds."""
        self.is_closed = False
        self.under_way: dict[str | None, int] = {}
        """Subject → how many tries are under way."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Tried:
        sent = Sent(asyncio.get_running_loop().time(), url, headers, body)
        subject = sent.told.get("subject")
        self.under_way[subject] = self.under_way.get(subject, 0) + 1
        assert self.under_way[subject] == 1, "one event of a presentity at a time"
        self.sent.append(sent)
        self.turns.append(getattr(asyncio.get_running_loop(), "turns", 0))
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.under_way[subject] -= 1
        return self.answer(sent)

    async def close(self) -> None:
        self.is_closed = True


class Tap:
    """Where events come from that are in no journal."""

    def __init__(self) -> None:
        self.taker: Callable[[Event], None] | None = None

    def __call__(self, tell: Callable[[Event], None] | None) -> None:
        self.taker = tell

    def tell(self, event: Event) -> None:
        """Something happens."""
        if self.taker is not None:
            self.taker(event)


class MemoryEvents:
    """Keeps events that are in no journal, numbered with its changes; may fail."""

    def __init__(self, journal: MemoryJournal, store: MemoryWebhookStore) -> None:
        self._journal = journal
        self._store = store
        self.events: list[KeptEvent] = []
        self.error: Exception | None = None
        self.last_purged = 0
        self.removes = 0
        """How many `append` says that it has removed."""

    async def wanted(self) -> frozenset[str]:
        types = [one.types for one in self._store.kept.values() if one.off is None]
        return frozenset().union(*types) - {FEATURE_CHANGED}

    async def append(self, events: Sequence[KeptEvent]) -> int:
        if self.error is not None:
            raise self.error
        for one in events:
            seq = self._journal.skip()
            self.events.append(one._replace(event=one.event._replace(seq=seq)))
        return self.removes

    async def read(self, after: int, at_most: int) -> list[KeptEvent]:
        return [one for one in self.events if one.event.seq > after][:at_most]

    async def purged(self) -> int:
        return self.last_purged

    async def drop(self) -> None:
        done = min([cursor.seq for cursor in self._store.cursors()], default=0)
        self.events = [
            *[one for one in self.events[:-1] if one.event.seq > done],
            *self.events[-1:],
        ]


class NoEvents:
    """Nothing happens but what is in the journal."""

    async def listen(self, _after: int | None) -> "NoEvents":
        """Somebody waits for something else."""
        return self

    async def wait(self) -> None:
        """For ever."""
        await asyncio.Event().wait()

    def close(self) -> None:
        """There is nothing to close."""


class Bench:
    """A service in front of a journal, a store and an endpoint."""

    def __init__(self, journal: MemoryJournal | None = None) -> None:
        self.journal = journal or MemoryJournal()
        self.store = MemoryWebhookStore()
        self.sends = ScriptedSends()
        self.events: Any = NoEvents()
        self.kept: MemoryEvents | None = None
        """Of a node; None: they are not kept."""
        self.states: dict[Aor, Snapshot] = {}
        self.luck = 0.5

    def source(self) -> Source:
        return Source(
            self.journal,
            self.journal.durable,
            self._current,
            self.kept,
        )

    async def _current(self, wanted: Iterable[Aor]) -> dict[Aor, Snapshot]:
        return {aor: self.states.get(aor, NOTHING_STORED) for aor in wanted}

    def service(self) -> WebhookService:
        """A new life of the server."""
        loop = asyncio.get_running_loop()
        clock = Clock(loop.time, lambda: EPOCH + loop.time(), lambda: self.luck)
        return WebhookService(
            self.store, self.source(), self.events, (self.sends, Rules()), NODE, clock
        )


async def change(service: WebhookService, endpoint: str, **said: Any) -> None:
    """Replace what is said of an endpoint."""
    await service.change(endpoint, lambda was: was._replace(**said))


def users(count: int, domain: str = "example.com") -> list[Aor]:
    """So many presentities."""
    return [Aor(f"user{number}", domain) for number in range(count)]
