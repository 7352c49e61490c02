"""Sees every message and decision while somebody traces or HEP is exported; else nobody calls it.

Nothing of it may harm a call: it never raises.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import structlog

from dfks_rules.model.identity import Aor
from dfks_rules.service.feed import Event
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.glance import RESPONSE
from dfks_rules.tracing.asks import Ask, Asks
from dfks_rules.tracing.blanking import blanked, clipped
from dfks_rules.tracing.decided import decided_of
from dfks_rules.tracing.entries import Decided, Direction, Message
from dfks_rules.tracing.parties import Parties, parties_of
from dfks_rules.tracing.traces import Trace, Traces

MAX_SEEN = 500
"""Most messages of one turn of the loop that wait for its end."""
_MAX_PORT = 65_535
"""Peers write higher ones, too; nothing can be sent there."""
_RECEIVED: Final = Direction.RECEIVED
_SENT: Final = Direction.SENT
_log = structlog.get_logger()


class Exporter(Protocol):
    """What passes on everything that is seen; `export.HepExport` does."""

    domains: frozenset[str]
    """Only what is about users of these; empty for all."""

    def message(self, message: Message) -> None:
        """Pass on a message."""

    def decided(self, decided: Decided, ask: Ask | None) -> None:
        """Pass on a decision, and the message that led to it."""


class Loop(Protocol):
    """What calls a tap; an event loop of asyncio does."""

    def call_soon(self, callback: Callable[[], object], /) -> object:
        """Call at the end of this turn."""


class _Seen(NamedTuple):
    """An entry, and who is to have it."""

    entry: Message | Decided
    traces: tuple[Trace, ...]
    is_exported: bool
    ask: Ask | None
    """The message that led to a decision."""


class Tap:
    """What the driver gives messages to, and the feed decisions."""

    def __init__(
        self,
        loop: Loop,
        traces: Traces,
        exporter: Exporter | None,
        clock: Callable[[], float],
        start: str,
    ) -> None:
        """Make one.

        Args:
            loop: what calls back.
            traces: who is traced.
            exporter: what passes on everything; None where nothing does.
            clock: seconds since 1970.
            start: what the ids of decisions begin with.
        """
        self._loop = loop
        self._traces = traces
        self._exporter = exporter
        self._clock = clock
        self._start = start
        self._asks = Asks()
        self._seen: list[_Seen] = []
        """What this turn of the loop has seen so far."""
        self.counts = {"failures": 0}
        """Messages and decisions that could not be looked at, which are bugs of ours."""

    def received(self, data: bytes, flow: Flow) -> None:
        """A message came; it has not been looked at by anybody."""
        self._see(_RECEIVED, data, flow)

    def sent(self, data: bytes, flow: Flow) -> None:
        """A message goes out, perhaps for another time."""
        self._see(_SENT, data, flow)

    def _see(self, direction: Direction, data: bytes, flow: Flow) -> None:
        try:
            exporter = self._exporter
            is_traced = self._may_be_traced(data)
            if _is_keep_alive(data) or (exporter is None and not is_traced):
                return
            is_ask = direction is _RECEIVED and not data.startswith(RESPONSE)
            parties = _NOBODY
            if is_traced or is_ask or (exporter is not None and exporter.domains):
                parties = parties_of(data)
            traces = tuple(self._traces.about(parties.users)) if is_traced else ()
            exports = exporter is not None and _is_of(exporter.domains, parties.users)
            if not traces and not exports:
                return
            if is_ask:
                self._asks.note(parties, flow)
            message = self._message(direction, data, flow, parties)
            self._add(len(self._seen), _Seen(message, traces, exports, None))
        except Exception:  # noqa: BLE001 - a trace must not cost a call
            self._report("message")

    def _may_be_traced(self, data: bytes) -> bool:
        """Whether a message may be about a traced user: most are not, which is seen at a glance."""
        running = self._traces.running
        if not running:
            return False
        for trace in running:  # `any` takes twice as long.
            if trace.hint in data:
                return True
        return b"%" in data

    def _message(self, direction: Direction, data: bytes, flow: Flow, parties: Parties) -> Message:
        shown = blanked(data)
        listener = flow.listener
        host, port = flow.remote
        return Message(
            self._now(),
            direction,
            listener.transport.value,
            (listener.host, listener.port),
            (host, min(port, _MAX_PORT)),
            parties.call_id.decode(errors="replace"),
            clipped(shown),
            len(shown),
            parties.domains,
        )

    def _now(self) -> float:
        """The time, to the microsecond: as every form of a trace has it."""
        return round(self._clock(), 6)

    def hear(self, event: Event) -> None:
        """Something was decided, or the store failed."""
        try:
            presentity, watcher = event.presentity, event.requester.watcher
            users = {presentity} if watcher is None else {presentity, watcher}
            traces = tuple(self._traces.about(users)) if self._traces.running else ()
            exporter = self._exporter
            exports = exporter is not None and _is_of(exporter.domains, users)
            if not traces and not exports:
                return
            ask = self._asks.find(presentity, event.requester)
            call_id = "" if ask is None else ask.call_id
            decided = decided_of(event, call_id, self._now(), self._start)
            # It is settled after what it has the server send, and belongs before that.
            place = len(self._seen)
            while place and _is_sent(self._seen[place - 1].entry):
                place -= 1
            if place < len(self._seen):
                decided = decided._replace(at=self._seen[place].entry.at)
            self._add(place, _Seen(decided, traces, exports, ask))
        except Exception:  # noqa: BLE001 - a trace must not cost a call
            self._report("decision")

    def _add(self, place: int, seen: _Seen) -> None:
        self._seen.insert(place, seen)
        if len(self._seen) == 1:
            self._loop.call_soon(self._pass_on)
        elif len(self._seen) >= MAX_SEEN:
            self._pass_on()

    def _pass_on(self) -> None:
        """Give everybody what this turn has brought."""
        seen, self._seen = self._seen, []
        for one in seen:
            try:
                self._give(one)
            except Exception:  # noqa: BLE001 - nor the entries that follow
                self._report("export")

    def _give(self, seen: _Seen) -> None:
        entry, exporter = seen.entry, self._exporter
        for trace in seen.traces:
            self._traces.add(trace, entry)
        if not seen.is_exported or exporter is None:
            return
        if isinstance(entry, Message):
            exporter.message(entry)
        else:
            exporter.decided(entry, seen.ask)

    def _report(self, what: str) -> None:
        self.counts["failures"] += 1
        if self.counts["failures"] == 1:
            _log.exception("trace_failed", what=what)


def _is_keep_alive(data: bytes) -> bool:
    """Whether it is empty lines, or STUN, whose methods begin with 0 or 1 (RFC 5389 §6, §18.1)."""
    return data[:1] < b"\x02" or not data.strip()


def _is_sent(entry: Message | Decided) -> bool:
    return isinstance(entry, Message) and entry.is_sent


def _is_of(domains: frozenset[str], users: frozenset[Aor] | set[Aor]) -> bool:
    return not domains or any(user.domain in domains for user in users)


_NOBODY = Parties(b"", frozenset(), b"")
