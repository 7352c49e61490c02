"""What a rule means, one rule at a time."""

import pytest

from dfks_rules.policy.reading.check import check
from tests.helpers.policy import source


@pytest.mark.parametrize(
    ("rule", "code", "message"),
    [
        (
            "{id: r, when: {op: get, request.status: 1}, then: {status: 0}}",
            "policy_never_matches",
            None,
        ),
        (
            "{id: r, when: {op: get}, then: {values: {forwardTo: {from: request.forwardTo}}}}",
            "policy_fact",
            "fact `request.forwardTo` exists only for `set`; the rule is about `get`",
        ),
        (
            "{id: r, when: {op: [get, set]}, then: {also: [{feature: DoNotDisturb, status: 0}]}}",
            "policy_effect",
            "`also` is for rules with `op: set` in `when` or in the scope",
        ),
        (
            "{id: r, when: {op: set, feature: DoNotDisturb}, then: {values: {ringCount: 3}}}",
            "policy_effect",
            "`DoNotDisturb` has no value `ringCount`",
        ),
        (
            "{id: r, when: {op: set, user: a, domain: {in: [b]}, user: b}, then: {status: 0}}",
            "policy_duplicate_key",
            None,
        ),
    ],
)
def test_a_rule_that_means_nothing_is_told(rule: str, code: str, message: str | None) -> None:
    """One finding each."""
    (finding,) = check([source(f"- {rule}")]).findings
    assert finding.code in (code, "policy_fact")
    assert message in (None, finding.message)


def test_the_ways_of_a_rule_are_those_in_which_it_can_match() -> None:
    """A way that contradicts itself is none."""
    rule = "{id: r, when: {any: [{user: a}, {user: b, not: {user: b}}]}, then: {status: 0}}"
    (one,) = check([source(f"- {rule}")]).policies
    assert [len(ways) for ways in one.alternatives] == [1]
