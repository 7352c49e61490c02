"""`dfks policy check`: everything that is wrong with policy files, or likely to be."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from dfks_rules.app.policies import read_sources
from dfks_rules.cli.exit_codes import DONE, INVALID
from dfks_rules.cli.policy.reports import FORMATS, Report, gap_table
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.cases import is_cases_file, parse_cases
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.lint.gaps import gaps
from dfks_rules.policy.source import Source


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="human", help="How to tell it."
)
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option("--gaps", "with_gaps", is_flag=True, help="Also tell what no rule decides.")
def command(paths: tuple[Path, ...], form: str, *, strict: bool, with_gaps: bool) -> None:
    """Check the policies and cases in PATHS, files and directories as the server reads them.

    Exit code 3 when something is wrong.
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
    policies: list[Source] = []
    cases: list[Source] = []
    unreadable: list[Finding] = []
    for path in paths:
        found, findings = _read(path)
        cases += (source for source in found if is_cases_file(source.file))
        policies += (source for source in found if not is_cases_file(source.file))
        unreadable += findings
        if not found and not findings:
            raise click.UsageError(f"no policy files in {path}")
    usable, findings = check_and_lint(policies)
    for source in cases:
        findings += _findings_of_cases(source)
    texts = {source.file: source.text for source in (*policies, *cases)}
    findings = sorted(unreadable + findings)
    return Report(findings, texts, gaps(usable) if with_gaps else [])


def _read(path: Path) -> tuple[list[Source], list[Finding]]:
    """A file; or those of a directory, and the cases beside them."""
    try:
        sources = read_sources([path])
        if path.is_dir():
            directories = sorted({Path(source.file).parent for source in sources})
            files = (file for one in directories for file in sorted(one.iterdir()))
            sources += read_sources(file for file in files if is_cases_file(file.name))
    except PolicyError as error:
        return [], error.findings
    return sources, []


def _findings_of_cases(source: Source) -> list[Finding]:
    try:
        parse_cases(source)
    except PolicyError as error:
        return error.findings
    return []
