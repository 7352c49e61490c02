"""`dfks policy eval`: what policies decide about one request."""

import json
from pathlib import Path
from typing import Any

import click

from dfks_rules.app.desk.policies import load_policies
from dfks_rules.cli.policy.asking import fact_options, sources_of
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.studying.explain import brief, decision_line, explain
from dfks_rules.policy.studying.given_files import parse_given


@click.command("eval")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@fact_options
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def command(
    paths: tuple[Path, ...], facts_file: Any, facts: tuple[str, ...], *, as_json: bool
) -> None:
    """Decide on one request by the policy files and directories PATHS."""
    view = parse_given(sources_of(facts_file, facts))
    policies = load_policies(paths)
    try:
        explanation = explain(policies, view)
    finally:
        policies.close()
    decision = explanation.decision
    if as_json:
        click.echo(json.dumps({**answer_of(decision), "revision": decision.revision}, indent=2))
        return
    for line in (decision_line(view.request, decision), *brief(explanation), *decision.logs):
        click.echo(line)
