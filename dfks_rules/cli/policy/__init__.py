"""`dfks policy`: everything an author does with policy files, one file a command.

Belongs here: options, output, exit codes. Never here: what a policy means (`policy`), what the
running server does (`app`, by MI). May import: everything below `cli`.
"""

import click

from dfks_rules.cli.lazy import LazyGroup

COMMANDS: dict[str, str] = {
    "bench": "dfks_rules.cli.policy.bench",
    "diff": "dfks_rules.cli.policy.diff",
    "fmt": "dfks_rules.cli.policy.fmt",
}
"""Name of a command → its module, which holds a click command named `command`."""


@click.group(cls=LazyGroup, modules=COMMANDS)
def command() -> None:
    """Check, test, explain, compare and format policy files."""
