"""The output of `dfks policy test` for people, programs and build servers."""

import json
import re
from collections.abc import Collection
from typing import NamedTuple
from xml.etree import ElementTree

import click

from dfks_rules.cli.policy.bench import times_of
from dfks_rules.policy.studying.coverage import Coverage
from dfks_rules.policy.studying.outcomes import Outcomes

_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class RanCase(NamedTuple):
    """One case that was run; it passed if there are no differences."""

    file: str
    """Path of the case file."""
    line: int
    """Where the case starts, 1-based."""
    name: str
    """What the case shows, as a sentence."""
    differences: tuple[str, ...]
    """One line for each unmet expectation."""
    why: list[str]
    """Which rules decided; empty when it passed."""


class Skipped(NamedTuple):
    """One case that was chosen, and not run."""

    file: str
    """Path of the case file."""
    line: int
    """Where the case starts, 1-based."""
    name: str
    """What the case shows, as a sentence."""
    reason: str
    """Why it is not run."""


class Run:
    """The result of one run."""

    def __init__(
        self, coverage: Coverage, threshold: float, spent: list[float] | None = None
    ) -> None:
        self.cases: list[RanCase] = []
        """Every case that was run, in order."""
        self.skipped: list[Skipped] = []
        """Every case that was not run although it was chosen."""
        self.spent = spent
        """CPU time of each decision, µs; None where it is not measured."""
        self.coverage = coverage
        """How much of the rules the cases exercised."""
        self.outcomes = Outcomes()
        """Which tests of the rules were true and false."""
        self.threshold = threshold
        """Lowest acceptable coverage, percent."""
        self.untested: list[str] = []
        """Policy files without a case, where that is an error."""

    @property
    def failures(self) -> list[RanCase]:
        """The cases that failed."""
        return [case for case in self.cases if case.differences]

    @property
    def problems(self) -> list[str]:
        """Problems other than failed cases, one line each."""
        problems = [] if self.cases else ["no cases to run"]
        problems += [f"{file}: policy has no case" for file in self.untested]
        if self.coverage.percent < self.threshold:
            covered = f"{self.coverage.percent:.1f} %"
            problems.append(f"coverage is {covered}; {self.threshold:g} % is required")
        return problems

    @property
    def good(self) -> bool:
        """Whether every case passed and nothing else is wrong."""
        return not self.failures and not self.problems


def show(ran: Run, form: str, wanted: Collection[str]) -> None:
    """Print a run.

    Args:
        ran: the run.
        form: `human` or `json`.
        wanted: `coverage` and `conditions`, what is to be told to people besides.
    """
    if form == "json":
        click.echo(json.dumps(_json(ran), indent=2))
        return
    for case in ran.failures:
        click.echo(f"{case.file}:{case.line}: failed: {case.name}")
        for line in (*case.differences, *case.why):
            click.echo(f"    {line}")
    for one in ran.skipped:
        click.echo(f"{one.file}:{one.line}: skipped: {one.name}: {one.reason}")
    gaps = [*ran.coverage.unshown()] if "coverage" in wanted else []
    gaps += ran.outcomes.unshown() if "conditions" in wanted else ()
    for gap in gaps:
        click.echo(f"{gap.file}:{gap.line}: {gap.title}: {gap.what}")
    if "coverage" in wanted:
        click.echo(f"coverage: {ran.coverage.percent:.1f} %")
    if ran.spent:
        p50, p99 = times_of(ran.spent)
        click.echo(f"decisions: p50 {p50:.1f} µs, p99 {p99:.1f} µs of CPU")
    for problem in ran.problems:
        click.echo(problem)
    failed = len(ran.failures)
    total = len(ran.cases)
    word = "case" if total == 1 else "cases"
    skipped = f", {len(ran.skipped)} skipped" if ran.skipped else ""
    click.echo(f"{total} {word}: {total - failed} passed, {failed} failed{skipped}")


def junit(ran: Run) -> bytes:
    """A run as JUnit XML; a case is a testcase, its file the class."""
    suite = ElementTree.Element(
        "testsuite",
        name="dfks policy test",
        tests=str(len(ran.cases) + len(ran.skipped)),
        failures=str(len(ran.failures)),
        skipped=str(len(ran.skipped)),
    )
    for case in ran.cases:
        entry = _testcase(suite, case)
        if case.differences:
            message = xml(case.differences[0])
            failure = ElementTree.SubElement(entry, "failure", message=message)
            failure.text = xml("\n".join((*case.differences, *case.why)))
    for one in ran.skipped:
        entry = _testcase(suite, one)
        ElementTree.SubElement(entry, "skipped", message=xml(one.reason))
    for problem in ran.problems:
        entry = ElementTree.SubElement(suite, "testcase", classname="policies", name=xml(problem))
        ElementTree.SubElement(entry, "failure", message=xml(problem))
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text


def _testcase(suite: ElementTree.Element, case: RanCase | Skipped) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname=case.file, name=xml(case.name), line=str(case.line)
    )


def xml(text: str) -> str:
    """Text without the characters that XML cannot represent."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _json(ran: Run) -> dict[str, object]:
    return {
        "cases": [
            {
                "file": case.file,
                "line": case.line,
                "name": case.name,
                "passed": not case.differences,
                "differences": case.differences,
                "why": case.why,
            }
            for case in ran.cases
        ],
        "skipped": [one._asdict() for one in ran.skipped],
        "us": times_of(ran.spent)._asdict() if ran.spent else None,
        "coverage": {
            "percent": round(ran.coverage.percent, 1),
            "gaps": [gap._asdict() for gap in ran.coverage.unshown()],
            "conditions": [gap._asdict() for gap in ran.outcomes.unshown()],
        },
        "problems": ran.problems,
        "passed": ran.good,
    }
