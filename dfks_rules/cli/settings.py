"""Which settings a command goes by: those of `--config`, else those in the current folder."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dfks_rules.config import Config, load_config

DEFAULT = Path("dfks.yaml")
"""The file that is taken where none is named."""
_Command = TypeVar("_Command", bound=Callable[..., Any])


def config_option(command: _Command) -> _Command:
    """The option `--config`, which a command gets as `given`."""
    return click.option(
        "--config",
        "given",
        type=click.Path(path_type=Path),
        help="Settings file of the server; default: ./dfks.yaml if it exists.",
    )(command)


def settings_file(given: Path | None) -> Path | None:
    """The file of settings; None where there is none, so that the defaults hold."""
    # A dangling link is a mistake to report, not a missing file.
    return given or (DEFAULT if os.path.lexists(DEFAULT) else None)


def config_of(given: Path | None) -> Config:
    """The settings of a command.

    Raises:
        ConfigError: they cannot be read, or are wrong.
    """
    return load_config(settings_file(given))
