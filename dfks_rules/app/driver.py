"""The one driver of time and sockets: calls the rooms that wait for nothing.

A room is given a message or the time, and says by `next_deadline` when it wants to be called again.
The driver has one timer of the loop, armed for the earliest of these.

INVARIANT: no timer is shorter than T1, and each begins with a message that comes in or goes out. So
where a turn is due within T1 of every message, no timer is late, and no message pays for asking
when the next one is.

Compiled, with the policies in force: 2 to 4 µs less for a SUBSCRIBE and its NOTIFY
(docs/decisions/0038-what-a-subscribe-still-costs.md).
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import structlog

from dfks_rules.app.records.limit import Limit
from dfks_rules.app.zone import local_zone, now_in
from dfks_rules.presence.subscription import Subscription
from dfks_rules.sip.endpoint import Finished
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.timers import T1
from dfks_rules.transport.round_robin import Excess

GRAIN = 0.02
"""Least time between two turns, s: how late a timer may be."""
BREATH = 0.001
"""Least time between two portions of what is due, s."""
RETRY_AFTER = 2
"""Least seconds until a request that was too much may come again."""
RETRY_WITHIN = 8
"""Seconds over which such requests are spread."""
PORTION = 16
"""Subscriptions that end at a time when the server stops; they take about 2 ms."""

_TOO_MUCH = {
    Excess.RATE: b"Too many requests from this address",
    Excess.QUEUE: b"Too many requests of this address are waiting",
    Excess.OVERLOAD: b"Server overloaded",
}
"""Reason phrases."""

_log = structlog.get_logger()
_Result = TypeVar("_Result")


class Timer(Protocol):
    """A call that is due; `asyncio.TimerHandle` is one."""

    def cancel(self) -> None:
        """Do not call."""
        ...


class Tap(Protocol):
    """What looks at messages; `tracing.tap.Tap` does. It never raises."""

    def received(self, data: bytes, flow: Flow) -> None:
        """A message came, and nobody has looked at it yet."""
        ...

    def sent(self, data: bytes, flow: Flow) -> None:
        """A message goes out."""
        ...


class Loop(Protocol):
    """What calls the driver; an event loop of asyncio does."""

    def time(self) -> float:
        """Monotonic seconds."""
        ...

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call once, at that time."""
        ...


class Transactions(Protocol):
    """What takes messages; `sip.endpoint.Endpoint` does."""

    def receive(
        self, data: bytes, flow: Flow, now: float
    ) -> Incoming | Finished[Subscription] | None:
        """Take one message."""
        ...

    def refuse(self, data: bytes, flow: Flow, status: int, reason: bytes, headers: bytes) -> None:
        """Refuse a message that there is no time for."""
        ...

    def undelivered(self, message: bytes, now: float) -> Finished[Subscription] | None:
        """Learn that a message could not be sent."""
        ...

    def located(
        self, branch: bytes, targets: Sequence[Flow], now: float
    ) -> Finished[Subscription] | None:
        """Learn where the hop of a request leads."""
        ...

    def bounced(self, beginning: bytes, now: float) -> None:
        """Learn that nobody took a datagram."""
        ...

    def expire(self, now: float) -> Iterable[Finished[Subscription]]:
        """Do what is due."""
        ...

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        ...


class Serves(Protocol):
    """What serves requests; `presence.notifier.Notifier` does."""

    def receive(self, incoming: Incoming, at: datetime, now: float) -> None:
        """Serve one request."""
        ...

    def finished(self, finished: Finished[Subscription], now: float) -> None:
        """A request of ours was answered, or was not."""
        ...

    def expire(self, at: datetime, now: float) -> None:
        """Do what is due."""
        ...

    def deactivate(self, now: float, at_most: int) -> int:
        """End so many subscriptions; how many are left."""
        ...

    def rest(self, now: float) -> None:
        """Have written what is kept of subscriptions; the server stops."""
        ...

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        ...


