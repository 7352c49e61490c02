"""Proofs that are tried before policies decide."""

import signal

import pytest

from dfks_rules.app.desk.canary import examine
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.desk.proof_files import tried
from dfks_rules.errors import PolicyError
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source

POLICY = source("- id: r\n  when: {op: set, request.status: 1}\n  then: {deny: no}\n")
OFF = "when: {op: set, request.status: 0, origin: watcher}\n    expect: {decision: allow}"
DENIED = "when: {op: set, origin: watcher}\n    expect: {decision: deny}"
NEVER = (
    "when: {op: set, feature: DoNotDisturb, target.class: premium}\n    expect: {decision: deny}"
)


def proofs(*written: str, policies: str = "p.yaml") -> Source:
    """A file of proofs about the policy."""
    entries = "".join(f"  - name: so it is\n    {one}\n" for one in written)
    top = "apiVersion: dfks/v1\nkind: PolicyProof\n"
    return Source("proofs.yaml", f"{top}policies: [{policies}]\nproofs:\n{entries}")


def files(*beside: Source) -> PolicyFiles:
    """The policy with these proofs."""
    return PolicyFiles((POLICY,), (), beside)


def told(*written: str, within: float = 60.0) -> list[str]:
    """What is told of proofs."""
    return [str(one) for one in tried(files(proofs(*written)), within)]


def test_nothing_is_told_of_what_is_proved() -> None:
    """It holds."""
    assert told("when: {op: set, request.status: 1}\n    expect: {decision: deny}") == []


def test_what_is_refuted_keeps_policies_out_and_shows_the_request() -> None:
    """An author goes straight to the line."""
    verdict = examine(files(proofs(DENIED)), 60.0)
    assert verdict.compiled is None
    (finding,) = verdict.findings
    assert str(finding).startswith("proofs.yaml:5:1: proof `so it is` refuted: {op: set, feature: ")
    assert str(finding).endswith("is decided `allow` [policy_proof_refuted]")


def test_what_is_searched_for_in_vain_is_refuted() -> None:
    """There is nothing to show."""
    (line,) = told("when: {op: set, request.status: 0}\n    some: {by: {deny: p/r}}")
    assert "refuted: there is no such request" in line


def test_a_name_that_policies_do_not_have_keeps_them_out() -> None:
    """As other mistakes in files of proofs do."""
    (line, _) = told("when: {op: set}\n    some: {by: {deny: p/rr}}")
    assert "unknown rule `p/rr` (did you mean `p/r`?)" in line


def test_a_proof_that_says_nothing_is_told_and_keeps_nothing_out() -> None:
    """DoNotDisturb has no target."""
    verdict = examine(files(proofs(NEVER)), 60.0)
    assert verdict.compiled is not None
    (note,) = verdict.notes
    assert note.code == "policy_vacuous_proof"


def test_proofs_that_take_too_long_are_told_and_keep_nothing_out() -> None:
    """All those that were not decided; a repair must not wait for them."""
    before = signal.getsignal(signal.SIGALRM)
    lines = told(DENIED, OFF, within=1e-6)
    assert len(lines) == 2
    assert all("not decided: the proofs took longer than 1e-06 s" in line for line in lines)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_policies_that_the_server_does_not_read_are_not_compared() -> None:
    """They lie on the disk of an author."""
    (line,) = told("when: {op: set}\n    expect: {as: ../deployed}")
    assert "not decided: the server does not read `../deployed`" in line


def test_broken_proofs_keep_policies_out() -> None:
    """As broken cases do."""
    (finding,) = examine(
        files(proofs("when: {opp: set}\n    expect: {decision: deny}")), 60.0
    ).findings
    assert "unknown fact `opp`" in finding.message
    (finding,) = examine(files(proofs(DENIED, policies="q.yaml")), 60.0).findings
    assert finding.code == "policy_case"


def test_findings_of_policies_come_alone() -> None:
    """What cannot be compiled proves nothing."""
    broken = Source("p.yaml", "kind: x\n")
    with pytest.raises(PolicyError):
        compile_policies([broken])
    verdict = examine(PolicyFiles((broken,), (), (proofs(DENIED),)), 60.0)
    assert {one.file for one in verdict.findings} == {"p.yaml"}
