"""The group of all commands, and the one place where errors become exit codes."""

import importlib
import sys

import click

from dfks_rules import __version__
from dfks_rules.cli.exit_codes import exit_code_of
from dfks_rules.errors import DfksError
from dfks_rules.mi.errors import CallError

COMMANDS = {
    "config": "dfks_rules.cli.config",
    "mi": "dfks_rules.cli.mi",
    "phone": "dfks_rules.cli.phone",
    "serve": "dfks_rules.cli.serve",
}
"""Name of a command → its module, which holds a click command named `command`.

A module is imported when its command is used, so that `dfks mi` does not wait for the rule engine.
"""


class _Lazy(click.Group):
    """A group that imports a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dfks")
def dfks() -> None:
    """Keep the feature keys of SIP phones in step with the network, by YAML policies."""


def main() -> None:
    """Run `dfks`; errors of ours go to stderr, one line each, and set the exit code."""
    try:
        dfks()
    except (DfksError, CallError) as error:
        click.echo(f"dfks: {error}" if isinstance(error, CallError) else str(error), err=True)
        sys.exit(exit_code_of(error))