class _Nobody:
    """An endpoint that takes no notice of anything."""

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """A message is too late."""

    def refuse(self, data: bytes, flow: Flow, status: int, reason: bytes, headers: bytes) -> None:
        """The same."""

    def undelivered(self, message: bytes, now: float) -> None:
        """It is repeated by whoever serves next."""

    def located(self, branch: bytes, targets: Sequence[Flow], now: float) -> None:
        """The same."""

    def bounced(self, beginning: bytes, now: float) -> None:
        """The same."""

    def expire(self, now: float) -> Iterable[Finished[Subscription]]:
        """Nothing is due."""
        return ()

    def next_deadline(self) -> float | None:
        """Never."""
        return None


def _nobody_asks(_read_at: float, _now: float) -> None:
    """How long a message was worked on."""


def _nobody_looks() -> None:
    """There will be a turn."""


class Driver:
    """Gives messages and time to an endpoint and a notifier."""

    def __init__(
        self,
        loop: Loop,
        endpoint: Transactions,
        notifier: Serves,
        worked: Callable[[float, float], None] = _nobody_asks,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Nothing has come yet.

        Args:
            loop: calls, and has the time.
            endpoint: takes messages.
            notifier: serves requests.
            worked: told, after a request was worked on, when it was read, and the time (monotonic
                seconds).
            clock: the time of `loop`, where there is a shorter way to it.
        """
        self._loop = loop
        self._time = clock or loop.time
        self._endpoint = endpoint
        self._notifier = notifier
        self._worked = worked
        self._timer: Timer | None = None
        self._is_idle = True
        """Whether no turn is due within T1."""
        self._is_stopped = False
        self._took = 0.0
        """How long it took to end the last portion of subscriptions, s."""
        self._at = datetime.min.replace(tzinfo=UTC)
        self._at_ends = -math.inf
        self._zone = local_zone()
        self._limit = Limit(1)
        self._refusals = 0
        self.tap: Tap | None = None
        """Looks at each message; None where nobody traces, which is nearly always."""
        self.stirred: Callable[[], None] = _nobody_looks
        """Told whenever a turn will be: at least when a message comes while the driver is idle."""
        self.failed: Callable[[str], None] = self._log_failure
        """Told, while a call's exception is handled, what was being done."""
        self.counts = {"failures": 0}
        """`failures`: calls that raised, which are bugs of ours."""

    def observe(self, tap: Tap | None) -> None:
        """Have each message looked at from now on, or none."""
        self.tap = tap

    def is_idle(self) -> bool:
        """Whether no message has come just now, and nothing is due soon."""
        return self._is_idle

    def at(self) -> datetime:
        """Local time to the second, for the policies: reading it costs as much as a decision."""
        return self._at_of(self._time())

    def _at_of(self, now: float) -> datetime:
        if now >= self._at_ends:
            self._at = now_in(self._zone)
            self._at_ends = now + 1 - self._at.microsecond / 1e6
        return self._at

    def receive(self, data: bytes, flow: Flow) -> None:
        """Take one datagram, or one message of a stream. Never raises."""
        now = self._time()
        if self.tap is not None:
            self.tap.received(data, flow)
        try:
            event = self._endpoint.receive(data, flow, now)
            if isinstance(event, Incoming):
                self._notifier.receive(event, self._at_of(now), now)
                self._worked(now, self._time())
            elif isinstance(event, Finished):
                self._notifier.finished(event, now)
        except Exception:  # noqa: BLE001 - one message must not cost the others that were read
            self._report("message")
        if self._is_idle:
            self._turn_by(now + T1)

    def refuse(self, data: bytes, flow: Flow, excess: Excess) -> None:
        """Refuse a message that is too much. Never raises."""
        if self.tap is not None:
            self.tap.received(data, flow)
        self._refusals += 1
        # Phones that are refused together should not come back together.
        again = RETRY_AFTER + self._refusals % RETRY_WITHIN
        headers = b"Retry-After: %d\r\n" % again
        self._attempt(self._endpoint.refuse, data, flow, 503, _TOO_MUCH[excess], headers)

    def undelivered(self, data: bytes) -> None:
        """Learn that a transport could not send a message. Never raises."""
        self._go_on(self._endpoint.undelivered, data)

    def located(self, branch: bytes, targets: Sequence[Flow]) -> None:
        """Learn where the hop of a request leads. Never raises."""
        self._go_on(self._endpoint.located, branch, targets)

    def bounced(self, beginning: bytes) -> None:
        """Learn that nobody took a datagram. Never raises."""
        self._go_on(self._endpoint.bounced, beginning)

    def _go_on(self, learn: Callable[..., Finished[Subscription] | None], *what: object) -> None:
        """Have the endpoint learn something that may end a request of ours."""
        now = self._time()
        finished = self._attempt(learn, *what, now)
        if finished is not None:
            self._attempt(self._notifier.finished, finished, now)
        if self._is_idle:
            self._turn_by(now + T1)

    def was_sent(self) -> None:
        """A message went out, which may have begun a timer."""
        if self._is_idle:
            self._turn_by(self._time() + T1)

    async def stop(self, within: float) -> None:
        """End every subscription, a few at a time, so that phones are served meanwhile; then rest.

        Args:
            within: seconds after which the phones that are left are not told.
        """
        ends = self._time() + within
        left = self._deactivate() if within else 0
        # Counted once: whoever subscribes again meanwhile must not keep the server from stopping.
        for portions in range(math.ceil(left / PORTION), 0, -1):
            spare = (ends - self._time()) / portions
            if spare <= 0:
                break
            # Half of the time is for others, or as much of it as there is.
            await asyncio.sleep(min(self._took, max(0.0, spare - self._took)))
            left = self._deactivate()
        if left:
            _log.warning("stop_cut_short", subscriptions=left, within=within)
        self._end()

    def rest(self) -> None:
        """Have written what is kept of subscriptions, and do nothing more.

        What comes from now on is not answered: the store is closed next, and phones repeat it.
        """
        self._attempt(self._notifier.rest, self._time())
        self._end()
        self._endpoint = _Nobody()

    def _end(self) -> None:
        self._is_stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _deactivate(self) -> int:
        """End one portion; how many subscriptions are left."""
        now = self._time()
        left = self._attempt(self._notifier.deactivate, now, PORTION)
        self._took = self._time() - now
        return left or 0

    def _turn_by(self, when: float) -> None:
        """Have the next turn then, and not when it was due."""
        if self._is_stopped:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._turn)
        self._is_idle = False
        self.stirred()

    def _turn(self) -> None:
        """Do what is due, and have the next turn when something else is."""
        now, failures = self._time(), self.counts["failures"]
        self._timer, self._is_idle = None, False
        try:
            for finished in self._attempt(self._endpoint.expire, now) or ():
                self._attempt(self._notifier.finished, finished, now)
            self._attempt(self._notifier.expire, self._at_of(now), now)
        finally:
            deadline = self._next_deadline(now)
            if deadline is not None:
                earliest = now + GRAIN
                if deadline <= now and self.counts["failures"] == failures:
                    # The rooms do what is due in portions. Half of the time is for others.
                    ended = self._time()
                    earliest = ended + min(max(ended - now, BREATH), GRAIN)
                self._turn_by(max(deadline, earliest))
            self._is_idle = deadline is None or deadline > now + T1

    def _next_deadline(self, now: float) -> float | None:
        try:
            deadlines = (self._endpoint.next_deadline(), self._notifier.next_deadline())
        except Exception:  # noqa: BLE001 - see `_attempt`
            self._report("timers")
            return now + T1
        return min((one for one in deadlines if one is not None), default=None)

    def _attempt(self, call: Callable[..., _Result], *arguments: object) -> _Result | None:
        """What the call gives; None when it raised, which must not end the timers for good."""
        try:
            return call(*arguments)
        except Exception:  # noqa: BLE001 - it is our bug, and is logged and counted
            self._report("timers")
            return None

    def _report(self, doing: str) -> None:
        self.counts["failures"] += 1
        self.failed(doing)

    def _log_failure(self, doing: str) -> None:
        suppressed = self._limit.admit()
        if suppressed is not None:
            _log.exception("driver_failed", doing=doing, suppressed=suppressed)
