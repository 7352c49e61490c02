"""Numbers that nobody can read, and rules that ask for them."""

import pytest

from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source

PLAN = "apiVersion: dfks/v1\nkind: NumberPlan\nmetadata: {name: n}\n"
RULE = "- {id: r, when: {op: set, request.status: 1, %s}, then: {deny: no}}"


def codes(test: str, plan: str | None = None) -> list[str]:
    """What is said of a rule with this test, beside a plan."""
    plans = [] if plan is None else [Source("numbers.yaml", PLAN + plan)]
    return [one.code for one in check_and_lint([source(RULE % test), *plans])[1]]


@pytest.mark.parametrize(
    "test",
    [
        "target.number: {prefix: '+1900'}",
        "target.class: premium",
        "target.reach: {ne: internal}",
        "not: {target.country: US}",
    ],
)
def test_rules_about_numbers_need_a_country(test: str) -> None:
    """`1-900-555-0100`, dialled in New York, would pass a bar of +1900."""
    assert codes(test) == ["policy_no_country"]
    assert codes(test, "classes: {mine: ['+1900']}\n") == ["policy_no_country"]
    assert codes(test, "country: US\n") == []
    assert codes(test, "domains: {acme.example: {country: US}}\n") == []


@pytest.mark.parametrize("test", ["target.self: true", "target.kind: foreign", "user: bob"])
def test_other_rules_do_not(test: str) -> None:
    """A warning that is often wrong is not read."""
    assert codes(test) == []
