"""The setting `store` → a store."""

import asyncio
import time
from pathlib import Path

from dfks_rules.errors import StoreError
from dfks_rules.model.afterwards import Afterwards
from dfks_rules.store.memory import MemoryStore
from dfks_rules.store.sqlite import SqliteStore


def open_store(
    url: str,
    loop: asyncio.AbstractEventLoop,
    start: str = "",
    keep_changes: float | None = None,
    group: str | None = None,
    afterwards: Afterwards | None = None,
) -> MemoryStore | SqliteStore:
    """The store named by `url`; its commits are settled on `loop`.

    Args:
        url: `memory:` or `sqlite:PATH`, e.g. `sqlite:/var/lib/dfks/features.db`.
        loop: The event loop on the thread that will use the store.
        start: What ids of this server's decisions begin with.
        keep_changes: How long changes stay in the journal, s; None: for ever.
        group: The group that may read the file; None: nobody else may.
        afterwards: See `SqliteStore`.

    Raises:
        StoreError: `store_unknown_url`, or why the file cannot be used (see `Database`).
    """
    if url == "memory:":
        return MemoryStore(time.monotonic)
    kind, _, path = url.partition(":")
    if kind == "sqlite" and path:
        return SqliteStore(
            Path(path),
            loop,
            start=start,
            keep_changes=keep_changes,
            group=group,
            afterwards=afterwards,
        )
    raise StoreError("store_unknown_url", f"unknown store `{url}`: `memory:` or `sqlite:PATH`")
