"""`dfks cluster`: the nodes that share a store."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import click

from dfks_rules.cli.api import api_options
from dfks_rules.cli.following import keep_looking
from dfks_rules.errors import DfksError
from dfks_rules.policy.words.wording import printable
from dfks_rules.web.client import ApiClient

EVERY = 1.0
"""Seconds between two looks of `--follow`."""
TAKEN = 5.0
"""Seconds after the lease of a dead node by which others have taken over what it had."""
SKEW = 2.0
"""Seconds by which clocks may differ: policies go by local time."""
_HEAD = ("node", "state", "lease", "cohorts", "subscriptions", "lag", "clock", "policies")
_CLEAR = "\x1b[H\x1b[2J"


@click.group(invoke_without_command=True)
@click.option("--all", "is_all", is_flag=True, help="Also lives that ended within the last hour.")
@click.option("--follow", "is_following", is_flag=True, help="Look every second until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object on each line.")
@api_options
@click.pass_context
def command(
    context: click.Context, api: ApiClient, *, is_all: bool, is_following: bool, as_json: bool
) -> None:
    """Show the nodes that share the store: which serve, and how they keep up.

    Any node may be asked.
    """
    if context.invoked_subcommand is not None:
        context.obj = api
        return

    def show() -> None:
        rows = _ask(api, "GET", "")
        shown = [one for one in rows if is_all or one["state"] != "dead" or _is_left(one)]
        if as_json:
            click.echo("".join(json.dumps(one) + "\n" for one in shown), nl=False)
            return
        lines = [*_table(shown), *(f"! {note}" for note in _notes(shown))]
        click.echo("\n".join(map(printable, lines)))

    if not is_following:
        show()
        return

    def look() -> None:
        if sys.stdout.isatty() and not as_json:
            click.echo(_CLEAR, nl=False)
        try:
            show()
        except DfksError as error:
            # It may be the node that has just stopped.
            click.echo(printable(f"! {error}"), err=True)

    keep_looking(look, EVERY)


@command.command()
@click.argument("node", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object on each line.")
@click.pass_obj
def drain(api: ApiClient, node: str | None, *, as_json: bool) -> None:
    """Have NODE, or the node that is asked, take no new subscriptions until it stops."""
    drained = _ask(api, "POST", "/drain", {} if node is None else {"node": node})
    for one in drained:
        count = one["subscriptions"]
        go_on = "subscription goes on" if count == 1 else "subscriptions go on"
        text = f"{one['name']} drains: {count:,} {go_on} until it stops"
        click.echo(json.dumps(one) if as_json else printable(text))


def _ask(api: ApiClient, method: str, path: str, body: Any = None) -> list[Any]:
    async def ask() -> list[Any]:
        async with api:
            told = await api.ask(method, f"/v1/cluster{path}", body=body)
            items: list[Any] = told["items"]
            return items

    return asyncio.run(ask())


def _table(rows: Sequence[Any]) -> Iterator[str]:
    cells = [_HEAD, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        name, state, *figures, policies = (
            cell.ljust(width) if place in (0, 1, len(widths) - 1) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join((name, state, *figures, policies)).rstrip()


def _cells(one: Any) -> tuple[str, ...]:
    return (
        one["name"] + ("*" if one["isThis"] else ""),
        one["state"],
        "-" if one["state"] == "dead" else f"{one['lease']:.1f} s",
        f"{one['cohorts']:,}",
        f"{one['subscriptions']:,}",
        f"{one['lag']:,}",
        f"{one['skew']:+.3f} s",
        one["policies"] or "-",
    )


def _is_left(one: Any) -> bool:
    """Whether nobody has taken over what a dead node had."""
    return bool(one["state"] == "dead" and one["cohorts"] and one["lease"] < -TAKEN)


def _notes(rows: Sequence[Any]) -> Iterator[str]:
    """What an operator should know of."""
    living = [one for one in rows if one["state"] != "dead"]
    for one in rows:
        if _is_left(one):
            count = one["cohorts"]
            left = "1 cohort" if count == 1 else f"{count} cohorts"
            yield f"{one['name']} is dead, and no node has taken over {left} of it yet"
        elif one["state"] == "late":
            yield f"the lease of {one['name']} ended {-one['lease']:.1f} s ago"
        if abs(one["skew"]) > SKEW and one["state"] != "dead":
            yield f"the clock of {one['name']} is {one['skew']:+.1f} s from the database's"
    names = Counter(one["name"] for one in living if one["state"] != "late")
    for name, count in names.items():
        if count > 1:
            yield f"{count} living nodes are named {name}"
    for what in ("policies", "release"):
        if len(said := {one[what] for one in living if one[what]}) > 1:
            yield f"nodes have different {what}: {', '.join(sorted(said))}"
