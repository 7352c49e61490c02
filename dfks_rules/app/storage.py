"""The store of a server, and what begins and ends with it."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from dfks_rules.app.answers import answers_of
from dfks_rules.app.lasting import Lasting
from dfks_rules.app.operations import Keeping
from dfks_rules.app.restoring import Takes
from dfks_rules.app.states import page_of
from dfks_rules.config.settings import Config, OnStop
from dfks_rules.presence import setup
from dfks_rules.presence.setup import ListenerAt
from dfks_rules.store.open import open_store
from dfks_rules.store.sqlite import SqliteStore


class Storage:
    """Where states are kept, and subscriptions where the store lasts."""

    def __init__(self, config: Config, start: str) -> None:
        """Open the store.

        Args:
            config: every setting.
            start: what the ids of decisions begin with.

        Raises:
            StoreError: it cannot be opened.
        """
        loop = asyncio.get_running_loop()
        where = "memory:" if config.store is None else f"sqlite:{config.store}"
        self.store = open_store(where, loop, start, config.journal.keep, config.store_group)
        """Keeps the states."""
        self.lasts = self.store if isinstance(self.store, SqliteStore) else None
        """The same where it outlives the process; None where it does not."""
        self.lasting = None if self.lasts is None else Lasting(self.lasts, loop)
        """What begins and ends with a store that lasts."""
        self.keeps = self.lasts is not None and config.on_stop is OnStop.KEEP
        """Whether subscriptions go on after a stop."""

    @property
    def secret(self) -> bytes | None:
        """The same in all lives of the server; None where nothing lasts."""
        return None if self.lasts is None else self.lasts.secret

    def for_phones(self, listener_at: ListenerAt) -> setup.Keeping | None:
        """How subscriptions are kept; None where they are not."""
        return None if self.lasting is None else self.lasting.keeping(listener_at)

    def for_operators(self, at: Callable[[], datetime]) -> Keeping:
        """What operators can read of what is kept; `at` gives the time."""
        answers, store = answers_of(self.lasts, at), self.store
        if isinstance(store, SqliteStore):
            return Keeping(
                partial(page_of, store), lambda: store.is_failing, answers, store.journal
            )
        in_memory = store.page
        return Keeping(lambda *asked: asyncio.to_thread(in_memory, *asked), lambda: False, answers)

    @property
    def is_failing(self) -> bool:
        """Whether what is asked for now would probably not be stored."""
        return self.lasts is not None and self.lasts.is_failing

    def begin(self, notifier: Takes, wake: Callable[[], None]) -> None:
        """Go on where the life before has ended; see `Lasting.begin`."""
        if self.lasting is not None:
            self.lasting.begin(notifier, wake)

    async def settled(self) -> None:
        """Wait until everything that was asked of it is settled."""
        if self.lasting is not None:
            await self.lasting.settled()

    def close(self) -> None:
        """Note that this life has ended, and close the store."""
        if self.lasting is not None:
            self.lasting.end()
        self.store.close()
