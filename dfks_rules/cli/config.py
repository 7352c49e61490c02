"""`dfks config`: check the settings, and show which hold."""

from pathlib import Path

import click

from dfks_rules.config import load_config

_DEFAULT = Path("dfks.yaml")


@click.group()
def command() -> None:
    """Check the settings, and show which hold."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path), default=_DEFAULT)
def check(file: Path) -> None:
    """Check FILE (dfks.yaml), and the environment. Exit code 3 when something is wrong."""
    load_config(file)
    click.echo(f"{file}: good")


@command.command()
@click.argument("file", type=click.Path(path_type=Path), default=_DEFAULT)
def show(file: Path) -> None:
    """Show each setting that holds, and where it came from."""
    for key, value, origin in load_config(file).settings:
        shown = "********" if key.endswith(".secret") else value
        text = ", ".join(map(str, shown)) if isinstance(shown, list) else str(shown)
        click.echo(f"{key} = {text}  # {origin}")
