"""The setting `store` → a store."""

import asyncio
import time
from pathlib import Path

from dfks_rules.errors import StoreError
from dfks_rules.service.ports import Store
from dfks_rules.store.memory import MemoryStore
from dfks_rules.store.sqlite import SqliteStore


def open_store(url: str, loop: asyncio.AbstractEventLoop) -> Store:
    """The store named by `url`; its commits are settled on `loop`.

    Args:
        url: `memory:` or `sqlite:PATH`, e.g. `sqlite:/var/lib/dfks/features.db`.
        loop: The event loop on the thread that will use the store.

    Raises:
        StoreError: `store_unknown_url`, or why the file cannot be used (see `Database`).
    """
    if url == "memory:":
        return MemoryStore(time.monotonic)
    kind, _, path = url.partition(":")
    if kind == "sqlite" and path:
        return SqliteStore(Path(path), loop)
    raise StoreError("store_unknown_url", f"unknown store `{url}`: `memory:` or `sqlite:PATH`")
