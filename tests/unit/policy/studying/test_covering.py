"""Cases for what no case shows."""

from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import parse_cases, run_cases
from dfks_rules.policy.studying.coverage import Coverage
from dfks_rules.policy.studying.covering import NewCase, beside, cases_text, covering
from dfks_rules.policy.studying.witness import witnesses
from tests.helpers.policy import source
from tests.unit.policy.reading.test_check_exceptions import exception


def cases_for(*files: Source, coverage: Coverage | None = None) -> list[NewCase]:
    """Cases for these files, after they have passed."""
    policies = load(files)
    covered = (coverage or Coverage()).of(policies, files)
    cases = list(covering(policies, covered, witnesses(policies.rules, ())))
    parsed = parse_cases(Source("cases.yaml", cases_text(["p.yaml"], cases)))
    assert all(result.passed for result in run_cases(parsed, policies))
    policies.close()
    return cases


def test_every_way_and_every_rule_gets_a_case() -> None:
    """With the least facts, and what the rule decides."""
    rules = """
- id: a
  when: {op: get, feature: DoNotDisturb, any: [{user: bob}, {domain: other.example}]}
  then: {status: 1}
- id: b
  when: {op: set, user: carol}
  then: {deny: {reason: no}}
"""
    coverage = Coverage()
    cases = cases_for(source(rules), coverage=coverage)
    assert list(coverage.unshown()) == []
    assert [case.name for case in cases] == [
        "p/a decides status",
        "p/a decides status, 2",
        "p/b decides deny",
    ]
    assert cases[0].given.keys() == {"op", "feature", "user"}
    assert cases[2].expect["reason"] == "no"


def test_a_rule_that_decides_nothing_and_an_exception_get_one_too() -> None:
    """What there is to say of them is said."""
    rules = "- {id: r, when: {op: set, user: bob}, then: {deny: {reason: no, exceptions: true}}}"
    logs = "\n- {id: l, when: {op: get}, then: {log: x}}\n"
    cases = cases_for(source(f"{rules}{logs}"), exception())
    assert {case.name for case in cases} >= {"p/l matches", "e/exception lifts p/r"}


def test_each_test_of_a_rule_gets_a_case_in_which_it_alone_fails() -> None:
    """What the rule leaves alone is part of what it means."""
    rule = "- {id: a, when: {op: get, domain: a.example, user: bob, userAgent: {exists: false}}, "
    policies = load([source(rule + "then: {status: 1}}")])
    cases = list(beside(policies, policies.rules[0], witnesses(policies.rules, ())))
    policies.close()
    assert sorted(case.name.partition("without ")[2] for case in cases) == [
        "domain: a.example",
        "user: bob",
        "userAgent: {exists: false}",
    ]
    assert all(case.expect["matched"] == [] for case in cases)
