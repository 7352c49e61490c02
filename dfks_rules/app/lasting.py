"""What outlives the process, where the store lasts: what begins with it, and ends with it."""

import asyncio
from collections.abc import Callable, Mapping

from dfks_rules.app.clock import scale_of
from dfks_rules.app.heartbeat import Heartbeat, read_clocks
from dfks_rules.app.restoring import Loading, Takes
from dfks_rules.model.identity import Aor
from dfks_rules.presence.setup import Keeping, ListenerAt
from dfks_rules.service.ports import DialogRow
from dfks_rules.store.life import Beat
from dfks_rules.store.sqlite import SqliteStore


class Lasting:
    """Goes on where the life before has ended, and notes where this one is."""

    def __init__(self, store: SqliteStore, loop: asyncio.AbstractEventLoop) -> None:
        """Find out what time it is."""
        self._store = store
        self._loop = loop
        reading = read_clocks(loop.time())
        self._scale = scale_of(reading, store.previous)
        store.go_by(self._scale.epoch)
        told = 0 if store.previous is None else store.previous.told
        self._heartbeat = Heartbeat(loop, store, self._scale, reading.boot_id, told)
        self._loading: Loading | None = None

    @property
    def counts(self) -> Mapping[str, int]:
        """See `Loading`."""
        return {} if self._loading is None else self._loading.counts

    def keeping(self, listener_at: ListenerAt) -> Keeping:
        """What subscriptions are kept with."""
        return Keeping(self._store, self._scale.epoch, listener_at)

    def begin(self, notifier: Takes, wake: Callable[[], None]) -> None:
        """Load the subscriptions of earlier lives; then begin to beat.

        Until then the last heartbeat is that of the life before: whatever ends this one meanwhile,
        the next one has to tell what this one had to. After a crash that is so until the rows of
        those who are to be told say so, which are written behind.

        Args:
            notifier: takes the subscriptions over.
            wake: called when it may have something to do.

        Raises:
            StoreError: they cannot be read.
        """
        previous, heartbeat = self.previous, self._heartbeat
        is_after_crash = previous is not None and not previous.is_clean
        begin = heartbeat.begin_later if is_after_crash else heartbeat.begin
        self._loading = Loading(self, notifier, wake, begin)
        self._loading.begin(self._loop.time())

    async def settled(self) -> None:
        """Wait until everything that was asked of the store until now is settled."""
        done = asyncio.Event()
        # In their order, so it is settled last.
        self._store.write((), (), lambda _is_stored: done.set())
        await done.wait()

    def end(self) -> None:
        """Note that everything is told to the store, which is closed next."""
        if self._loading is not None:
            self._loading.end()
        # What comes of a request that is under way is told, but no NOTIFY is repeated any more.
        self._heartbeat.end(is_clean=not self._store.has_requests)

    @property
    def previous(self) -> Beat | None:
        """When the server lived last before this life; None: never."""
        return self._store.previous

    def read(self, before: int, at_most: int) -> list[DialogRow]:
        """Rows with numbers below `before`, the highest first."""
        return self._store.read(before, at_most)

    def changed_since(self, seq: int) -> frozenset[Aor]:
        """Whose features have changed since this change in the journal."""
        return self._store.changed_since(seq)
