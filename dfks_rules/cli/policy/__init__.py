"""`dfks policy`: the commands for authors of policies, one file per command.

Belongs here: options, output, exit codes.
Never here: what a policy means (`policy`), what the running server does (`app`, by MI).
May import: everything below `cli`.
"""

import click

from dfks_rules.cli.lazy import LazyGroup

COMMANDS: dict[str, str] = {
    "check": "dfks_rules.cli.policy.check",
    "bench": "dfks_rules.cli.policy.bench",
    "diff": "dfks_rules.cli.policy.diff",
    "fmt": "dfks_rules.cli.policy.fmt",
    "prove": "dfks_rules.cli.policy.prove",
    "rollout": "dfks_rules.cli.policy.rollout",
    "eval": "dfks_rules.cli.policy.eval",
    "explain": "dfks_rules.cli.policy.explain",
    "from-opensips": "dfks_rules.cli.policy.from_opensips",
    "lsp": "dfks_rules.cli.policy.lsp.command",
    "new": "dfks_rules.cli.policy.new",
    "next": "dfks_rules.cli.policy.next",
    "test": "dfks_rules.cli.policy.test",
    "try": "dfks_rules.cli.policy.try_",
}
"""Name of a command → its module, which has a click command named `command`."""


@click.group(cls=LazyGroup, modules=COMMANDS)
def command() -> None:
    """Check, test, prove, explain, compare, format and roll out policy files."""
