"""Which store a command is about: the one that the settings name."""

from pathlib import Path

from dfks_rules.cli.settings import config_of
from dfks_rules.errors import StoreError


def store_of(given: Path | None) -> Path:
    """The file of the store.

    Raises:
        ConfigError: the settings are wrong.
        StoreError: `store_in_memory`: they name none.
    """
    store = config_of(given).store
    if store is None:
        message = "the settings keep states in memory only (`store: memory:`)"
        raise StoreError("store_in_memory", message)
    return store
