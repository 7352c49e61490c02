"""`dfks policy from-opensips`: routes of OpenSIPS' presence_dfks → a policy with cases."""

import sys
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import click

from dfks_rules.cli.exit_codes import DONE, FAILED
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.language.document import Rule
from dfks_rules.policy.migrating.carrying import MOST_CHARACTERS, carry, policy_texts
from dfks_rules.policy.reading.layout import laid_out
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.witness import Witness, matching, witnesses
from dfks_rules.yaml.scalar import flow

_TRIED = 20
"""Most requests among which one for a rule is looked for."""
_TRIED_BESIDE = 5_000
"""The same for all rules for which none was found, which others come before."""
_MAX_BYTES = 1 << 20
"""Largest script."""
_NAME = "from-opensips"
_WITHOUT = "rule `{}` shows in no request that was tried: rules before it may decide all of it"


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
    texts = policy_texts(carried, _NAME, script.name)
    files = {
        f"policy{name.removeprefix(_NAME)}.yaml": laid_out(Source("policy.yaml", text))
        for name, text in texts.items()
    }
    if into is not None:
        cases, without = _cases(files)
        _write(into, {**files, **cases})
        for rule in without:
            click.echo(f"{into / 'cases.yaml'}: no case: {_WITHOUT.format(rule)}", err=True)
    elif len(files) == 1:
        click.echo(files["policy.yaml"], nl=False)
    else:
        rules = len(carried.rules)
        raise click.UsageError(f"{rules} rules are more than one policy has: give `--into`")
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


def _cases(files: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """For each rule that does something, a request for which it does; and the other rules."""
    cases: list[str] = []
    with closing(load([Source(name, text) for name, text in files.items()])) as policies:
        missing = {rule.id: rule for rule in policies.rules}
        for rule in policies.rules:
            for witness in islice(matching(rule), _TRIED):
                if rule.id not in missing:
                    break
                cases += _case(policies, witness, missing)
        rest = [*missing.values()]
        for witness in islice(witnesses(rest, ()), _TRIED_BESIDE if rest else 0):
            cases += _case(policies, witness, missing)
            if not missing:
                break
    if not cases:  # a file of cases has at least one
        cases.append(
            "  - name: what is stored is told\n"
            "    given: {op: get, feature: DoNotDisturb, stored.status: 1}\n"
            "    expect: {status: 1}\n"
        )
    head = f"apiVersion: dfks/v1\nkind: PolicyTest\npolicies: {flow([*files])}\ntests:\n"
    without = [_name_of(rule) for rule in missing]
    parts = [["".join(f"# No case: {_WITHOUT.format(rule)}\n" for rule in without) + head]]
    size = 0
    for case in cases:
        size += len(case)
        if size > MOST_CHARACTERS:
            parts.append([head])
            size = len(case)
        parts[-1].append(case)
    names = [f"{number + 1}-cases.yaml" if number else "cases.yaml" for number in range(len(parts))]
    texts = ["".join(part) for part in parts]
    return {n: laid_out(Source(n, text)) for n, text in zip(names, texts, strict=True)}, without


def _case(policies: PolicySet, witness: Witness, missing: dict[str, Rule]) -> list[str]:
    """A case for the rules that a request is the first to show; they are not missing any more."""
    decision = policies.decide_view(witness.view)
    logs = {id_ for id_ in missing.keys() & set(decision.matched) if missing[id_].effects.log}
    shown = logs | missing.keys() & set(decision.decided_by.values())
    if not shown:
        return []
    for id_ in shown:
        del missing[id_]
    expect = _expected(answer_of(decision), with_logs=bool(logs))
    name = f"{_name_of(min(shown))} {'logs' if logs == shown else 'decides'}"
    return [
        f"  - name: {name}\n    given: {flow(dict(witness.given))}\n    expect: {flow(expect)}\n"
    ]


def _name_of(rule: str) -> str:
    return rule.partition("/")[2]


def _expected(answer: dict[str, Any], *, with_logs: bool) -> dict[str, Any]:
    """What the case expects: all that is decided, but values that there are not."""
    fields = ("status", "assigned", "notify", "by", *(("log",) if with_logs else ()))
    values = {name: value for name, value in answer["values"].items() if value is not None}
    expected = {name: answer[name] for name in fields if answer[name] not in (None, {})}
    return {**expected, "values": values} if values else expected
