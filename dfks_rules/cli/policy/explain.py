"""`dfks policy explain`: why policies decide as they do, from facts, SIP or a running server."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from dfks_rules.app.desk.policies import load_policies
from dfks_rules.cli.policy.asking import (
    fact_options,
    read_sip,
    sources_of,
    stored_of,
    views_of_sip,
)
from dfks_rules.cli.policy.served import explained, server_options, where_of
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.studying.explain import explain, explanation_json, lines_of
from dfks_rules.policy.studying.given_files import parse_given


@click.command("explain")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@fact_options
@click.option("--sip", type=click.Path(path_type=Path), help="SUBSCRIBE as received.")
@click.option("--stored", type=click.File("rb"), help="Facts about what is stored, for --sip.")
@click.option("--last", metavar="PRESENTITY", help="Explain the last decisions of a server.")
@click.option("--decision", metavar="ID", help="Explain one decision of a server.")
@server_options
@click.option("--all", "every", is_flag=True, help="Also show rules about other requests.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(paths: tuple[Path, ...], *, every: bool, as_json: bool, **options: Any) -> None:
    """Show which rules matched and decided, and why the others did not.

    Give the request as facts or as SIP and the policies as PATHS, or take both from a running
    server with --last or --decision.
    """
    which = options["decision"] or options["last"]
    if which:
        _explain_served(which, options, as_json=as_json)
        return
    if not paths:
        message = "give the policies as PATHS, or --last or --decision for a running server"
        raise click.UsageError(message)
    explanations = _explain_here(paths, options)
    if as_json:
        click.echo(json.dumps([explanation_json(one) for one in explanations], indent=2))
    else:
        click.echo("\n\n".join("\n".join(lines_of(one, every=every)) for one in explanations))


def _views(policies: PolicySet, options: dict[str, Any]) -> list[View]:
    if options["sip"] is None:
        return [parse_given(sources_of(options["facts_file"], options["facts"]))]
    at = datetime.now().astimezone()  # noqa: TID251 - the message counts as received now
    stored = stored_of(options["stored"])
    return views_of_sip(read_sip(options["sip"]), stored, at, policies.told_at)


def _explain_here(paths: tuple[Path, ...], options: dict[str, Any]) -> list[Any]:
    policies = load_policies(paths)
    try:
        return [explain(policies, view) for view in _views(policies, options)]
    finally:
        policies.close()


def _explain_served(which: str, options: dict[str, Any], *, as_json: bool) -> None:
    told = explained(which, where_of(options))
    if as_json:
        click.echo(json.dumps({"decisions": told}, indent=2))
        return
    for one in told:
        click.echo(f"{one['record']['at']} {one['record']['id']}")
        click.echo("\n".join(one["text"]) + "\n")
