"""How far imports are, written to the store, the newest only."""

import asyncio
from collections.abc import Callable, Collection, Sequence

from dfks_rules.app.imports.keeping import Kept
from dfks_rules.errors import StoreError
from dfks_rules.operations.imports import Job, Refusal

RETRY = 1.0
"""Seconds after which it is tried again."""

_Batch = list[tuple[Job, list[Refusal]]]


class Notes:
    """Notes one after the other; nobody waits for them who does not ask."""

    def __init__(self, kept: Kept, lose: Callable[[Collection[str]], None]) -> None:
        """There is nothing to write yet.

        Args:
            kept: where they go.
            lose: told of imports that this server must not go on with.
        """
        self._kept = kept
        self._lose = lose
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, tuple[Job, list[Refusal]]] = {}
        self._is_writing = False
        self._has_ended = False
        self._is_calm = asyncio.Event()
        self._is_calm.set()

    def note(self, job: Job, refusals: Sequence[Refusal] = ()) -> None:
        """Write it soon."""
        _, earlier = self._waiting.get(job.id, (job, []))
        self._waiting[job.id] = (job, [*earlier, *refusals])
        self._is_calm.clear()
        self._write()

    async def settled(self) -> None:
        """Wait until all of it is durable."""
        await self._is_calm.wait()

    def end(self) -> None:
        """Write what there is, and try no more: the store is closed soon."""
        self._has_ended = True

    def _write(self) -> None:
        if self._is_writing or not self._waiting:
            return
        self._is_writing = True
        batch: _Batch = list(self._waiting.values())
        self._waiting = {}

        def done(error: StoreError | None, lost: Collection[str]) -> None:
            self._is_writing = False
            if error is None:
                for id_ in lost:
                    self._waiting.pop(id_, None)
                self._lose(lost)
                if self._waiting:
                    self._write()
                else:
                    self._is_calm.set()
                return
            for job, refusals in batch:
                newer, later = self._waiting.get(job.id, (job, []))
                self._waiting[job.id] = (newer, [*refusals, *later])
            # Fenced: another server goes on with it. Otherwise the store may come back.
            if error.code != "store_fenced" and not (self._has_ended or self._loop.is_closed()):
                self._loop.call_later(RETRY, self._write)

        self._kept.write(batch, done)
