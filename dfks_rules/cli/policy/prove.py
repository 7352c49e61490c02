"""`dfks policy prove`: what holds for every request."""

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import click

from dfks_rules.app.desk.policies import named_beside, read_cases, read_sources
from dfks_rules.cli.exit_codes import CASE_FAILED, DONE, NOT_DECIDED
from dfks_rules.cli.policy.prove_report import FORMATS, Ran
from dfks_rules.cli.policy.proving_bar import Show, proving_bar
from dfks_rules.cli.policy.zones import horizon_in, solver, zone_option
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.proof.claims import Claim
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.studying.names import is_proofs_file
from dfks_rules.policy.studying.proof_files import ProofFile, Property, parse_proofs
from dfks_rules.policy.studying.proof_names import flaws
from dfks_rules.policy.studying.proving import Verdict, prove
from dfks_rules.policy.studying.usual import tenants_apart, usual

PROPERTIES = "properties"
"""What progress is made with."""


@click.command("prove")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--usual", "is_usual", is_flag=True, help="Prove ready-made properties of policies in PATHS."
)
@zone_option
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="human", show_default=True
)
def command(paths: tuple[Path, ...], zone: str | None, *, is_usual: bool, form: str) -> None:
    """Prove or refute the properties in PATHS: files, or directories with files `*proofs.yaml`.

    Exit code 5 if one is refuted, says nothing, or there is none; 6 if one could not be decided; 3
    if a file is invalid.
    """
    horizon = horizon_in(zone)
    with proving_bar() as show:
        ran = list(_usual(paths, horizon, show) if is_usual else _files(paths, horizon, show))
    click.echo(FORMATS[form](ran))
    verdicts = {one.proved.verdict for one in ran}
    if not ran or verdicts & {Verdict.REFUTED, Verdict.VACUOUS}:
        sys.exit(CASE_FAILED)
    sys.exit(NOT_DECIDED if Verdict.UNDECIDED in verdicts else DONE)


def _usual(paths: Sequence[Path], horizon: Horizon, show: Show) -> Iterator[Ran]:
    sources = read_sources(paths)
    policies = ReferencePolicySet(compile_policies(sources))
    ready, tenants = list(usual()), list(tenants_apart(sources))
    done = count()
    for one in ready:
        show(next(done), len(ready) + len(tenants), PROPERTIES)
        yield Ran("", one, prove(_claim(one, None), policies, horizon, solver()))
    for apart in tenants:
        show(next(done), len(ready) + len(tenants), PROPERTIES)
        claim = _claim(apart.property, ReferencePolicySet(compile_policies(apart.others)))
        yield Ran("", apart.property, prove(claim, policies, horizon, solver()))


def _files(paths: Sequence[Path], horizon: Horizon, show: Show) -> Iterator[Ran]:
    read: dict[tuple[Path, ...], ReferencePolicySet] = {}

    def oracle(folder: Path, names: Sequence[str]) -> ReferencePolicySet:
        files = tuple(Path(os.path.normpath(folder / name)) for name in names)
        if files not in read:
            read[files] = ReferencePolicySet(compile_policies(read_sources(files)))
        return read[files]

    files = _parse_all(paths)
    found = [
        finding
        for file in files
        for finding in flaws(file, oracle(Path(file.file).parent, file.policies).compiled)
    ]
    if any(finding.severity == "error" for finding in found):
        raise PolicyError(found)
    for finding in found:
        click.echo(str(finding), err=True)
    done, whole = count(), sum(len(file.proofs) for file in files)
    for file in files:
        folder = Path(file.file).parent
        policies = oracle(folder, file.policies)
        for one in file.proofs:
            show(next(done), whole, PROPERTIES)
            other = None if one.other is None else oracle(folder, [one.other])
            yield Ran(file.file, one, prove(_claim(one, other), policies, horizon, solver()))


def _claim(one: Property, other: ReferencePolicySet | None) -> Claim:
    return Claim(one.when, one.expect, other, one.is_some)


def _parse_all(paths: Sequence[Path]) -> list[ProofFile]:
    proofs: list[ProofFile] = []
    findings: list[Finding] = []
    for source in read_cases(file for path in paths for file in _files_in(path)):
        try:
            proofs.append(parse_proofs(source, named_beside(source.file)))
        except PolicyError as error:
            findings += error.findings
    if findings:
        raise PolicyError(findings)
    return proofs


def _files_in(path: Path) -> Iterator[Path]:
    """The file itself, or every file of proofs below a directory, sorted by name."""
    if path.is_dir():
        found = (file for file in path.rglob("*.yaml") if is_proofs_file(file.name))
        yield from sorted(file for file in found if file.is_file())
    else:
        yield path
