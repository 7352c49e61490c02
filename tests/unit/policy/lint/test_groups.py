"""Groups and attributes that no directory has."""

import pytest

from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source
from tests.unit.policy.lint.test_single import linted
from tests.unit.policy.reading.test_check_exceptions import LIFTABLE, exception

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


def test_groups_that_are_counted_are_looked_at_too() -> None:
    """The count is absent."""
    rule = source(
        "- {id: r, when: {op: set, group.sale.DoNotDisturb.off: {lt: 2}}, then: {log: x}}"
    )
    users = Source("users.csv", f"{USERS}a,a.example,sales,,\n")
    assert linted(rule, users) == ["policy_unknown_group"]


def test_groups_for_which_sets_follow_are_looked_at_too() -> None:
    """Nothing would follow."""
    also = "{also: [{feature: DoNotDisturb, group: sale, status: 1}]}"
    rule = source(f"- {{id: r, when: {{op: set, user: x}}, then: {also}}}")
    users = Source("users.csv", f"{USERS}a,a.example,sales,,\n")
    assert linted(rule, users) == ["policy_unknown_group"]


@pytest.mark.parametrize("fact", ["watcher.groups", "target.groups"])
def test_groups_of_others_are_looked_at_too(fact: str) -> None:
    """They are in the same directory."""
    rule = source(
        f"- {{id: r, when: {{op: get, {fact}: {{has: sale}}}}, then: {{assigned: false}}}}"
    )
    users = Source("users.csv", f"{USERS}a,a.example,sales,,\n")
    assert linted(rule, users) == ["policy_unknown_group"]


@pytest.mark.parametrize(
    "rule",
    [
        "- {id: r, when: {user.managr: x}, then: {log: x}}",
        "- {id: r, when: {watcher.user: {sameAs: user.managr}}, then: {log: x}}",
        "- {id: r, when: {op: set}, then: {values: {forwardTo: {from: user.managr}}}}",
        "- {id: r, when: {op: set}, "
        "then: {also: [{feature: DoNotDisturb, user: '${user.managr}', status: 1}]}}",
    ],
)
def test_an_attribute_that_nobody_has_is_told(rule: str) -> None:
    """Wherever it is read; who has no directory at hand is told nothing."""
    users = Source("users.csv", "user,domain,manager\na,a.example,b\n")
    assert linted(source(rule), users) == ["policy_unknown_attribute"]
    assert linted(source(rule)) == []
    assert linted(source(rule.replace("managr", "manager")), users) == []


def test_without_groups_at_hand_nothing_is_said() -> None:
    """One file is checked alone, or the directory says numbers only."""
    assert linted(RULE) == []
    assert linted(RULE, Source("users.csv", f"{USERS}a,a.example,,,\n")) == []


def test_an_exception_is_called_one() -> None:
    """`rule exception` is in no file."""
    users = Source("users.csv", f"{USERS}a,a.example,sales,,\n")
    found = check_and_lint([exception("when: {groups: {has: sale}}"), LIFTABLE, users])[1]
    assert [str(one) for one in found if one.file == "e.yaml"] == [
        "e.yaml:5:1: warning: nobody is in group `sale` (did you mean `sales`?), which "
        "Exception `e` tests [policy_unknown_group]"
    ]


def test_an_exception_that_cannot_match_is_called_one() -> None:
    """As in all findings."""
    found = check_and_lint([exception("when: {user: [a, b]}\nunless: {user: [a, b]}"), LIFTABLE])[1]
    assert [one.message for one in found if one.file == "e.yaml"] == [
        "Exception `e` can never match: its conditions contradict each other"
    ]
