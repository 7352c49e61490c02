"""`dfks policy diff`: what changes in meaning from one set of policies to another."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from dfks_rules.app.desk.policies import load_policies
from dfks_rules.cli.exit_codes import DONE, FAILED
from dfks_rules.cli.policy.decision_log import requests_in
from dfks_rules.cli.policy.proof_report import group_json, group_text, show_proof
from dfks_rules.cli.policy.zones import horizon_in, zone_option
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.studying.compare import Comparison, Group, compare
from dfks_rules.policy.studying.replay import stored_as_sets
from dfks_rules.store.states import stored_states

_PATH = click.Path(exists=True, path_type=Path)


class _Store(click.ParamType):  # type: ignore[type-arg]
    name = "sqlite:PATH"

    def convert(self, value: Any, param: Any, ctx: Any) -> Path:
        kind, _, path = str(value).partition(":")
        if kind != "sqlite" or not path:
            self.fail(f"unknown store `{value}`; write `sqlite:PATH`", param, ctx)
        return Path(path)


@click.command(name="diff")
@click.argument("old", type=_PATH)
@click.argument("new", type=_PATH)
@click.option(
    "--replay", type=click.File("rb"), help="Compare on the requests in a decision log (JSONL)."
)
@click.option(
    "--sweep",
    type=_Store(),
    help="Compare on stored states, as sets by the presentities' own phones.",
)
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%dT%H:%M"]),
    default="2026-01-05T12:00",
    show_default=True,
    help="Local time for --sweep.",
)
@click.option("--list", "listed", is_flag=True, help="List every presentity (with --sweep).")
@click.option(
    "--search",
    is_flag=True,
    help="Try many requests instead of proving; finds less, proves nothing.",
)
@zone_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="Format of the result.",
)
def command(  # noqa: PLR0913 - one for each option
    old: Path,
    new: Path,
    replay: BinaryIO | None,
    sweep: Path | None,
    at: datetime,
    zone: str | None,
    *,
    listed: bool,
    search: bool,
    form: str,
) -> None:
    """Show what changes in meaning from the policies OLD to NEW, each a file or a directory.

    Every difference is shown, or it is proved that there is none. Exit code 0 if that is proved, 1
    if there is a difference, 6 if it could not be decided. With --search, --replay or --sweep, 0
    only says that no difference was found.
    """
    if sum(map(bool, (replay, sweep, search))) > 1:
        raise click.UsageError("use one of --search, --replay and --sweep")
    if listed and not sweep:
        raise click.UsageError("--list needs --sweep")
    if not (replay or sweep or search):
        sys.exit(show_proof(old, new, horizon_in(zone), form))
    with closing(load_policies([old])) as before, closing(load_policies([new])) as after:
        if replay:
            comparison = _replayed(before, after, replay)
            what = "recorded requests"
        elif sweep:
            comparison = _swept(before, after, sweep, at, listed=listed)
            what = "stored features that are on"
        else:
            comparison = compare(before, after)
            what = "witnesses"
    click.echo(_as_json(comparison) if form == "json" else "\n".join(_as_text(comparison, what)))
    sys.exit(FAILED if comparison.different else DONE)


def _replayed(old: PolicySet, new: PolicySet, log: BinaryIO) -> Comparison:
    comparison = Comparison(old, new)
    for place, view in requests_in(log):
        comparison.add(view, place)
    return comparison


def _swept(old: PolicySet, new: PolicySet, path: Path, at: datetime, *, listed: bool) -> Comparison:
    comparison = Comparison(old, new)
    for presentity, snapshot in stored_states(path):
        for view in stored_as_sets(presentity, snapshot, at.replace(tzinfo=UTC)):
            group = comparison.add(view, presentity.uri)
            if group is not None and listed:
                group.names.append(presentity.uri)
    return comparison


def _as_text(comparison: Comparison, what: str) -> Iterator[str]:
    for group in comparison.groups:
        first, given = group_text(group)
        yield first
        instance = f"; one is {group.name}" if group.name else ""
        yield f"  {group.count:,} of the {what}{instance}"
        yield given
        yield from (f"  - {name}" for name in group.names)
        yield ""
    if comparison.ungrouped:
        yield f"{comparison.ungrouped:,} more differ in other ways"
    if comparison.different:
        yield f"{comparison.different:,} of {comparison.tried:,} {what} are decided differently"
    else:
        yield (
            f"no difference found in {comparison.tried:,} {what}; "
            "this does not prove that there is none"
        )


def _as_json(comparison: Comparison) -> str:
    result = {
        "tried": comparison.tried,
        "different": comparison.different,
        "groups": [_group(group) for group in comparison.groups],
    }
    return json.dumps(result, indent=2, ensure_ascii=False)


def _group(group: Group) -> dict[str, Any]:
    result = {**group_json(group), "count": group.count, "instance": group.name}
    return {**result, "presentities": group.names} if group.names else result
