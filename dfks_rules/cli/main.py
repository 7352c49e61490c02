"""The group of all commands, and the only place where errors become exit codes."""

import json
import sys
from collections.abc import Iterator

import click

from dfks_rules import __version__
from dfks_rules.cli.compiled import advice
from dfks_rules.cli.exit_codes import exit_code_of
from dfks_rules.cli.lazy import LazyGroup
from dfks_rules.errors import DfksError
from dfks_rules.mi.errors import CallError
from dfks_rules.policy.words.wording import printable

COMMANDS = {
    "auth": "dfks_rules.cli.auth",
    "bridge": "dfks_rules.cli.bridge",
    "cluster": "dfks_rules.cli.cluster",
    "completion": "dfks_rules.cli.completion",
    "config": "dfks_rules.cli.config",
    "decisions": "dfks_rules.cli.decisions",
    "health": "dfks_rules.cli.health",
    "delete": "dfks_rules.cli.delete",
    "export": "dfks_rules.cli.export",
    "history": "dfks_rules.cli.history",
    "import": "dfks_rules.cli.import_",
    "init": "dfks_rules.cli.init",
    "mi": "dfks_rules.cli.mi",
    "policy": "dfks_rules.cli.policy",
    "phone": "dfks_rules.cli.phone",
    "profiles": "dfks_rules.cli.profiles",
    "schema": "dfks_rules.cli.schema",
    "serve": "dfks_rules.cli.serve",
    "store": "dfks_rules.cli.store",
    "token": "dfks_rules.cli.token",
    "top": "dfks_rules.cli.top",
    "trace": "dfks_rules.cli.trace",
    "webhook": "dfks_rules.cli.webhook",
    "who": "dfks_rules.cli.who",
}
"""Name of a command → its module, which has a click command named `command`."""


@click.group(
    cls=LazyGroup, modules=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="dfks")
def dfks() -> None:
    """Keep the feature keys of SIP phones in step with the network, decided by YAML policies."""


def main() -> None:
    """Run `dfks`; known errors go to stderr and set the exit code."""
    if told := advice():
        click.echo(f"dfks: {told}", err=True)
    try:
        dfks()
    except (DfksError, CallError) as error:
        lines = _lines(error) if isinstance(error, CallError) else str(error).split("\n")
        # Text from a server or a file may contain terminal control characters.
        click.echo("\n".join(map(printable, lines)), err=True)
        sys.exit(exit_code_of(error))


def _lines(error: CallError) -> Iterator[str]:
    """An error as lines: the message, then one line for each detail from a server."""
    if not isinstance(error.data, dict):
        yield f"dfks: {error}"
        return
    yield f"dfks: {error.code} {error.message}"
    for name, value in error.data.items():
        if isinstance(value, list):
            yield from (f"  {entry}" for entry in value)
        else:
            yield f"  {name}: {value if isinstance(value, str) else json.dumps(value)}"
