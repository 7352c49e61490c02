"""Which store a command is about: the one that the settings name."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dfks_rules.config import load_config
from dfks_rules.errors import StoreError

_DEFAULT = Path("dfks.yaml")
_Command = TypeVar("_Command", bound=Callable[..., Any])


def config_option(command: _Command) -> _Command:
    """The option `--config`, which a command gets as `given`."""
    return click.option(
        "--config",
        "given",
        type=click.Path(path_type=Path),
        help="Settings file of the server; default: ./dfks.yaml if it exists.",
    )(command)


def store_of(given: Path | None) -> Path:
    """The file of the store.

    Raises:
        ConfigError: the settings are wrong.
        StoreError: `store_in_memory`: they name none.
    """
    # A dangling link is a mistake to report, not a missing file.
    file = given or (_DEFAULT if os.path.lexists(_DEFAULT) else None)
    store = load_config(file).store
    if store is None:
        message = "the settings keep states in memory only (`store: memory:`)"
        raise StoreError("store_in_memory", message)
    return store
