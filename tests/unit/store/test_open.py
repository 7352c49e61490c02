"""The setting that names the store."""

import asyncio
from pathlib import Path

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.store.memory import MemoryStore
from dfks_rules.store.open import open_store
from dfks_rules.store.sqlite import SqliteStore


async def test_open_store_gives_the_store_that_the_url_names(tmp_path: Path) -> None:
    """`memory:` for trials, `sqlite:PATH` for service."""
    loop = asyncio.get_running_loop()
    assert isinstance(open_store("memory:", loop), MemoryStore)
    store = open_store(f"sqlite:{tmp_path}/a/b.db", loop)
    store.close()
    assert isinstance(store, SqliteStore)
    assert (tmp_path / "a" / "b.db").exists()


@pytest.mark.parametrize(
    "url", ["", "sqlite", "sqlite:", "memory", "memory:x", "postgres://x", "/x.db"]
)
async def test_open_store_refuses_other_urls(url: str) -> None:
    """A slip must not end in a store that forgets, or in a file of a strange name."""
    with pytest.raises(StoreError) as raised:
        open_store(url, asyncio.get_running_loop())
    assert raised.value.code == "store_unknown_url"
