"""The proofs that stand beside policies, tried before these decide.

Only what is refuted keeps policies out: a proof that takes too long must not keep a repair from
being loaded.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Literal, NamedTuple

from dfks_rules.app.alarm import OverError, at_most
from dfks_rules.app.desk.case_files import named_by
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.zone import local_zone
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.proof.claims import Claim
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.proof_files import ProofFile, Property, parse_proofs
from dfks_rules.policy.studying.proof_names import flaws
from dfks_rules.policy.studying.proving import Proved, Verdict, prove
from dfks_rules.yaml.scalar import flow

REFUTED, VACUOUS, UNDECIDED = "policy_proof_refuted", "policy_vacuous_proof", "policy_proof_open"
"""Codes of findings; only the first keeps policies out."""


class Tried(NamedTuple):
    """What became of one proof."""

    file: str
    """Path of its file."""
    line: int
    """Where it begins, 1-based."""
    name: str
    """What is so, as a sentence."""
    proved: Proved
    """Whether it is so, with a request that shows it."""


def tried(files: PolicyFiles, within: float) -> list[Finding]:
    """What is told of proofs: errors keep the policies from being used, warnings do not.

    Args:
        files: policies without errors, and what stands beside them.
        within: seconds for all of it; what is not decided by then is left undecided.
    """
    findings, verdicts = verdicts_of(files, within)
    return findings + [found for one in verdicts for found in _told(one)]


def verdicts_of(files: PolicyFiles, within: float) -> tuple[list[Finding], list[Tried]]:
    """What is wrong with files of proofs, and what became of each proof that could be tried.

    Args:
        files: policies without errors, and what stands beside them.
        within: seconds for all of it; what is not decided by then is left undecided.
    """
    findings: list[Finding] = []
    parsed: list[ProofFile] = []
    for source in files.proofs:
        try:
            parsed.append(parse_proofs(source, lambda _paths: files.sources))
        except PolicyError as error:
            findings += error.findings
    waiting = [(file, one) for file in parsed for one in file.proofs]
    policies = _Policies(files.sources)
    findings += chain.from_iterable(map(policies.flaws, parsed))
    settled: dict[int, Proved | None] = {}
    """By the places of proofs; None: a finding tells of it. The alarm may come at any moment."""
    try:
        with at_most(within):
            for place, (file, one) in enumerate(waiting):
                try:
                    settled[place] = _proved(file, one, policies)
                except PolicyError as error:
                    findings += error.findings
                    settled[place] = None
    except OverError:
        late = Proved(
            Verdict.UNDECIDED,
            reason=phrase("the proofs took longer than {seconds} s", seconds=f"{within:g}"),
        )
        settled = {place: settled.get(place, late) for place in range(len(waiting))}
    return findings, [
        Tried(file.file, one.line, one.name, proved)
        for place, (file, one) in enumerate(waiting)
        if (proved := settled[place]) is not None
    ]


class _Policies:
    """What files of proofs are about, compiled once."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._compiled: dict[tuple[Source, ...], ReferencePolicySet] = {}

    def named_by(self, file: ProofFile) -> ReferencePolicySet:
        """The policies that a file of proofs names.

        Raises:
            PolicyError: it names some that were not read, or they are no set of their own.
        """
        named = tuple(named_by(file, self._sources))
        if named not in self._compiled:
            self._compiled[named] = ReferencePolicySet(compile_policies(named))
        return self._compiled[named]

    def flaws(self, file: ProofFile) -> list[Finding]:
        """What is wrong with a file as the policies are that it names."""
        try:
            return list(flaws(file, self.named_by(file).compiled))
        except PolicyError:
            return []  # told of each of its proofs


def _proved(file: ProofFile, one: Property, read: _Policies) -> Proved:
    """What became of one proof.

    Raises:
        PolicyError: the file names policies that were not read, or they are no set of their own.
    """
    policies = read.named_by(file)
    other = None
    if one.other is not None:
        try:
            other = read.named_by(file._replace(policies=(one.other,)))
        except PolicyError:
            why = phrase("the server does not read `{file}`", file=one.other)
            return Proved(Verdict.UNDECIDED, reason=why)
    return prove(Claim(one.when, one.expect, other, one.is_some), policies, _horizon())


def _told(one: Tried) -> list[Finding]:
    match one.proved.verdict:
        case Verdict.PROVED:
            return []
        case Verdict.REFUTED:
            return [_finding(one, REFUTED, _refuted(one.proved))]
        case Verdict.VACUOUS:
            return [_finding(one, VACUOUS, phrase("no request can pass its conditions"))]
        case Verdict.UNDECIDED:
            return [
                _finding(one, UNDECIDED, phrase("not decided: {reason}", reason=one.proved.reason))
            ]


def _refuted(proved: Proved) -> str:
    """Why it is not so, with the request that shows it."""
    if proved.shown is None:
        return phrase("refuted: there is no such request")
    answer = proved.shown.answer
    decided = f"deny {answer['reason']}" if answer["decision"] == "deny" else "allow"
    return phrase(
        "refuted: {given} is decided `{decided}`", given=flow(proved.shown.given), decided=decided
    )


def _finding(one: Tried, code: str, message: str) -> Finding:
    severity: Literal["error", "warning"] = "error" if code == REFUTED else "warning"
    told = phrase("proof `{name}` {message}", name=one.name, message=message)
    return Finding(one.file, one.line, 1, code, told, severity)


def _horizon() -> Horizon:
    """Last year, this one and the next two, where the server is."""
    year = datetime.now(UTC).year  # noqa: TID251 - a proof is about the years around now
    return Horizon(local_zone() or UTC, range(year - 1, year + 3))
