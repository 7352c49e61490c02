"""`dfks delete`: somebody has left."""

import asyncio
import sys
from typing import Any
from urllib.parse import quote

import click

from dfks_rules.cli.api import api_options
from dfks_rules.policy.words.wording import printable
from dfks_rules.web.client import ApiClient


@click.command(name="delete")
@click.argument("presentity")
@click.option("--yes", is_flag=True, help="Do not ask; where there is no terminal, nobody asks.")
@api_options
def command(api: ApiClient, presentity: str, *, yes: bool) -> None:
    """Switch off all features of PRESENTITY and forget their values, if the policies allow it.

    Watchers are told. The journal keeps who did it, and what there was. Exit code 4 if a policy
    refuses; then nothing changes.
    """
    if not yes and sys.stdin.isatty():
        click.confirm(f"Delete the features of {presentity}?", abort=True)
    done = asyncio.run(_delete(api, presentity))
    if not done["results"]:
        click.echo(printable(f"{done['presentity']}: there was nothing to delete"))
        return
    features = ", ".join(one["feature"] for one in done["results"])
    click.echo(printable(f"{done['presentity']}: deleted {features}; revision {done['revision']}"))


async def _delete(api: ApiClient, presentity: str) -> Any:
    async with api:
        return await api.ask("DELETE", f"/v1/presentities/{quote(presentity, safe='')}")
