"""A notifier whose messages and decisions are looked at, in simulated time."""

from collections.abc import Sequence

from dfks_rules.app.driver import Driver
from dfks_rules.model.identity import Aor
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.service.ports import Store
from dfks_rules.sip.flow import Flow
from dfks_rules.tracing.asks import Ask
from dfks_rules.tracing.entries import Decided, Direction, Entry, Message
from dfks_rules.tracing.ladder import Ladder
from dfks_rules.tracing.tap import Tap
from dfks_rules.tracing.traces import Trace, Traces
from tests.helpers.clock import ClockLoop
from tests.helpers.playbook import FLOW, Playbook, default_policies

BEGAN = 1_767_614_400.0
"""Seconds since 1970 when the loop's time is 0: 2026-01-05 12:00 UTC."""


class Exported:
    """An exporter that keeps everything."""

    def __init__(self, *domains: str) -> None:
        self.domains = frozenset(domains)
        self.messages: list[Message] = []
        self.decisions: list[tuple[Decided, Ask | None]] = []

    def message(self, message: Message) -> None:
        """Keep a message."""
        self.messages.append(message)

    def decided(self, decided: Decided, ask: Ask | None) -> None:
        """Keep a decision."""
        self.decisions.append((decided, ask))


class _Out(list[tuple[Flow, bytes]]):
    """What the playbook sends; the tap sees it, as in `app.server`."""

    tap: Tap

    def append(self, sent: tuple[Flow, bytes]) -> None:
        flow, data = sent
        self.tap.sent(data, flow)
        super().append(sent)


class TracedBook:
    """A playbook with a tap."""

    def __init__(
        self,
        policies: PolicySet | None = None,
        store: Store | None = None,
        exporter: Exported | None = None,
    ) -> None:
        self.loop = ClockLoop()
        self.book = Playbook(policies or default_policies(), store=store)
        self.switched: list[bool] = []
        self.traces = Traces(self.loop, lambda: self.switched.append(bool(self.traces.running)))
        self.tap = Tap(self.loop, self.traces, exporter, lambda: BEGAN + self.loop.now, "abc")
        self.driver = Driver(self.loop, self.book.endpoint, self.book.notifier)
        self.driver.observe(self.tap)
        self.book.log.feed.listen(self.tap.hear)
        out = self.book._out = _Out()
        out.tap = self.tap

    def trace(self, user: Aor, seconds: float = 60.0) -> Trace:
        """Trace somebody."""
        trace = self.traces.begin(user, seconds)
        assert trace is not None
        return trace

    def receive(self, data: bytes, flow: Flow = FLOW) -> None:
        """Have a message come, and the turn of the loop end."""
        self.driver.receive(data, flow)
        self.end_turn()

    def end_turn(self) -> None:
        """Have the turn of the loop end."""
        self.loop.run_until(self.loop.now)


def entries_of(trace: Trace) -> Sequence[Entry]:
    """Everything that a trace keeps."""
    return trace.ring.after(0, 10_000)[1]


def lines_of(trace: Trace) -> list[str]:
    """The kept entries, as people see them but for time, peers and Call-IDs."""
    ladder = Ladder()
    lines = [line for entry in entries_of(trace) for line in ladder.lines(entry)]
    return [line[14:] for line in lines if "Call-ID" not in line]


def message_at(at: float = BEGAN, data: bytes = b"x", **changes: object) -> Message:
    """A message that somebody sent to the server."""
    address = ("192.0.2.1", 5060), ("192.0.2.7", 5062)
    made = Message(at, Direction.RECEIVED, "udp", *address, "call-1", data, len(data))
    return made._replace(**changes)  # type: ignore[arg-type]
