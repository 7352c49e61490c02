"""`dfks webhook`: who is told by HTTP what happens."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import click

from dfks_rules.cli.api import api_options
from dfks_rules.operations.events import TYPES
from dfks_rules.policy.words.wording import printable
from dfks_rules.web.client import ApiClient

_json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")


@click.group()
def command() -> None:
    """Have other programs told by HTTP when features change."""


@command.command()
@click.argument("to", metavar="URL")
@click.option("--types", default="", help=f"Comma-separated, of {', '.join(TYPES)}.")
@click.option("--domains", default="", help="Comma-separated; default: all that the token sees.")
@click.option(
    "--coalesce", is_flag=True, help="When behind, send only the newest change of each user."
)
@_json_option
@api_options
def add(api: ApiClient, to: str, types: str, domains: str, coalesce: bool, as_json: bool) -> None:  # noqa: FBT001 - of click
    """Send what happens from now on to URL. The secret that signs it is shown only now."""
    body: dict[str, Any] = {"url": to, "coalesce": coalesce}
    for name, text in (("types", types), ("domains", domains)):
        if text:
            body[name] = [part.strip() for part in text.split(",") if part.strip()]
    _show_with_secret(_ask(api, "POST", "", body), as_json)


@command.command(name="list")
@_json_option
@api_options
def list_(api: ApiClient, as_json: bool) -> None:  # noqa: FBT001 - of click
    """Show webhooks, and whether deliveries succeed."""
    webhooks = _all(api, "")
    if not webhooks:
        click.echo("no webhooks", err=True)
    for one in webhooks:
        click.echo(json.dumps(one) if as_json else _line(one))


@command.command()
@click.argument("id_", metavar="ID")
@_json_option
@api_options
def test(api: ApiClient, id_: str, as_json: bool) -> None:  # noqa: FBT001 - of click
    """Send a test event to the webhook ID, once."""
    _show_try(_ask(api, "POST", f"/{id_}/test"), as_json)


@command.command()
@click.argument("id_", metavar="ID")
@_json_option
@api_options
def rotate(api: ApiClient, id_: str, as_json: bool) -> None:  # noqa: FBT001 - of click
    """Give the webhook ID a new secret; for 24 hours, the old one signs as well."""
    _show_with_secret(_ask(api, "POST", f"/{id_}/rotate"), as_json)


@command.command()
@click.argument("id_", metavar="ID")
@api_options
def remove(api: ApiClient, id_: str) -> None:
    """Send nothing to the webhook ID any more, and forget its dead letters."""
    _ask(api, "DELETE", f"/{id_}")
    click.echo(f"removed {id_}")


@command.command(name="set")
@click.argument("id_", metavar="ID")
@click.option("--on/--off", "is_active", default=None, help="Send, or send nothing for now.")
@click.option("--to", metavar="URL", help="Where to send.")
@api_options
def set_(api: ApiClient, id_: str, is_active: bool | None, to: str | None) -> None:  # noqa: FBT001 - of click
    """Change the webhook ID; what waits for it is tried at once."""
    body = {
        name: value for name, value in (("active", is_active), ("url", to)) if value is not None
    }
    if not body:
        raise click.UsageError("give --on, --off or --to")
    click.echo(_line(_ask(api, "PATCH", f"/{id_}", body)))


@command.command()
@click.argument("id_", metavar="ID")
@click.option("--retry", "number", metavar="NUMBER", help="Send this one again, once.")
@_json_option
@api_options
def dead(api: ApiClient, id_: str, number: str | None, as_json: bool) -> None:  # noqa: FBT001 - of click
    """Show what could not be delivered to the webhook ID, the newest first."""
    if number is not None:
        _show_try(_ask(api, "POST", f"/{id_}/dead/{number}/retry"), as_json)
        return
    letters = _all(api, f"/{id_}/dead")
    if not letters:
        click.echo("no dead letters", err=True)
    for one in letters:
        about = one["presentity"] or "-"
        text = f"{one['id']}  {one['at']}  {one['type']}  {about}  {one['tries']} tries: "
        click.echo(json.dumps(one) if as_json else printable(text + one["reason"]))


def _ask(api: ApiClient, method: str, path: str, body: Any = None) -> Any:
    async def ask() -> Any:
        async with api:
            return await api.ask(method, f"/v1/webhooks{path}", body=body)

    return asyncio.run(ask())


def _all(api: ApiClient, path: str) -> list[Any]:
    async def ask() -> list[Any]:
        async with api:
            items: AsyncIterator[Any] = api.pages(f"/v1/webhooks{path}")
            return [item async for item in items]

    return asyncio.run(ask())


def _show_with_secret(told: Mapping[str, Any], as_json: bool) -> None:  # noqa: FBT001 - of click
    click.echo(json.dumps(told) if as_json else f"{told['id']}  {told['secret']}")


def _show_try(told: Mapping[str, Any], as_json: bool) -> None:  # noqa: FBT001 - of click
    text = f"{told['result']}: {told['detail']} ({told['seconds']:g} s)"
    click.echo(json.dumps(told) if as_json else printable(text))
    if told["result"] != "delivered":
        raise click.exceptions.Exit(1)


def _line(one: Mapping[str, Any]) -> str:
    domains = ",".join(one["domains"] or ()) or "all domains"
    state = "on" if one["active"] else f"off: {one['offReason']}"
    text = (
        f"{one['id']}  {one['url']}  {','.join(one['types'])}  {domains}  {state}"
        f"  behind: {one['lag']:.0f} s, failing lanes: {one['failingLanes']}, dead: {one['dead']}"
    )
    return printable(text)
