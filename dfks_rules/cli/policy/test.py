"""`dfks policy test`: run the cases that pin policies down."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click
import watchfiles

from dfks_rules.app.desk.policies import read_cases, read_sources
from dfks_rules.cli.exit_codes import CASE_FAILED
from dfks_rules.cli.policy import case_report, new_cases
from dfks_rules.cli.policy.bench import spent
from dfks_rules.cli.policy.case_choice import Choice, filters_of
from dfks_rules.cli.policy.case_report import RanCase, Run, Skipped
from dfks_rules.cli.policy.zones import horizon_in
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.reading.source import EXCEPTION, POLICY, kind_of
from dfks_rules.policy.studying.cases import (
    CaseFile,
    is_cases_file,
    parse_cases,
    rules_wanted,
    run_cases,
)
from dfks_rules.policy.studying.coverage import Coverage
from dfks_rules.policy.studying.explain import brief, explain

_TIMEOUT = 200
"""Longest wait for a change, ms."""


@click.command("test")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--run", default="*", metavar="GLOB", help="Run only cases whose names match.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="FACT=GLOB",
    help="Run only cases whose requests have such a fact, or `file=GLOB`; repeatable.",
)
@click.option("--fail-fast", is_flag=True, help="Stop at the first failed case.")
@click.option("--junit", type=click.Path(path_type=Path), help="Also write JUnit XML to this file.")
@click.option("--coverage", is_flag=True, help="Report rules that no case covers.")
@click.option(
    "--coverage-threshold",
    type=click.FloatRange(0, 100),
    default=0.0,
    metavar="PERCENT",
    help="Fail below this coverage.",
)
@click.option(
    "--conditions", is_flag=True, help="Report tests that were never true or never false."
)
@click.option(
    "--generate",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write cases for what none shows of the policies in the folder of this new file.",
)
@click.option(
    "--from-log",
    type=click.File("rb"),
    metavar="FILE",
    help="A decision log (JSONL), whose requests --generate tries first.",
)
@click.option("--bench", is_flag=True, help="Also measure the CPU time of the decisions.")
@click.option("--require-tests", is_flag=True, help="Fail when a policy file has no case.")
@click.option(
    "--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True
)
@click.option("--watch", is_flag=True, help="Run again whenever a file changes, until Ctrl-C.")
def command(paths: tuple[Path, ...], *, watch: bool, **options: Any) -> None:
    """Run the cases in PATHS: files, or directories with files named `*cases.yaml`.

    Exit code 5 if a case fails or there is none, 3 if a file is invalid.
    """
    choice = Choice(
        options["run"],
        filters_of(options["filters"]),
        options["fail_fast"],
        options["require_tests"],
        options["coverage_threshold"],
    )

    _refuse(watch=watch, generate=options["generate"], log=options["from_log"])

    def once() -> bool:
        ran = run(paths, choice, times=[] if options["bench"] else None)
        wanted = {name for name in ("coverage", "conditions") if options[name]}
        case_report.show(ran, options["form"], wanted)
        if options["junit"]:
            options["junit"].write_bytes(case_report.junit(ran))
        return ran.good

    if watch:
        with contextlib.suppress(KeyboardInterrupt):
            _watch(paths, once)
    elif options["generate"]:
        ran = run(paths, choice)
        if ran.failures:
            case_report.show(ran, options["form"], set())
            sys.exit(CASE_FAILED)
        horizon = horizon_in(None)
        new_cases.write(options["generate"], paths, ran.coverage, options["from_log"], horizon)
    elif not once():
        sys.exit(CASE_FAILED)


def _refuse(*, watch: bool, generate: Path | None, log: BinaryIO | None) -> None:
    """Refuse options that do not go together.

    Raises:
        click.UsageError: they do not.
    """
    if log and not generate:
        raise click.UsageError("--from-log needs --generate")
    if generate:
        if watch:
            raise click.UsageError("use one of --watch and --generate")
        new_cases.refuse(generate)


def run(paths: tuple[Path, ...], choice: Choice, *, times: list[float] | None = None) -> Run:
    """Run every chosen case.

    Args:
        paths: files and directories of cases.
        choice: which of them.
        times: gets the CPU time of each decision, µs; None: it is not measured.

    Raises:
        PolicyError: a case file or its policies are invalid; it has every finding.
    """
    files = [file for path in paths for file in _files_in(path) if _is_cases(path, file)]
    cases = _parse_all(files)
    coverage = Coverage()
    ran = Run(coverage, choice.threshold, times)
    tested: set[Path] = set()
    for one in filter(choice.has_file, cases):
        tested |= _run_file(one, choice, ran)
        if choice.fail_fast and ran.failures:
            break
    if choice.require_tests:
        ran.untested.extend(
            str(file) for file in _policies_in(paths) if file.resolve() not in tested
        )
    return ran


def _run_file(one: CaseFile, choice: Choice, ran: Run) -> set[Path]:
    """Run the cases of one file; gives the policy files they test."""
    folder = Path(one.file).parent
    sources = read_sources(Path(os.path.normpath(folder / name)) for name in one.policies)
    policies = load(sources)
    chosen = tuple(case for case in one.cases if choice.has(case, policies.sees(case.view)))
    try:
        results = run_cases(one._replace(cases=chosen), policies)
        ran.coverage.add(policies, sources, [(r.case.view, r.decision) for r in results])
        ran.outcomes.add(policies, sources, [result.case.view for result in results])
        ran.skipped += (
            Skipped(one.file, case.line, case.name, case.skip) for case in chosen if case.skip
        )
        if ran.spent is not None and results:
            ran.spent += spent(policies.decide_view, [result.case.view for result in results])
        for result in results:
            case, why = result.case, []
            if result.differences:
                why = brief(explain(policies, case.view), rules_wanted(case, policies))
            ran.cases.append(RanCase(one.file, case.line, case.name, result.differences, why))
            if why and choice.fail_fast:
                break
    finally:
        policies.close()
    return {Path(source.file).resolve() for source in sources} if chosen else set()


def _parse_all(files: list[Path]) -> list[CaseFile]:
    cases: list[CaseFile] = []
    findings: list[Finding] = []
    for source in read_cases(files):
        try:
            cases.append(parse_cases(source))
        except PolicyError as error:
            findings += error.findings
    if findings:
        raise PolicyError(findings)
    return cases


def _files_in(path: Path) -> Iterator[Path]:
    """The file itself, or every YAML file below a directory, sorted by name."""
    if path.is_dir():
        found = (file for file in path.rglob("*") if file.suffix in (".yaml", ".yml"))
        yield from sorted(file for file in found if file.is_file())
    else:
        yield path


def _is_cases(given: Path, file: Path) -> bool:
    """Whether a file holds cases; one given by name does, whatever its name."""
    return given == file or is_cases_file(file.name)


def _policies_in(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The policy files below the given directories, and beside the given files."""
    folders = dict.fromkeys(path if path.is_dir() else path.parent for path in paths)
    files = [file for folder in folders for file in _files_in(folder)]
    for source in read_sources(file for file in files if not is_cases_file(file.name)):
        if kind_of(source) in (POLICY, EXCEPTION):
            yield Path(source.file)


def _watch(paths: tuple[Path, ...], once: Callable[[], bool]) -> None:
    # Watch directories, not files: an editor replaces a file when it saves.
    folders = {path if path.is_dir() else path.parent for path in paths}
    # The first turn comes without a change, once the watch is on, so that no change is missed.
    turns = watchfiles.watch(*folders, yield_on_timeout=True, rust_timeout=_TIMEOUT)
    for number, changes in enumerate(turns):
        if number and not changes:
            continue
        try:
            once()
        except PolicyError as error:
            click.echo(str(error), err=True)
        click.echo("watching; press Ctrl-C to stop")
