"""Groups that no directory has."""

from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source
from tests.unit.policy.lint.test_single import linted

RULE = source("- {id: r, when: {op: get, groups: {has: [sales, export]}}, then: {assigned: false}}")
USERS = "user,domain,groups,role,numbers\n"


def test_groups_that_somebody_is_in_are_let_pass() -> None:
    """In whatever file, and whoever it is."""
    users = Source("users.csv", f"{USERS}a,a.example,sales,,\nb,b.example,export,,\n")
    assert linted(RULE, users) == []


def test_each_group_that_nobody_is_in_is_told_once() -> None:
    """A shadow's rules too."""
    users = Source("users.csv", f"{USERS}a,a.example,sale,,\n")
    assert linted(RULE, users) == ["policy_unknown_group"] * 2
    shadow = source("- {id: r, when: {op: get, groups: {has: x}}, then: {log: x}}", "mode: shadow")
    assert linted(shadow, users) == ["policy_unknown_group"]


def test_without_groups_at_hand_nothing_is_said() -> None:
    """One file is checked alone, or the directory says numbers only."""
    assert linted(RULE) == []
    assert linted(RULE, Source("users.csv", f"{USERS}a,a.example,,,\n")) == []
