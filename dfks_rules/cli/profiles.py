"""`dfks profiles`: which profile a phone gets."""

from pathlib import Path

import click

from dfks_rules.cli.settings import config_of, config_option
from dfks_rules.config.profiles import read_profiles
from dfks_rules.presence.profile import Profiles
from dfks_rules.yaml.scalar import flow


@click.group()
def command() -> None:
    """Show which device profile a phone gets."""


@command.command()
@click.argument("user_agent")
@config_option
def match(user_agent: str, given: Path | None) -> None:
    """Show which profile a phone with this User-Agent gets, why, and its settings."""
    read = read_profiles(config_of(given).profiles)
    profile, pattern = Profiles(read.rows, read.default).find(user_agent)
    why = "no other profile matches" if pattern is None else f"it matches `{pattern}`"
    click.echo(f"{profile.name}: {why}  # {read.origins[profile.name]}")
    for key, value in read.settings[profile.name].items():
        click.echo(f"  {key}: {flow(value)}")
