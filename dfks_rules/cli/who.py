"""`dfks who`: who forwards calls, and what to."""

import asyncio
import json
from collections import Counter

import click

from dfks_rules.cli.api import api_options
from dfks_rules.cli.tables import lines_of
from dfks_rules.web.client import ApiClient

_SHOWN = ("presentity", "feature", "forwardTo", "class", "reach", "number", "country")


@click.command(name="who")
@click.option("--outside", is_flag=True, help="Only those whose calls leave the domain.")
@click.option("--domain", help="Only of this domain.")
@click.option("--class", "class_", help="Only targets of this class: premium, international, …")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object on each line.")
@api_options
def command(
    api: ApiClient, domain: str | None, class_: str | None, *, outside: bool, as_json: bool
) -> None:
    """Show who forwards calls now, where to, and what that is by the number plan in force."""
    query: dict[str, str | int] = {"limit": 500}
    if outside:
        query["outside"] = "true"
    if domain is not None:
        query["domain"] = domain
    if class_ is not None:
        query["class"] = class_
    classes = asyncio.run(_show(api, query, as_json=as_json))
    parts = ", ".join(f"{count} {name}" for name, count in sorted(classes.items()))
    total = sum(classes.values())
    if total:
        click.echo(f"{total} {'forward' if total == 1 else 'forwards'}: {parts}", err=True)
    else:
        click.echo("no forwards", err=True)


async def _show(api: ApiClient, query: dict[str, str | int], *, as_json: bool) -> Counter[str]:
    """Print every forward; how many there are of each class."""
    classes: Counter[str] = Counter()
    rows = []
    async with api:
        async for forward in api.pages("/v1/forwards", query):
            classes[forward["class"] or "without a target"] += 1
            if as_json:
                click.echo(json.dumps(forward))
            else:
                rows.append({name: forward[name] for name in _SHOWN})
    if rows:
        click.echo("\n".join(lines_of(rows)))
    return classes
