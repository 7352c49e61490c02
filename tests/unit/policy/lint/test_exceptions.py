"""Exceptions that stand before a denial."""

import pytest

from tests.helpers.policy import source
from tests.unit.policy.lint.test_single import linted

DENIAL = (
    "- {id: nobody, when: {op: set, feature: DoNotDisturb, request.status: 1}, then: {deny: x}}"
)


def found(when: str, then: str, denial: str = DENIAL) -> bool:
    """Whether a rule before a denial is told of."""
    rules = f"- {{id: r, when: {when}, then: {then}}}\n{denial}"
    return "policy_overruled" in linted(source(rules))


@pytest.mark.parametrize(
    ("when", "then"),
    [
        ("{op: set, feature: DoNotDisturb, user: boss}", "{status: request}"),
        ("{op: set, user: boss}", "{status: request, final: true}"),
        ("{op: set, groups: {has: bosses}, request.status: 1}", "{status: 1}"),
        ("{op: set, feature: DoNotDisturb, domain: a.example}", "{status: request}"),
    ],
)
def test_an_exception_that_a_denial_overrules_is_told(when: str, then: str) -> None:
    """Its author thinks that the first rule wins."""
    assert found(when, then)


@pytest.mark.parametrize(
    ("when", "then"),
    [
        ("{op: set}", "{status: request}"),  # a default, no exception
        ("{op: set, feature: DoNotDisturb}", "{status: request}"),
        ("{op: set, user: boss, feature: CallForwardingBusy}", "{status: request}"),
        ("{op: get, user: boss}", "{status: 1}"),
        ("{op: set, user: boss}", "{status: 0}"),
        ("{op: set, user: boss}", "{notify: false, log: x}"),
        ("{op: set, user: boss, request.status: 0}", "{status: request}"),
    ],
)
def test_rules_that_except_nobody_are_let_pass(when: str, then: str) -> None:
    """They are about other things, or permit nothing."""
    assert not found(when, then)


def test_an_exception_that_the_denial_knows_is_let_pass() -> None:
    """As the finding advises."""
    unless = DENIAL.replace("then:", "unless: {user: boss}, then:")
    assert not found("{op: set, feature: DoNotDisturb, user: boss}", "{status: request}", unless)


def test_a_denial_in_another_file_is_for_everybody() -> None:
    """An operator's guard, and what a tenant permits."""
    rule = "- {id: r, when: {op: set, user: boss}, then: {status: request}}"
    assert linted(source(rule, name="a"), source(DENIAL, "priority: 100", name="b")) == []
