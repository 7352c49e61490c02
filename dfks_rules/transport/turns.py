"""Whose turn it is: what comes in is worked on by turns of who sent it, before it is parsed.

A quiet server works on what comes at once. Where more comes than that, it waits by its source
(`round_robin`), and is worked on in slices, between which the sockets are read, timers fire, and MI
is answered. Where all that waits is a flood, there is a rest between two slices, so that whoever
comes meanwhile is served at once: of a flood most is dropped in any case.

What is over the rate of its source (`rates`) does not wait: a few such requests a second are
refused, and the rest is dropped, or where it came by a stream, waits there.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable

import structlog

from dfks_rules.sip.flow import Flow
from dfks_rules.transport.limits import SourceLimits
from dfks_rules.transport.rates import HANDSHAKE, Rates
from dfks_rules.transport.round_robin import Excess, RoundRobin
from dfks_rules.transport.sources import Source, Sources, StreamTurn, Work

_log = structlog.get_logger()

SLICE = 0.002
"""Seconds of work, after which the sockets are read again."""
REST = 0.002
"""Seconds between two slices while all that waits is of sources that send more than is done."""
PORTION = 64
"""Most messages that are worked on in a slice."""
LOOK_EVERY = 4
"""Messages between two looks at the clock."""
AT_ONCE = 32
"""Messages of streams that are worked on in a slice without a turn, while nobody waits."""
HANDSHAKE_CREDIT = 8_192
"""What a handshake uses up of its source's share: it takes as much CPU as some requests."""
LATER = 0.25
"""Seconds that a stream over its rate waits until it is asked again."""
LOG_AFTER = 1.0
"""Seconds from the first message that is too much to the log line about it, which says how many."""
LOG_EVERY = 60.0
"""Seconds between two such lines."""
MAX_NOTED = 1_000
"""Most sources that are told apart for such a line."""


