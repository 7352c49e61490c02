"""Errors and warnings of all files together."""

from dfks_rules.policy.lint.findings import check_and_lint
from tests.helpers.policy import source

SHADOWED = (
    "- {id: a, when: {op: set}, then: {status: 0}}\n"
    "- {id: b, when: {op: set, user: bob}, then: {status: 1}}"
)


def test_findings_are_sorted_by_place() -> None:
    """An author goes through a file from top to bottom."""
    broken = source("- {id: r, then: {status: 7}}", name="b")
    policies, found = check_and_lint([broken, source(SHADOWED, name="a")])
    assert [(one.file, one.code) for one in found] == [
        ("a.yaml", "policy_shadowed"),
        ("b.yaml", "policy_value"),
    ]
    assert [one.policy.name for one in policies] == ["a"]


def test_a_file_with_errors_is_not_linted() -> None:
    """Its other rules may be about to change; comments in it are not called needless either."""
    broken = source(f"{SHADOWED}  # dfks: allow policy_conflict\n- {{id: c, then: {{status: 7}}}}")
    assert [one.code for one in check_and_lint([broken])[1]] == ["policy_value"]


def test_a_misspelt_variable_is_not_called_unused_too() -> None:
    """One mistake, one finding."""
    rules = "- {id: r, when: {op: get, user: {var: vip}}, then: {status: 0}}"
    _, found = check_and_lint([source(rules, "vars: {vips: [alice]}")])
    assert [one.code for one in found] == ["policy_unknown_variable"]


def test_a_rule_that_decides_nothing_is_told_once() -> None:
    """That it would also conflict does not matter."""
    first = source("- {id: a, when: {op: set}, then: {status: 0}}", name="a")
    second = source("- {id: b, when: {op: set, user: bob}, then: {status: 1}}", name="b")
    assert [one.code for one in check_and_lint([first, second])[1]] == ["policy_shadowed"]


def test_a_candidate_is_linted_as_if_it_decided() -> None:
    """`mode: shadow` is for finding mistakes before they decide anything."""
    found = check_and_lint([source(SHADOWED, "mode: shadow", name="a")])[1]
    assert [one.code for one in found] == ["policy_shadowed"]


def test_a_candidate_may_say_what_the_policy_in_force_says() -> None:
    """It is often a copy with one rule changed."""
    rule = "- {id: a, when: {op: set, user: bob}, then: {status: 0}}"
    candidate = source(rule, "mode: shadow", name="b")
    assert check_and_lint([source(rule, name="a"), candidate])[1] == []
    assert check_and_lint([candidate, source(rule, name="c")])[1] == []
