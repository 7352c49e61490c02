"""`dfks policy next`: what time will change for a user, if nobody touches anything."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from dfks_rules.app.desk.policies import load_policies
from dfks_rules.app.zone import local_zone, now_in
from dfks_rules.cli.api import client_of
from dfks_rules.cli.mi import exchange_for
from dfks_rules.cli.policy.asking import stored_of
from dfks_rules.cli.policy.served import Where
from dfks_rules.cli.tables import lines_of
from dfks_rules.errors import MalformedMessageError
from dfks_rules.mi.client import call
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.operations.coming import DEFAULT_HOURS, MOST_COMING, coming_told
from dfks_rules.policy.facts.view import NOWHERE
from dfks_rules.policy.studying.coming import MAX_HOURS, coming
from dfks_rules.policy.words.wording import printable
from dfks_rules.sip.uri import parse_aor
from dfks_rules.web.client import ApiClient

Told = Sequence[Mapping[str, Any]]
"""Changes, as `operations.coming.coming_told` has them."""


@click.command("next")
@click.argument("presentity")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--hours",
    type=click.IntRange(1, MAX_HOURS),
    default=DEFAULT_HOURS,
    show_default=True,
    help="How far ahead.",
)
@click.option("--stored", type=click.File("rb"), help="Facts about what is stored, for PATHS.")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    default=Path("dfks.yaml"),
    show_default=True,
    help="Settings file of the server that is asked.",
)
@click.option("--url", help="http://HOST:PORT of its HTTP API, or an address as for `dfks mi`.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    help="File with the token for its HTTP API; else DFKS_TOKEN in the environment.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object on each line.")
def command(
    presentity: str, paths: tuple[Path, ...], hours: int, *, as_json: bool, **options: Any
) -> None:
    """Show what time will change for PRESENTITY, if nobody touches anything.

    That is what expires, and what its own phone is shown from some moment on. A running server is
    asked, unless policies are given as PATHS.
    """
    aor = _aor(presentity)
    if paths:
        told: Told = _told_here(paths, aor, stored_of(options["stored"]), hours)
    else:
        where = Where(options["url"], options["config_file"], options["token_file"])
        told = _told_there(where, aor, hours)
    if as_json:
        for one in told:
            click.echo(json.dumps(one))
    elif told:
        click.echo("\n".join(lines_of([_row(one) for one in told])))
    else:
        click.echo(f"nothing changes within {hours} hours", err=True)


def _aor(text: str) -> Aor:
    try:
        return parse_aor(text)
    except MalformedMessageError as error:
        message = f"PRESENTITY: {error.message}"
        raise click.UsageError(message) from error


def _told_here(paths: tuple[Path, ...], aor: Aor, stored: Snapshot, hours: int) -> Told:
    at = now_in(local_zone())
    policies = load_policies(paths)
    try:
        moments = coming(policies, aor, stored, at, at + timedelta(hours=hours), NOWHERE)
        return [coming_told(one) for some in moments for one in some][:MOST_COMING]
    finally:
        policies.close()


def _told_there(where: Where, aor: Aor, hours: int) -> Told:
    if where.is_api:
        api = client_of(where.url, where.token_file, where.config)
        return asyncio.run(_asked(api, aor, hours))
    exchange = exchange_for(where.config, where.url)
    asked = {"presentity": aor.uri, "hours": hours}
    told: Told = call(exchange, "policy:next", asked)["changes"]
    return told


async def _asked(api: ApiClient, aor: Aor, hours: int) -> Told:
    async with api:
        path = f"/v1/presentities/{aor.uri}/next"
        told: Told = (await api.ask("GET", path, query={"hours": hours}))["changes"]
        return told


def _row(one: Mapping[str, Any]) -> dict[str, str]:
    at = datetime.fromisoformat(one["at"]).astimezone()
    rule = printable(one["rule"]) or "-"
    return {
        "time": f"{at:%Y-%m-%d %H:%M:%S}",
        "feature": one["feature"],
        "change": f"{_state(one['before'])} → {_state(one['after'])}",
        "why": "expires" if one["cause"] == "expire" else "shown by then",
        "rule": rule,
    }


def _state(state: Mapping[str, Any] | None) -> str:
    """`off`, `on forwardTo=sip:bob@example.com`; `-` where phones are not told."""
    if state is None:
        return "-"
    values = (f"{name}={value}" for name, value in state.items() if name != "status")
    return " ".join([state["status"], *map(printable, values)])
