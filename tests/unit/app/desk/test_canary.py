"""What the process that tries policies finds."""

from dfks_rules.app.desk.canary import examine
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source

POLICY = source("- id: r\n  when: {op: set, user: alice}\n  then: {deny: no}\n")


def cases(expected: str, policies: str = "p.yaml", file: str = "cases.yaml") -> Source:
    """One case about the policy."""
    return Source(
        file,
        f"apiVersion: dfks/v1\nkind: PolicyTest\npolicies: [{policies}]\ntests:\n"
        "  - name: alice may not\n"
        "    given: {op: set, feature: DoNotDisturb, request.status: 1}\n"
        f"    expect: {{decision: {expected}}}\n",
    )


def found(*beside: Source) -> list[str]:
    """Findings as lines."""
    verdict = examine(PolicyFiles((POLICY,), beside), 60.0)
    assert (verdict.compiled is None) == bool(verdict.findings)
    return [str(finding) for finding in verdict.findings]


def test_good_files_are_compiled() -> None:
    """With cases that pass, and without any."""
    assert found() == []
    assert found(cases("deny")) == []


def test_failed_cases_are_findings_at_their_lines() -> None:
    """An author goes straight to it."""
    assert found(cases("allow")) == [
        "cases.yaml:5:1: case `alice may not` failed: decision: expected allow, got deny "
        "[policy_case_failed]"
    ]


def test_broken_cases_are_findings() -> None:
    """What cannot be run does not pass."""
    (finding,) = found(cases("maybe"))
    assert finding.startswith("cases.yaml:7:")


def test_cases_find_their_policies_from_their_own_folder() -> None:
    """As they do on an author's disk."""
    assert found(cases("deny", "../p.yaml", "tests/cases.yaml")) == []
    assert found(cases("deny", "q.yaml")) == [
        "cases.yaml: `q.yaml` is not one of the policy files that the server reads [policy_case]"
    ]


def test_cases_may_name_the_folder_of_their_policies() -> None:
    """As `dfks policy test` has it: all its files, and those of its tenants."""
    assert found(cases("deny", ".")) == []
    assert found(cases("deny", "..", "tests/cases.yaml")) == []
    (finding,) = found(cases("deny", "../other", "tests/cases.yaml"))
    assert "`../other` is not one of the policy files" in finding
    tenants = POLICY._replace(file="p/tenants/example.com/p.yaml", tenant="example.com")
    verdict = examine(PolicyFiles((tenants,), (cases("deny", ".", "p/cases.yaml"),)), 60.0)
    assert verdict.findings == []


def test_findings_of_policies_come_alone() -> None:
    """Cases of a file that cannot be read say nothing."""
    verdict = examine(PolicyFiles((Source("p.yaml", "kind: x\n"),), (cases("allow"),)), 60.0)
    assert {finding.file for finding in verdict.findings} == {"p.yaml"}
