"""The proofs that stand beside policies, tried before these decide.

Only what is refuted keeps policies out: a proof that takes too long must not keep a repair from
being loaded.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Literal

from dfks_rules.app.alarm import OverError, at_most
from dfks_rules.app.desk.case_files import named_by
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.zone import local_zone
from dfks_rules.errors import Finding, PolicyError
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


def tried(files: PolicyFiles, within: float) -> list[Finding]:
    """What is told of proofs: errors keep the policies from being used, warnings do not.

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
    done = 0
    try:
        with at_most(within):
            for file, one in waiting:
                findings += _told(file, one, policies)
                done += 1
    except OverError:
        late = f"not decided: the proofs took longer than {within:g} s"
        findings += [_finding(file, one, UNDECIDED, late) for file, one in waiting[done:]]
    return findings


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


def _told(file: ProofFile, one: Property, read: _Policies) -> list[Finding]:
    try:
        policies = read.named_by(file)
    except PolicyError as error:
        return error.findings
    other = None
    if one.other is not None:
        try:
            other = read.named_by(file._replace(policies=(one.other,)))
        except PolicyError:
            why = f"not decided: the server does not read `{one.other}`"
            return [_finding(file, one, UNDECIDED, why)]
    claim = Claim(one.when, one.expect, other, one.is_some)
    proved = prove(claim, policies, _horizon())
    match proved.verdict:
        case Verdict.PROVED:
            return []
        case Verdict.REFUTED:
            return [_finding(file, one, REFUTED, _refuted(proved))]
        case Verdict.VACUOUS:
            return [_finding(file, one, VACUOUS, "no request can pass its conditions")]
        case Verdict.UNDECIDED:
            return [_finding(file, one, UNDECIDED, f"not decided: {proved.reason}")]


def _refuted(proved: Proved) -> str:
    """Why it is not so, with the request that shows it."""
    if proved.shown is None:
        return "refuted: there is no such request"
    answer = proved.shown.answer
    decided = f"deny {answer['reason']}" if answer["decision"] == "deny" else "allow"
    return f"refuted: {flow(proved.shown.given)} is decided `{decided}`"


def _finding(file: ProofFile, one: Property, code: str, message: str) -> Finding:
    severity: Literal["error", "warning"] = "error" if code == REFUTED else "warning"
    return Finding(file.file, one.line, 1, code, f"proof `{one.name}` {message}", severity)


def _horizon() -> Horizon:
    """Last year, this one and the next two, where the server is."""
    year = datetime.now(UTC).year  # noqa: TID251 - a proof is about the years around now
    return Horizon(local_zone() or UTC, range(year - 1, year + 3))
