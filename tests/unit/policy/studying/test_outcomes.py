"""Which tests were true, and which false."""

from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.studying.outcomes import Outcomes
from dfks_rules.policy.studying.witness import Facts
from tests.helpers.policy import source
from tests.unit.policy.reading.test_check_exceptions import exception

SOURCE = source(
    """
- id: a
  when: {op: get, any: [{user: alice}, {user: bob}]}
  unless: {domain: other.example}
  then: {status: 1}
"""
)


def told(*given: Facts) -> list[str]:
    """What no request shows."""
    policies = load([SOURCE])
    outcomes = Outcomes()
    outcomes.add(policies, [SOURCE], map(view_of, given))
    policies.close()
    return [gap.what for gap in outcomes.unshown()]


def test_each_test_should_have_been_true_and_false() -> None:
    """Under `any` and `unless` as well; `op` only says what the rule is about."""
    get = {"op": "get", "feature": "DoNotDisturb"}
    assert told(get) == [
        "{user: alice} was never false",
        "{user: bob} was never true",
        "{domain: other.example} was never true",
    ]
    assert told(get, {**get, "user": "bob", "domain": "other.example"}) == []


def test_requests_of_another_operation_show_nothing() -> None:
    """They would be false of everything; and what is asked nothing, lacks nothing."""
    set_ = {"op": "set", "feature": "DoNotDisturb", "request.status": 1, "domain": "other.example"}
    assert told(set_) == []
    assert len(told(set_, {"op": "get", "feature": "DoNotDisturb"})) == 3


def test_nothing_is_said_of_tests_that_nobody_wrote() -> None:
    """Which requests the file of a tenant is about, and where an Exception can lift something."""
    rules = "- {id: r, when: {op: set, user: bob}, then: {deny: {reason: no, exceptions: true}}}"
    tenant = exception("when: {param: x}", tenant="example.com")
    files = [source(rules)._replace(tenant="example.com"), tenant]
    policies = load(files)
    outcomes = Outcomes()
    given = {"op": "set", "feature": "DoNotDisturb", "request.status": 1, "user": "bob"}
    outcomes.add(policies, files, [view_of(given)])
    policies.close()
    assert [(gap.title, gap.what) for gap in outcomes.unshown()] == [
        ("Exception e/exception", "{param: x} was never true"),
        ("p/r", "{user: bob} was never false"),
    ]
