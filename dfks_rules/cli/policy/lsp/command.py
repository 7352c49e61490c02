"""`dfks policy lsp`: the language server for editors."""

import click


@click.command("lsp")
@click.option("--stdio", is_flag=True, hidden=True, help="As clients add it; there is no other.")
def command(*, stdio: bool) -> None:
    """Serve an editor: findings, completion, help, definitions and renaming in policy files.

    Speaks the language server protocol on standard input and output, and ends with its client.
    """
    del stdio
    try:
        # Only who has an editor attached needs the library, and its time to load.
        from dfks_rules.cli.policy.lsp.server import make_server
    except ModuleNotFoundError as error:
        if error.name not in ("pygls", "lsprotocol"):
            raise
        message = "the language server needs the extra `lsp`: `pip install 'dfks-rules[lsp]'`"
        raise click.ClickException(message) from error
    make_server().start_io()
