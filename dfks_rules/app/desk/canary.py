"""The process that dies in the server's place: checks policies, and has the engine use them.

`main` has the seconds for proofs as its argument. It reads `PolicyFiles` from stdin, after a byte
that says whether users are to come back, and writes a `Verdict` to stdout, in pieces. The engine
can take its process down; here that costs a reload and not a call.
"""

import os
import resource
import sys
from collections.abc import Iterable, Iterator

from dfks_rules.app.desk.arriving import Verdict, departing
from dfks_rules.app.desk.case_files import named_by
from dfks_rules.app.desk.leaving import files_from
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.errors import DfksError, Finding, PolicyError
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.compiled import CompiledPolicies, compile_policies
from dfks_rules.policy.deciding.engine import self_test
from dfks_rules.policy.deciding.matching import Shards
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.deciding.probe import differs
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.site.site import NO_SITE
from dfks_rules.policy.studying.cases import CaseFile, parse_cases, run_cases

MEMORY = 2 * 1024**3
"""Address space that it may take, bytes; 5,000 rules take a quarter."""
CPU = 60
"""Seconds of CPU, also where nobody is left to wait for it."""
WITH_SITE, WITHOUT_SITE = b"y", b"n"
"""What is wanted: everything, or all but what is known of users and numbers."""


def main() -> None:
    """Read, try, answer."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Whatever a library prints must not be taken for the answer.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    is_site_wanted = sys.stdin.buffer.read(1) == WITH_SITE
    verdict = examine(files_from(sys.stdin.buffer), float(sys.argv[1]))
    if not (is_site_wanted or verdict.compiled is None):
        verdict = verdict._replace(compiled=verdict.compiled._replace(site=NO_SITE))
    with answer:
        answer.writelines(departing(verdict))


def examine(files: PolicyFiles, proofs_within: float) -> Verdict:
    """Check, compile, have the engine use it, and run the files' own tests.

    Args:
        files: what is checked.
        proofs_within: seconds for all proofs.
    """
    try:
        compiled = compile_policies(files.sources)
        self_test()
        findings = [*_engine_findings(compiled), *_case_findings(files)]
        tried = _tried(files, proofs_within) if files.proofs and not findings else []
    except PolicyError as error:
        return Verdict(error.findings, None)
    except DfksError as error:
        return Verdict([_engine_finding(error.message)], None)
    findings += [one for one in tried if one.severity == "error"]
    return Verdict(findings, None) if findings else Verdict([], compiled, tuple(tried))


def _tried(files: PolicyFiles, within: float) -> list[Finding]:
    # The server imports this file and proves nothing.
    from dfks_rules.app.desk.proof_files import tried

    return tried(files, within)


def _engine_findings(compiled: CompiledPolicies) -> list[Finding]:
    shards = Shards()
    # All of them at once, as the server will have them.
    taken = [shards.take(plan) for plan in compiled.sharding.shards]
    wrong = sum(map(differs, taken))
    for shard in taken:
        shards.release(shard)
    return (
        [_engine_finding(phrase("matches different rules in {count} rulesets", count=wrong))]
        if wrong
        else []
    )


def _engine_finding(message: str) -> Finding:
    return Finding("rule engine", 0, 0, "policy_engine", message)


def _case_findings(files: PolicyFiles) -> Iterator[Finding]:
    for source in files.cases:
        try:
            yield from _failed_cases(parse_cases(source), files.sources)
        except PolicyError as error:
            yield from error.findings


def _failed_cases(cases: CaseFile, sources: Iterable[Source]) -> Iterator[Finding]:
    """What the cases of one file find; they are about the policies that the file names."""
    policies = load(named_by(cases, sources))
    for result in run_cases(cases, policies):
        for difference in result.differences:
            message = phrase(
                "case `{name}` failed: {difference}", name=result.case.name, difference=difference
            )
            yield Finding(cases.file, result.case.line, 1, "policy_case_failed", message)
    policies.close()
