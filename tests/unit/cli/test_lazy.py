"""A group that imports its commands when they are used."""

import sys

import click
from click.testing import CliRunner

from dfks_rules.cli.lazy import LazyGroup


def test_a_command_is_imported_only_when_it_is_used() -> None:
    """Listing the commands must not pay for each of them."""
    group = LazyGroup("x", modules={"a": "dfks_rules.cli.config", "b": "no.such.module"})
    result = CliRunner().invoke(group, ["a", "--help"])
    assert result.exit_code == 0
    assert "no.such.module" not in sys.modules


def test_an_unknown_command_is_none() -> None:
    """Click makes a usage error of it."""
    group = LazyGroup("x", modules={})
    assert group.get_command(click.Context(group), "a") is None
