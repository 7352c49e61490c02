"""`dfks schema`: the JSON Schemas that editors use to complete and check files."""

import click

from dfks_rules.config.schema import schema_file

NAMES = {
    "policy": "policy",
    "cases": "policy-test",
    "exception": "exception",
    "proofs": "policy-proof",
    "config": "config",
    "directory": "directory",
    "number-plan": "number-plan",
    "list": "list",
    "vars": "vars",
    "profiles": "profiles",
    "bridge": "bridge",
}
"""Kind of file → the file name of its schema."""


@click.command(name="schema")
@click.argument("kind", type=click.Choice(list(NAMES)))
def command(kind: str) -> None:
    """Print the JSON Schema of a kind of file."""
    click.echo(text_of(f"{NAMES[kind]}.schema.json"), nl=False)


def text_of(name: str) -> str:
    """The text of a schema, by its file name."""
    found = schema_file(name.removesuffix(".schema.json"))
    if not found.is_file():
        raise click.ClickException(f"this version has no schema `{name}`")
    return found.read_text(encoding="utf-8")
