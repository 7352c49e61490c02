"""`dfks policy from-opensips`: routes of OpenSIPS' presence_dfks → a policy with cases."""

import sys
from itertools import islice
from pathlib import Path
from typing import Any

import click

from dfks_rules.cli.exit_codes import DONE, FAILED
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.migrating.carrying import carry, policy_text
from dfks_rules.policy.reading.layout import laid_out
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.witness import witnesses
from dfks_rules.yaml.scalar import flow

_TRIED = 5_000
"""Most requests among which one for each rule is looked for."""
_MAX_BYTES = 1 << 20
"""Largest script."""
_NAME = "from-opensips"


@click.command("from-opensips")
@click.argument("script", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write `policy.yaml` and `cases.yaml` into this folder, instead of printing the policy.",
)
def command(script: Path, into: Path | None) -> None:
    """Turn the routes of presence_dfks in SCRIPT, an opensips.cfg, into a policy.

    What could not be carried over is told with its line, in the policy and on standard error; then
    the exit code is 1.
    """
    carried = carry(_read(script))
    text = laid_out(Source("policy.yaml", policy_text(carried, _NAME, script.name)))
    if into is None:
        click.echo(text, nl=False)
    else:
        _write(into, {"policy.yaml": text, "cases.yaml": _cases(text)})
    for line, message in carried.notes:
        click.echo(f"{script}:{line}: not carried: {message}", err=True)
    sys.exit(FAILED if carried.notes else DONE)


def _read(script: Path) -> str:
    try:
        with script.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
    except OSError as error:
        message = f"cannot read the script: {error.strerror}"
        raise PolicyError([Finding(str(script), 0, 0, "policy_unreadable", message)]) from error
    if len(text) > _MAX_BYTES:
        message = f"script has more than {_MAX_BYTES} bytes"
        raise PolicyError([Finding(str(script), 0, 0, "policy_limit", message)])
    return text.decode(errors="replace").replace("\r\n", "\n")


def _write(folder: Path, files: dict[str, str]) -> None:
    there = [folder / name for name in files if (folder / name).exists()]
    if there:
        raise click.UsageError(f"{there[0]} exists")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        click.echo(f"{folder / name}: written")


def _cases(policy: str) -> str:
    """For each rule that decides something, a request that it decides."""
    policies = load([Source("policy.yaml", policy)])
    lines = ["apiVersion: dfks/v1", "kind: PolicyTest", "policies: [policy.yaml]", "tests:"]
    missing = {rule.id for rule in policies.rules}
    for given, view in islice(witnesses(policies.rules, ()), _TRIED):
        decision = policies.decide_view(view)
        deciding = missing & set(decision.decided_by.values())
        if deciding:
            missing -= deciding
            name = f"{min(deciding).partition('/')[2]} decides"
            expect = _expected(answer_of(decision))
            lines += [f"  - name: {name}", f"    given: {flow(dict(given))}"]
            lines.append(f"    expect: {flow(expect)}")
    policies.close()
    if len(lines) == 4:  # a file of cases has at least one
        asked = "{op: get, feature: DoNotDisturb, stored.status: 1}"
        lines += ["  - name: what is stored is told", f"    given: {asked}"]
        lines.append("    expect: {status: 1}")
    return laid_out(Source("cases.yaml", "\n".join(lines) + "\n"))


def _expected(answer: dict[str, Any]) -> dict[str, Any]:
    """What the case expects: all that is decided, but values that there are not."""
    fields = ("status", "assigned", "notify", "by")
    values = {name: value for name, value in answer["values"].items() if value is not None}
    expected = {name: answer[name] for name in fields if answer[name] not in (None, {})}
    return {**expected, "values": values} if values else expected
