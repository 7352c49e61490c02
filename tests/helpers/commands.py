"""Commands that ask a server, which runs in the loop of the test."""

import asyncio

from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks


async def run(url: str, *arguments: str, stdin: bytes | None = None) -> Result:
    """Run `dfks` in a thread, so that the server can answer."""
    return await asyncio.to_thread(
        CliRunner().invoke, dfks, [*arguments, "--url", url], input=stdin
    )
