"""`dfks policy check`: errors and likely mistakes in policy files."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from dfks_rules.app.desk.policies import read_files
from dfks_rules.cli.exit_codes import DONE, INVALID
from dfks_rules.cli.policy.reports import FORMATS, Report, gap_table
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.lint.gaps import gaps
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import parse_cases


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="human",
    help="Format of the report.",
)
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--gaps", "with_gaps", is_flag=True, help="Also report what no rule decides.")
def command(paths: tuple[Path, ...], form: str, *, strict: bool, with_gaps: bool) -> None:
    """Check the policies and cases in PATHS, files and directories as the server reads them.

    Exit code 3 if there is an error.
    """
    if with_gaps and form not in ("human", "json"):
        raise click.UsageError(f"--gaps has no form in {form}; take human or json")
    report = _report(paths, with_gaps=with_gaps)
    click.echo(FORMATS[form](report))
    if with_gaps and form == "human":
        click.echo("\n" + gap_table(report.gaps))
    bad = report.findings if strict else report.errors
    sys.exit(INVALID if bad else DONE)


def _report(paths: Iterable[Path], *, with_gaps: bool) -> Report:
    sources: list[Source] = []
    cases: list[Source] = []
    unreadable: list[Finding] = []
    for path in paths:
        try:
            found = read_files([path])
        except PolicyError as error:
            unreadable += error.findings
            continue
        if not (found.sources or found.cases):
            raise click.UsageError(f"no policy files in {path}")
        sources += found.sources
        cases += found.cases
    usable, findings = check_and_lint(sources)
    for source in cases:
        findings += _findings_of_cases(source)
    texts = {source.file: source.text for source in (*sources, *cases)}
    return Report(sorted(unreadable + findings), texts, gaps(usable) if with_gaps else [])


def _findings_of_cases(source: Source) -> list[Finding]:
    try:
        parse_cases(source)
    except PolicyError as error:
        return error.findings
    return []
