"""Conflicts between files; what is found is in tests/policies/must_fail/lint too."""

import pytest

from dfks_rules.errors import Finding
from dfks_rules.policy.lint.conflicts import conflicts
from dfks_rules.policy.lint.ranked import ranked
from dfks_rules.policy.reading.check import check
from tests.helpers.policy import source


def found(one: str, other: str, heads: tuple[str, str] = ("", "")) -> list[Finding]:
    """What is said of two files with one rule each: `WHEN -> THEN`."""
    sources = []
    for name, text, head in zip("ab", (one, other), heads, strict=True):
        when, then = text.split(" -> ")
        sources.append(source(f"- {{id: r, when: {when}, then: {then}}}", head, name))
    policies, findings, _ = check(sources)
    assert findings == []
    return conflicts(ranked(policies))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{op: set, user: bob} -> {status: 0}", "{op: set, weekday: mon} -> {status: 1}"),
        ("{op: set, domain: a.example} -> {status: 0}", "{op: set} -> {status: 1}"),
        ("{op: set} -> {status: 0}", "{op: set, domain: a.example} -> {status: 1}"),
        ("{op: get, user: {glob: 'b*'}} -> {assigned: false}", "{user: bob} -> {assigned: true}"),
    ],
)
def test_rules_that_may_match_together_conflict(one: str, other: str) -> None:
    """The second file is the one that is told, and names the first."""
    (finding,) = found(one, other)
    assert (finding.file, finding.code, finding.severity) == (
        "b.yaml",
        "policy_conflict",
        "warning",
    )
    assert "`a/r` (a.yaml:5)" in finding.message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{op: set, user: bob} -> {status: 0}", "{op: set, user: alice} -> {status: 1}"),
        ("{op: set, user: bob} -> {status: 0}", "{op: set} -> {status: 0}"),
        ("{op: set, user: bob} -> {status: 0}", "{op: set} -> {notify: false}"),
        ("{op: set} -> {status: 0}", "{op: get} -> {status: 1}"),
        (
            "{op: set, domain: a.example} -> {status: 0}",
            "{op: set, domain: b.example} -> {status: 1}",
        ),
        ("{op: set, user: bob} -> {deny: a}", "{op: set} -> {deny: b}"),
        ("{op: set, user: bob} -> {deny: a}", "{op: set} -> {status: 1}"),
        (
            "{op: set, feature: CallForwardingBusy, user: {prefix: a}} -> {status: 0}",
            "{op: set, user: {prefix: b}} -> {status: 1}",
        ),
        (
            "{op: set, feature: DoNotDisturb} -> {deny: {reason: a, answer: 'off'}}",
            "{op: set, target.self: true} -> {deny: b}",
        ),
        ("{op: set, param: x} -> {status: 0}", "{op: set, userAgent: x} -> {status: 1}"),
    ],
)
def test_rules_that_cannot_disagree_do_not_conflict(one: str, other: str) -> None:
    """Another user, the same value, another field, another question, or facts that never meet."""
    assert found(one, other) == []


def test_an_order_that_somebody_chose_is_no_conflict() -> None:
    """That is what band and priority are for."""
    rules = ("{op: set, user: bob} -> {status: 0}", "{op: set} -> {status: 1}")
    assert found(*rules, ("priority: 1", "")) == []
    assert found(*rules, ("", "band: default")) == []
    assert len(found(*rules, ("priority: 7", "priority: 7"))) == 1


def test_rules_of_one_file_have_an_order() -> None:
    """First match is the language's `else if`."""
    rules = "- {id: a, when: {user: bob}, then: {status: 0}}\n- {id: b, then: {status: 1}}"
    assert conflicts(ranked(check([source(rules)])[0])) == []
