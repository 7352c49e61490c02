"""`dfks policy test --generate`: cases for what no case shows yet."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import click

from dfks_rules.app.desk.policies import read_sources
from dfks_rules.cli.policy.decision_log import requests_in
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.facts.given import given_of
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.layout import laid_out
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import is_cases_file
from dfks_rules.policy.studying.coverage import Coverage
from dfks_rules.policy.studying.covering import cases_text, covering
from dfks_rules.policy.studying.representatives import representatives
from dfks_rules.policy.studying.tables import MAX_CASES
from dfks_rules.policy.studying.witness import Witness, witnesses

TRIED = 20_000
"""Most requests that are tried, besides those of a decision log."""


def refuse(file: Path) -> None:
    """Refuse a file that cannot be one of new cases.

    Raises:
        click.UsageError: it exists, or would not be taken for cases.
    """
    if not is_cases_file(file.name):
        raise click.UsageError(f"{file}: the name of a file of cases ends in `cases.yaml`")
    if file.exists():
        raise click.UsageError(f"{file} exists")


def write(
    file: Path,
    paths: Sequence[Path],
    coverage: Coverage,
    log: BinaryIO | None,
    horizon: Horizon,
) -> None:
    """Write cases about the policies in the folder of a new file.

    Args:
        file: where to.
        paths: as given by the user; a folder among them is read by the name that it has there.
        coverage: what cases show already.
        log: a decision log, whose requests are tried first.
        horizon: for when requests are looked for by proof, where trying many finds none.
    """
    folder = next((one for one in paths if one.resolve() == file.parent.resolve()), file.parent)
    sources = read_sources([folder])
    with closing(load(sources)) as policies:
        covered = coverage.of(policies, sources)
        before = coverage.percent
        oracle = ReferencePolicySet(compile_policies(sources))
        tried = chain(
            _logged(log),
            islice(witnesses(policies.rules, ()), TRIED),
            representatives(oracle, covered, horizon),
        )
        cases = list(islice(covering(policies, covered, tried), MAX_CASES))
    if not cases:
        click.echo("no case to add: no request was found that shows anything new")
        return
    text = laid_out(Source(str(file), cases_text(["."], cases)))
    file.write_text(text, encoding="utf-8")
    word = "case" if len(cases) == 1 else "cases"
    click.echo(f"{file}: {len(cases)} {word} written; coverage was {before:.1f} %, ", nl=False)
    click.echo(f"is {coverage.percent:.1f} %")
    click.echo("read them: they say what the policies decide, not what they should")


def _logged(log: BinaryIO | None) -> Iterator[Witness]:
    if log is not None:
        for _, view in requests_in(log):
            yield Witness(given_of(view), view)
