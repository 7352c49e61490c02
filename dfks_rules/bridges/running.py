"""A bridge at work: listens to both sides until it is stopped."""

import asyncio
import contextlib
from typing import NamedTuple

import structlog

from dfks_rules.bridges.counts import Counts
from dfks_rules.bridges.memory import Memory
from dfks_rules.bridges.numbering import Numbering
from dfks_rules.bridges.ports import Switch
from dfks_rules.bridges.server import Server, ServerAwayError
from dfks_rules.bridges.syncing import Syncer, wait_after
from dfks_rules.web.client import PLACE, Event

WAITING = 1_000
"""Most events and hints that wait; with more, the server keeps further events."""

_log = structlog.get_logger("dfks.bridge")
_GAP = "gap"


class Sweep(NamedTuple):
    """All extensions are to be compared."""

    is_full: bool


class Inbox:
    """What there is to do, in order: events, hints (extensions), sweeps."""

    def __init__(self) -> None:
        self._works: asyncio.Queue[Event | str | Sweep] = asyncio.Queue(WAITING)
        self._hinted: set[str] = set()
        self._sweeps: set[Sweep] = set()

    def hint(self, extension: str) -> None:
        """An extension has changed at the switch; once is enough until it is looked at."""
        if extension not in self._hinted:
            if self._works.full():
                return self.sweep(Sweep(is_full=False))
            self._hinted.add(extension)
            self._works.put_nowait(extension)
        return None

    def sweep(self, sweep: Sweep) -> None:
        """Compare all, soon; where the inbox is full, it is asked for again at the next time."""
        if sweep not in self._sweeps and not self._works.full():
            self._sweeps.add(sweep)
            self._works.put_nowait(sweep)

    async def event(self, event: Event) -> None:
        """The server tells of a change; waits while there is much to do."""
        await self._works.put(event)

    async def take(self) -> Event | str | Sweep:
        """The next work; what comes in from now on about the same is work anew."""
        work = await self._works.get()
        if isinstance(work, str):
            self._hinted.discard(work)
        elif isinstance(work, Sweep):
            self._sweeps.discard(work)
        return work


class Bridge(NamedTuple):
    """One bridge, ready to run."""

    server: Server
    switch: Switch
    memory: Memory
    numbering: Numbering
    counts: Counts
    inbox: Inbox
    every: float
    """Seconds between two sweeps."""

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            ApiError: the server will never let it work, e.g. for want of a token.
            DfksError: its memory cannot be used.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen())
                tasks.create_task(self._sweep_on())
                tasks.create_task(self._work())
        except BaseExceptionGroup as group:
            # The first one cancelled the others.
            raise group.exceptions[0] from None
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await self.switch.close()

    async def _listen(self) -> None:
        last, failures = self.memory.last_event, 0
        while True:
            try:
                async for event in self.server.events(self.numbering.domain, last):
                    failures = 0
                    last = event.id or last
                    await self.inbox.event(event)
                reason = "the stream of events ended"
            except ServerAwayError as error:
                reason = error.message
            self.counts.server_lost += 1
            failures += 1
            _log.warning("bridge_server_away", reason=reason)
            await asyncio.sleep(wait_after(failures))

    async def _sweep_on(self) -> None:
        # The first one is full: who knows what has changed while nobody looked.
        self.inbox.sweep(Sweep(is_full=True))
        while True:
            await asyncio.sleep(self.every)
            self.inbox.sweep(Sweep(is_full=False))

    async def _work(self) -> None:
        syncer = Syncer(self.server, self.switch, self.memory, self.numbering, self.counts)
        await syncer.connect()
        while True:
            await self._do(syncer, await self.inbox.take())
            if syncer.is_behind:
                # Hints are lost with the connection.
                await syncer.sweep(is_full=False)

    async def _do(self, syncer: Syncer, work: Event | str | Sweep) -> None:
        match work:
            case str():
                await syncer.hint(work)
            case Sweep(is_full):
                await syncer.sweep(is_full=is_full)
            case Event():
                if work.type == _GAP:
                    self.counts.gaps += 1
                    _log.warning("bridge_gap")
                    await syncer.sweep(is_full=True)
                    syncer.place(work.id)
                elif work.type == PLACE:
                    syncer.place(work.id)
                else:
                    await syncer.event(work.id, work.data)
