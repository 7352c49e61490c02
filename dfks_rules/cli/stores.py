"""Which store a command is about: the one that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dfks_rules.cli.settings import config_of
from dfks_rules.config import Config
from dfks_rules.errors import StoreError
from dfks_rules.service.ports import Journal
from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.postgres.journal import PostgresJournal
from dfks_rules.store.reader import open_journal


def store_of(given: Path | None) -> Path:
    """The file of the store.

    Raises:
        ConfigError: the settings are wrong.
        StoreError: `store_in_memory`, `store_shared`: they name none.
    """
    return _file_of(config_of(given))


def _file_of(config: Config) -> Path:
    """The file of the store.

    Raises:
        StoreError: see `store_of`.
    """
    if config.cluster is not None:
        message = "the settings name a database, not a file: use its own tools, such as pg_dump"
        raise StoreError("store_shared", message)
    if config.store is None:
        message = "the settings keep states in memory only (`store: memory:`)"
        raise StoreError("store_in_memory", message)
    return config.store


@asynccontextmanager
async def journal_of(config: Config) -> AsyncIterator[Journal]:
    """The journal of the store, for as long as the block lasts; no server need run.

    Raises:
        StoreError: it cannot be read; `store_in_memory`: there is none.
    """
    if config.cluster is None:
        with open_journal(_file_of(config)) as journal:
            yield journal
        return
    engine = PostgresEngine(config.cluster.url, "history")
    try:
        await engine.check()
        yield PostgresJournal(engine)
    finally:
        await engine.close()
