"""Tracing as a whole: is off, and costs nothing, until somebody traces or HEP is exported."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from dfks_rules.operations.traces import TraceRequest
from dfks_rules.tracing.export import HepExport, HepTarget
from dfks_rules.tracing.ring import MAX_AGE, Ring
from dfks_rules.tracing.streams import Renders, renderer_of
from dfks_rules.tracing.tap import Tap
from dfks_rules.tracing.traces import Trace, Traces

PAUSE = 0.1
"""Seconds between two pieces that somebody is sent: what comes meanwhile goes in one."""
PORTION = 50
"""Most entries that are rendered at a time, which takes about 0.5 ms."""
PORTION_BYTES = 65_536
"""Bytes of entries after which no more are rendered at a time."""
REST = 15.0
"""Seconds without anything new after which a client is told that the trace goes on."""


class Tracing:
    """Who is traced, and who looks on; made inside a running event loop."""

    def __init__(
        self,
        observe: Callable[[Tap | None], None],
        clock: Callable[[], float],
        start: str,
        target: HepTarget | None = None,
    ) -> None:
        """Nobody is traced.

        Args:
            observe: has a tap given each message and decision, or nobody; also told so when it is
                made.
            clock: seconds since 1970.
            start: what the ids of decisions begin with.
            target: where everything is exported to; None for nowhere.
        """
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._traces = Traces(self._loop, self._switch)
        self._export = None if target is None else HepExport(target, self._loop)
        self._tap = Tap(self._loop, self._traces, self._export, clock, start)
        self._clock = clock
        self._viewers = 0
        self.rest = REST
        """See `REST`."""
        self._switch()

    def _switch(self) -> None:
        """Look at messages, or leave them alone."""
        is_on = self._export is not None or bool(self._traces.running)
        self._observe(self._tap if is_on else None)

    @property
    def counts(self) -> Mapping[str, int]:
        """What was traced and exported so far, and who looks on now."""
        exported = {} if self._export is None else self._export.counts
        now = {"running": len(self._traces.running), "viewers": self._viewers}
        return {**self._traces.counts, **now, **self._tap.counts, **exported}

    def trace(self, request: TraceRequest) -> AsyncIterator[bytes] | None:
        """What passes between a user and the server, from the oldest that is kept on.

        Args:
            request: who, for how long, and as what.

        Returns:
            Pieces, which end when the time is over; None when too many are traced.
        """
        has_room = self._traces.has_room(request.user, request.actor)
        return self._pieces(request) if has_room else None

    async def _pieces(self, request: TraceRequest) -> AsyncIterator[bytes]:
        trace = self._traces.begin(request.user, request.seconds, request.actor)
        if trace is None:  # Others were faster.
            return
        viewer = asyncio.Event()
        trace.viewers.add(viewer)
        self._viewers += 1
        ends = self._loop.time() + request.seconds
        ring, shows = trace.ring, renderer_of(request.form, request.user.uri)
        known = request.after if request.after <= ring.last else 0
        ring.forget_before(self._clock() - MAX_AGE)
        try:
            yield shows.head()
            while known < ring.last or self._goes_on(trace, ends):
                viewer.clear()
                piece, known = _next_of(ring, known, shows, request.domains)
                if piece:
                    yield piece
                if known < ring.last:
                    await asyncio.sleep(0)
                elif not await self._is_news(viewer, ends) and (rest := shows.rest()):
                    yield rest
            yield shows.end()
        finally:
            self._viewers -= 1
            self._traces.left(trace, viewer)

    def _goes_on(self, trace: Trace, ends: float) -> bool:
        return self._loop.time() < ends and trace in self._traces.running

    async def _is_news(self, viewer: asyncio.Event, ends: float) -> bool:
        """Wait until there is something new, or the time is over; False after a long rest."""
        left = ends - self._loop.time()
        try:
            async with asyncio.timeout(max(0.0, min(left, self.rest))):
                await viewer.wait()
                # What comes meanwhile goes in one piece.
                await asyncio.sleep(PAUSE)
        except TimeoutError:
            return viewer.is_set() or left <= self.rest
        return True

    def open(self) -> None:
        """Begin to export."""
        if self._export is not None:
            self._export.open()

    def end(self) -> None:
        """End all traces, and begin no more: whoever looks on would keep the server from going."""
        self._traces.close()

    async def close(self) -> None:
        """End everything."""
        self.end()
        if self._export is not None:
            await self._export.close()


def _next_of(
    ring: Ring, known: int, shows: Renders, domains: frozenset[str] | None
) -> tuple[bytes, int]:
    """The entries that follow, rendered, and the number of the last of them."""
    first, entries = ring.after(known, PORTION)
    if not entries:
        return b"", max(known, ring.last)
    lost = first - known - 1 if known else 0
    pieces = [shows.gap(lost)] if lost else []
    last, size = first, 0
    for last, entry in enumerate(entries, first):
        if domains is None or entry.domains <= domains:
            pieces.append(shows.entry(last, entry))
            size += entry.size
            if size > PORTION_BYTES:
                break
    return b"".join(pieces), last
