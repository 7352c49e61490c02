"""The traces that run, and those that ended lately: who is traced, until when, and who looks on.

| state   | input                                   | next    |
|---------|-----------------------------------------|---------|
| none    | somebody asks for it                    | running |
| running | somebody else asks, for longer          | running |
| running | its time is over, or nobody looks on    | ended   |
| ended   | somebody asks for it                    | running |
| ended   | 10 minutes, or its place is needed      | none    |
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol, final

from dfks_rules.model.identity import Aor
from dfks_rules.operations.traces import MAX_TRACES, MAX_TRACES_OF_TOKEN
from dfks_rules.tracing.entries import Decided, Entry
from dfks_rules.tracing.ring import MAX_AGE, Ring

MAX_SECONDS = 600
"""Longest time that somebody may ask for, s."""


class Timer(Protocol):
    """A call that is due."""

    def cancel(self) -> None:
        """Do not call."""


class Loop(Protocol):
    """What calls traces; an event loop of asyncio does."""

    def time(self) -> float:
        """Monotonic seconds."""

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call once, at that time."""


@final
class Trace:
    """What is kept of one user."""

    def __init__(self, user: Aor, actor: str) -> None:
        self.user: Final = user
        """Who is traced."""
        self.actor = actor
        """The token that had it begin to run; empty: none."""
        self.hint: Final = user.user.encode(errors="surrogateescape")
        """What a message about the user contains, unless it has escapes."""
        self.ring: Final = Ring()
        self.ends = 0.0
        """Until when it runs (monotonic seconds)."""
        self.forgotten_at = 0.0
        """When nothing of it is kept any more."""
        self.viewers: set[asyncio.Event] = set()
        """Set when there is something new, or the trace has ended."""


class Traces:
    """All traces of a server."""

    def __init__(self, loop: Loop, switched: Callable[[], None]) -> None:
        """Nobody is traced.

        Args:
            loop: what calls back.
            switched: told when the first trace begins to run, and when the last one has ended.
        """
        self._loop = loop
        self._switched = switched
        self._traces: dict[Aor, Trace] = {}
        self._running: tuple[Trace, ...] = ()
        self._timer: Timer | None = None
        self._is_closed = False
        self.counts = {"traces": 0, "traces_refused": 0, "messages": 0, "decisions": 0, "lost": 0}
        """Traces begun, and refused as there were too many; what was kept; what made room."""

    @property
    def running(self) -> tuple[Trace, ...]:
        """Those that run."""
        return self._running

    def has_room(self, user: Aor, actor: str = "") -> bool:
        """Whether a trace of somebody may begin; a refusal is counted."""
        self._end_due(self._loop.time())
        others = len(self._traces) - (user in self._traces)
        of_actor = sum(one.actor == actor and one.user != user for one in self._running)
        has_share = not actor or of_actor < MAX_TRACES_OF_TOKEN
        may = not self._is_closed and has_share and (others < MAX_TRACES or self._has_ended())
        self.counts["traces_refused"] += not may
        return may

    def begin(self, user: Aor, seconds: float, actor: str = "") -> Trace | None:
        """Trace a user from now on; None when there is no room for that.

        Args:
            user: who.
            seconds: for how long, at most `MAX_SECONDS`; 0 only shows what there is.
            actor: the token that asks; empty where there are none.
        """
        if not self.has_room(user, actor):
            return None
        now = self._loop.time()
        trace = self._traces.get(user)
        if trace is None:
            if len(self._traces) >= MAX_TRACES:
                self._make_room()
            trace = self._traces[user] = Trace(user, actor)
            self.counts["traces"] += 1
        elif trace not in self._running:
            trace.actor = actor
        trace.ends = max(trace.ends, now + min(seconds, MAX_SECONDS))
        trace.forgotten_at = trace.ends + MAX_AGE
        self._changed(now)
        return trace

    def left(self, trace: Trace, viewer: asyncio.Event) -> None:
        """Somebody looks on no longer; a trace that nobody looks at ends."""
        trace.viewers.discard(viewer)
        if not trace.viewers:
            now = self._loop.time()
            trace.ends = min(trace.ends, now)
            trace.forgotten_at = trace.ends + MAX_AGE
            self._end_due(now)

    def about(self, users: Iterable[Aor]) -> Iterator[Trace]:
        """The traces that run of any of these."""
        for user in users:
            trace = self._traces.get(user)
            if trace is not None and trace in self._running:
                yield trace

    def add(self, trace: Trace, entry: Entry) -> None:
        """Keep an entry, and have viewers see it."""
        self.counts["decisions" if isinstance(entry, Decided) else "messages"] += 1
        lost = trace.ring.lost
        trace.ring.add(entry)
        self.counts["lost"] += trace.ring.lost - lost
        for viewer in trace.viewers:
            viewer.set()

    def _has_ended(self) -> bool:
        return len(self._running) < len(self._traces)

    def _make_room(self) -> None:
        """Forget the trace that ended first."""
        ended = (one for one in self._traces.values() if one not in self._running)
        del self._traces[min(ended, key=lambda one: one.ends).user]

    def _end_due(self, now: float) -> None:
        """End and forget what is due."""
        for trace in list(self._traces.values()):
            if trace.forgotten_at <= now:
                del self._traces[trace.user]
        self._changed(now)

    def _changed(self, now: float) -> None:
        """Have those run that should, and come back when the next one ends."""
        before = self._running
        self._running = tuple(one for one in self._traces.values() if one.ends > now)
        for trace in before:
            if trace not in self._running:
                for viewer in trace.viewers:
                    viewer.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = [one.ends if one.ends > now else one.forgotten_at for one in self._traces.values()]
        if due:
            self._timer = self._loop.call_at(min(due), self._come_back)
        if bool(before) != bool(self._running):
            self._switched()

    def _come_back(self) -> None:
        self._timer = None
        self._end_due(self._loop.time())

    def close(self) -> None:
        """End all of them, and begin no more."""
        self._is_closed = True
        for trace in self._traces.values():
            trace.ends = trace.forgotten_at = 0.0
        self._end_due(self._loop.time())
