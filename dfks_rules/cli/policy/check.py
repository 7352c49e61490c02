"""`dfks policy check`: errors and likely mistakes in policy files."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path

import click

from dfks_rules.app.desk.policies import folders_below, named_beside, read_files
from dfks_rules.cli.exit_codes import DONE, INVALID, NOT_DECIDED
from dfks_rules.cli.policy.complete import Completing
from dfks_rules.cli.policy.reports import FORMATS, Report, gap_table
from dfks_rules.cli.policy.zones import horizon_in, zone_option
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.lint.gaps import gaps
from dfks_rules.policy.reading.check import CheckedPolicy
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import parse_cases
from dfks_rules.policy.studying.proof_files import ProofFile, parse_proofs
from dfks_rules.policy.studying.proof_names import flaws
from dfks_rules.policy.words.wording import quoted

WITHIN = 300
"""Seconds for all proofs, unless told otherwise."""


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="human", help="Output format."
)
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option(
    "--gaps", "with_gaps", is_flag=True, help="Also report requests that no rule decides."
)
@click.option(
    "--complete",
    is_flag=True,
    help="Also prove of each rule that it changes something, and that warnings are so; slow.",
)
@click.option(
    "--within",
    type=click.FloatRange(1, 86_400),
    default=WITHIN,
    show_default=True,
    metavar="SECONDS",
    help="How long --complete may take.",
)
@zone_option
def command(
    paths: tuple[Path, ...],
    form: str,
    zone: str | None,
    within: float,
    **flags: bool,
) -> None:
    """Check the policies and cases in PATHS: files, and directories with all below them.

    All PATHS together are one set of policies, read as a server reads them; each directory below
    them is also a set of its own. Exit code 3 if there is an error, 6 if --complete could not look
    at all rules in time.
    """
    strict, with_gaps, complete = flags["strict"], flags["with_gaps"], flags["complete"]
    if with_gaps and form not in ("human", "json"):
        raise click.UsageError(f"--gaps needs --format human or json, not {form}")
    completing = Completing(horizon_in(zone), within) if complete else None
    report = _report(paths, completing, with_gaps=with_gaps)
    click.echo(FORMATS[form](report))
    if with_gaps and form == "human":
        click.echo("\n" + gap_table(report.gaps))
    bad = report.findings if strict else report.errors
    if bad:
        sys.exit(INVALID)
    sys.exit(NOT_DECIDED if report.left else DONE)


def _report(paths: Sequence[Path], completing: Completing | None, *, with_gaps: bool) -> Report:
    """The findings for the files of PATHS together, and for each folder below them on its own."""
    report = _Checked(completing)
    together: list[Source] = []
    apart: list[list[Source]] = []
    for path in paths:
        before = report.files
        together += report.read(path)
        below = [folder for folder in folders_below(path) if folder not in paths]
        apart += map(report.read, below)
        if report.files == before:
            raise click.UsageError(f"no policy files in {path}")
    usable = [policy for sources in (together, *apart) for policy in report.check(sources)]
    findings = sorted(dict.fromkeys(report.findings))
    left = [*dict.fromkeys(completing.left)] if completing else []
    return Report(findings, report.texts, gaps(usable) if with_gaps else [], left)


class _Checked:
    """The results collected while files are read and checked."""

    def __init__(self, completing: Completing | None) -> None:
        self._completing = completing
        self.findings: list[Finding] = []
        self.texts: dict[str, str] = {}
        self.files = 0
        """Number of files, including those that could not be read."""

    def read(self, path: Path) -> list[Source]:
        """The files of a path that make up policies; its case files are checked at once."""
        try:
            found = read_files([path])
        except PolicyError as error:
            self.findings += error.findings
            self.files += len(error.findings)
            return []
        for source in found.cases:
            self.findings += _findings_of(source, parse_cases)
        for source in found.proofs:
            self.findings += findings_of_proofs(source)
        everything = list(chain.from_iterable(found))
        self.texts |= {source.file: source.text for source in everything}
        self.files += len(everything)
        return list(found.sources)

    def check(self, sources: Sequence[Source]) -> list[CheckedPolicy]:
        """The usable policies of one set."""
        today = datetime.now().astimezone().date()  # noqa: TID251 - what has expired by now
        usable, findings = check_and_lint(sources, today)
        sound = not any(finding.severity == "error" for finding in findings)
        if self._completing is not None and sound and usable:
            findings = self._completing.completed(findings, sources)
        self.findings += findings
        return usable


def findings_of_proofs(source: Source) -> list[Finding]:
    """What is wrong with a file of proofs, and with what it says of the policies that it names."""
    named = named_beside(source.file)
    try:
        file = parse_proofs(source, named)
    except PolicyError as error:
        return error.findings
    findings = list(_not_there(file))
    with contextlib.suppress(PolicyError):  # whose findings are told where they stand
        findings += flaws(file, compile_policies(named(file.policies)))
    return findings


def _not_there(file: ProofFile) -> Iterator[Finding]:
    """Findings about policies of `as` that cannot be read."""
    for place, one in enumerate(file.proofs):
        path = ("proofs", place, "expect", "as")
        if one.other is not None and not (Path(file.file).parent / one.other).exists():
            message = f"there is no file or folder {quoted(one.other)}"
            yield file.tree.finding(path, "policy_unreadable", message)


def _findings_of(source: Source, parse: Callable[[Source], object]) -> list[Finding]:
    try:
        parse(source)
    except PolicyError as error:
        return error.findings
    return []
