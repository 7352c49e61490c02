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
from dfks_rules.cli.policy.asking import view_of_stored
from dfks_rules.cli.policy.served import Where, server_options, where_of
from dfks_rules.cli.tables import lines_of
from dfks_rules.errors import MalformedMessageError
from dfks_rules.mi.client import call
from dfks_rules.model.features import Feature
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import GroupCounts
from dfks_rules.operations.coming import DEFAULT_HOURS, MOST_COMING, coming_told
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.families import group_in
from dfks_rules.policy.facts.view import NOWHERE, FactValue, View
from dfks_rules.policy.studying.coming import MAX_HOURS, coming, depends_on
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
@click.option(
    "--stored",
    type=click.File("rb"),
    help="Facts about what is stored, and counts, for PATHS.",
)
@server_options
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
        told: Told = _told_here(paths, aor, view_of_stored(options["stored"]), hours)
    else:
        told = _told_there(where_of(options), aor, hours)
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


def _told_here(paths: tuple[Path, ...], aor: Aor, stored: View, hours: int) -> Told:
    at = now_in(local_zone())
    counts = {name: value for name, value in stored.given if group_in(name)}
    policies = load_policies(paths)
    try:
        # How many are off says how many are on.
        known = {f"{name.rpartition('.')[0]}.{one}" for name in counts for one in ("off", "on")}
        _tell_what_it_depends_on(*depends_on(policies, known))
        around = NOWHERE._replace(groups=_counts_of(counts, aor.domain, policies))
        until = at + timedelta(hours=hours)
        moments = coming(policies, aor, stored.snapshot, at, until, around)
        return [coming_told(one) for some in moments for one in some][:MOST_COMING]
    finally:
        policies.close()


def _tell_what_it_depends_on(counts: Sequence[str], of_a_phone: Sequence[str]) -> None:
    """Say what is not known here, on the other stream."""
    if counts:
        named = ", ".join(f"`{name}`" for name in counts)
        click.echo(f"what is shown depends on {named}, not known here: use --stored", err=True)
    if of_a_phone:
        named = ", ".join(f"`{name}`" for name in of_a_phone)
        click.echo(f"what is shown depends on {named}, which only a request knows", err=True)


def _counts_of(
    counts: Mapping[str, FactValue], domain: str, policies: PolicySet
) -> GroupCounts | None:
    """The counts that are given; the members that are not off are on."""

    def count(where: str, group: str, feature: Feature) -> tuple[int, int] | None:
        name = f"group.{group}.{feature.value}"
        off, on = counts.get(f"{name}.off"), counts.get(f"{name}.on")
        members = len(policies.members_of(where, group))
        if where != domain or (off is None and on is None):
            return None
        known_off = int(off) if isinstance(off, int) else max(0, members - int(str(on)))
        return known_off, int(on) if isinstance(on, int) else max(0, members - known_off)

    return GroupCounts(count) if counts else None


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
