"""Requests found by proof."""

from zoneinfo import ZoneInfo

from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.studying.coverage import Coverage
from dfks_rules.policy.studying.covering import covering
from dfks_rules.policy.studying.representatives import representatives
from tests.helpers.policy import source

HORIZON = Horizon(ZoneInfo("UTC"), range(2026, 2028))


def names(rules: str) -> tuple[list[str], bool]:
    """Cases that cover these rules, and whether nothing is lacking then."""
    file = source(rules)
    policies = load([file])
    covered = Coverage().of(policies, [file])
    found = representatives(ReferencePolicySet(compile_policies([file])), covered, HORIZON)
    cases = [case.name for case in covering(policies, covered, found)]
    policies.close()
    return cases, covered.is_complete()


def test_every_way_and_every_deciding_rule_has_one() -> None:
    """Also where the first request that matches is decided by another rule."""
    rules = """
- id: a
  when: {op: get, feature: DoNotDisturb, any: [{user: {regex: "b[0-9]{3}x"}}, {domain: a.example}]}
  then: {status: 1}
- id: b
  when: {op: get, feature: DoNotDisturb}
  then: {status: 0}
- id: c
  when: {op: set, user: carol, request.status: 1}
  then: {deny: not-carol}
"""
    cases, is_complete = names(rules)
    assert is_complete
    assert {case.partition(" ")[0] for case in cases} == {"p/a", "p/b", "p/c"}


def test_where_there_is_none_none_is_found() -> None:
    """The second rule never decides."""
    rules = """
- {id: a, when: {op: get, user: bob}, then: {status: 1}}
- {id: b, when: {op: get, user: bob, domain: a.example}, then: {status: 0}}
"""
    cases, is_complete = names(rules)
    assert (len(cases), is_complete) == (2, False)