class Turns:
    """What all transports give what they have read to."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        receive: Callable[[bytes, Flow], None],
        refuse: Callable[[bytes, Flow, Excess], None],
        limits: SourceLimits,
    ) -> None:
        """Make turns; nobody waits.

        Args:
            loop: what calls back.
            receive: takes each message.
            refuse: answers a message that is too much, without working on it.
            limits: what sources may do.
        """
        self._loop = loop
        self._receive = receive
        self._refuse = refuse
        self.sources = Sources(limits.is_trusted)
        self._rates = Rates(limits.per_source)
        self.is_limited = self._rates.is_limited
        """Whether there is a rate that sources may be over."""
        self._queues = RoundRobin()
        self._is_due = self._rests = False
        self._slice_ends = -math.inf
        self._at_once = 0
        self._excesses: dict[Source, int] = {}
        """How much was too much of whom since the last log line."""
        self._limit = Excess.RATE
        """Why it was, the last time."""
        self._next_log = -math.inf
        self.counts: Counter[str] = Counter(dict.fromkeys(_COUNTS, 0))
        """What was too much so far."""

    # --- Datagrams ---

    def take(self, data: bytes, flow: Flow) -> None:
        """Work on a datagram now, unless its source is over its rate."""
        now = self._loop.time()
        source = self.sources.of(flow.remote[0])
        if self._rates.admits(source, data, now):
            self._receive(data, flow)
        else:
            self._is_too_much(source, data, flow, Excess.RATE, now)

    def put(self, data: bytes, flow: Flow, now: float) -> None:
        """Have a datagram wait for `work`."""
        source = self.sources.of(flow.remote[0])
        if self.is_limited and not self._rates.admits(source, data, now):
            excess: Excess | None = Excess.RATE
        else:
            excess = self._queues.put(source, data, flow)
        if excess is not None:
            self._is_too_much(source, data, flow, excess, now)

    def go(self) -> None:
        """Work on what was put, unless that is due anyway."""
        if not self._is_due and not (self._rests and self._queues.are_floods):
            self.work()

    @property
    def is_calm(self) -> bool:
        """Whether nothing waits."""
        return not self._queues.size

    # --- Streams ---

    def is_free(self) -> bool:
        """Whether a message of a stream may be worked on now, without a turn."""
        if self._queues.size:
            return False
        now = self._loop.time()
        if now >= self._slice_ends:
            self._slice_ends, self._at_once = now + SLICE, 0
        self._at_once += 1
        return self._at_once <= AT_ONCE

    def wait(self, source: Source, work: Work) -> None:
        """Have `work` called by turns with others, until there is no more."""
        self._queues.wait(StreamTurn(source, work))
        self.go_on()

    def wait_longer(self, source: Source, work: Work) -> None:
        """The same, after a while: its source is over its rate."""
        self._loop.call_later(LATER, self.wait, source, work)

    def admits(self, source: Source, data: bytes) -> bool:
        """Whether a source may send a message of a stream now."""
        return not self.is_limited or self._rates.admits(source, data, self._loop.time())

    def refuses(self, source: Source, data: bytes, flow: Flow) -> bool:
        """Whether a message that was not admitted is answered; else it has to wait."""
        now = self._loop.time()
        if not self._rates.refuses(source, data, now):
            self._note("rate_delayed", source, Excess.RATE, now)
            return False
        self._note("rate_refused", source, Excess.RATE, now)
        self._refuse(data, flow, Excess.RATE)
        return True

    def may_shake_hands(self, source: Source, work: Work) -> bool:
        """Whether a TLS handshake may begin now; else `work` is called when it may."""
        now = self._loop.time()
        if not self._rates.takes(source, now, HANDSHAKE):
            self._note("handshakes_delayed", source, Excess.RATE, now)
            self._loop.call_later(LATER, self._ask_again, source, work)
            return False
        source.credit -= HANDSHAKE_CREDIT
        if self.is_free():
            return True
        self.counts["handshakes_delayed"] += 1
        self.wait(source, work)
        return False

    def _ask_again(self, source: Source, work: Work) -> None:
        if self._rates.takes(source, self._loop.time(), HANDSHAKE):
            self.wait(source, work)
        else:
            self._loop.call_later(LATER, self._ask_again, source, work)

    def asked(self, host: str) -> None:
        """A request of ours goes to an address, which may answer it on top of its rate."""
        self._rates.asked(self.sources.of(host))

    # --- Work ---

    def work(self) -> None:
        """Work on what waits for the length of a slice; the rest follows by itself."""
        try:
            self._work()
        finally:  # One of them may have raised: the others are served all the same.
            self.go_on()

    def _work(self) -> None:
        take, time = self._queues.take, self._loop.time
        ends = time() + SLICE
        for number in range(PORTION):
            job = take()
            if job is None:
                return
            if isinstance(job, tuple):
                self._receive(*job)
            else:
                self._work_on(job)
            if number % LOOK_EVERY == 0 and time() >= ends:
                return
            if self._rests and self._queues.are_floods:
                return

    def _work_on(self, turn: StreamTurn) -> None:
        has_more = True  # Also where it raises: one message must not cost the others.
        try:
            has_more = turn.work()
        finally:
            if has_more:
                self._queues.wait(turn)

    def go_on(self) -> None:
        """Have the next slice, if anything waits."""
        if not self._queues.size or self._is_due:
            return
        if not self._queues.are_floods:
            self._is_due = True
            self._loop.call_soon(self._turn)
        elif not self._rests:
            self._rests = True
            self._loop.call_later(REST, self._end_rest)

    def _turn(self) -> None:
        self._is_due = False
        self.work()

    def _end_rest(self) -> None:
        self._rests = False
        self.work()

    # --- What is too much ---

    def _is_too_much(
        self, source: Source, data: bytes, flow: Flow, excess: Excess, now: float
    ) -> None:
        """A datagram is not worked on: it is refused, or dropped."""
        is_refused = self._rates.refuses(source, data, now)
        self._note(_COUNTED[excess, is_refused], source, excess, now)
        if is_refused:
            self._refuse(data, flow, excess)

    def _note(self, count: str, source: Source, excess: Excess, now: float) -> None:
        """Count it, and say now and then who it was."""
        self.counts[count] += 1
        self._limit = excess
        if not self._excesses:
            self._next_log = max(self._next_log, now + LOG_AFTER)
            self._loop.call_at(self._next_log, self._log_excesses)
        before = self._excesses.get(source, 0)
        if before or len(self._excesses) < MAX_NOTED:
            self._excesses[source] = before + 1

    def _log_excesses(self) -> None:
        """Name the source that sent the most."""
        excesses, self._excesses = self._excesses, {}
        worst = max(excesses, key=excesses.__getitem__)
        _log.warning(
            "source_limited",
            source=worst.name,
            limit=self._limit.value,
            messages=excesses[worst],
            sources=len(excesses),
            **{name: self.counts[name] for name in _COUNTS},
        )
        self._next_log = self._loop.time() + LOG_EVERY


_COUNTS = (
    "rate_refused",
    "rate_dropped",
    "rate_delayed",
    "queue_refused",
    "queue_dropped",
    "overload_refused",
    "overload_dropped",
    "handshakes_delayed",
)
_COUNTED = {
    (excess, is_refused): f"{excess.value}_{'refused' if is_refused else 'dropped'}"
    for excess in Excess
    for is_refused in (True, False)
}
