"""Shadowed and duplicate rules; what is found is in tests/policies/must_fail/lint too."""

import pytest

from dfks_rules.errors import Finding
from dfks_rules.policy.lint.ranked import ranked
from dfks_rules.policy.lint.shadowing import shadowed
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source


def found(*sources: Source) -> list[Finding]:
    """What is said of these files."""
    policies, findings, _ = check(sources)
    assert findings == []
    return shadowed(ranked(policies))


@pytest.mark.parametrize(
    "rules",
    [
        # Another field, or another value of the feature, is left.
        "- {id: a, when: {op: set}, then: {status: 0}}\n"
        "- {id: b, when: {op: set, user: bob}, then: {notify: false}}",
        # The general rule comes last.
        "- {id: a, when: {op: set, user: bob}, then: {status: 0}}\n"
        "- {id: b, when: {op: set}, then: {status: 1}}",
        # Gets are left.
        "- {id: a, when: {op: set}, then: {status: 0}}\n"
        "- {id: b, when: {user: bob}, then: {status: 1}}",
        # A denial is not a field: it wins wherever it stands.
        "- {id: a, when: {op: set}, then: {status: 0, final: true}}\n"
        "- {id: b, when: {op: set, user: bob, request.status: 1}, then: {deny: no}}",
        # Who is told counts beside a denial.
        "- {id: a, when: {op: set, origin: watcher}, then: {deny: no}}\n"
        "- {id: b, when: {op: set, origin: watcher, user: bob}, then: {notify: requester}}",
        # It ends the list.
        "- {id: a, when: {op: set}, then: {status: 0}}\n"
        "- {id: b, when: {op: set, user: bob}, then: {status: 1, final: true}}",
        # It only logs.
        "- {id: a, when: {op: set}, then: {status: 0}}\n"
        "- {id: b, when: {op: set, user: bob}, then: {log: x}}",
        # Two rules together, but not for carol.
        "- {id: a, when: {op: set, user: alice}, then: {status: 0}}\n"
        "- {id: b, when: {op: set, user: bob}, then: {status: 0}}\n"
        "- {id: c, when: {op: set, user: [alice, bob, carol]}, then: {status: 1}}",
        # One domain of two.
        "- {id: a, when: {op: set, domain: a.example}, then: {status: 0}}\n"
        "- {id: b, when: {op: set, domain: [a.example, b.example]}, then: {status: 1}}",
    ],
)
def test_a_rule_to_which_something_is_left_is_not_shadowed(rules: str) -> None:
    """A warning that is wrong costs the trust in all others."""
    assert found(source(rules)) == []


def test_domains_are_covered_as_a_whole() -> None:
    """By a rule that names them all, or none."""
    narrow = "- {id: b, when: {op: set, domain: [a.example, b.example]}, then: {status: 1}}"
    for wide in ("domain: [c.example, b.example, a.example]", "origin: {exists: true}"):
        rules = f"- {{id: a, when: {{op: set, {wide}}}, then: {{status: 0}}}}\n{narrow}"
        codes = [finding.code for finding in found(source(rules))]
        assert codes == (["policy_shadowed"] if wide.startswith("domain") else [])


def test_precedence_and_not_the_order_of_files_says_what_is_earlier() -> None:
    """A default policy that repeats a mandatory one is the dead one."""
    last = source("- {id: r, when: {op: set}, then: {status: 1}}", "band: default", "a")
    first = source("- {id: r, when: {op: set}, then: {status: 0}}", "band: mandatory", "b")
    (finding,) = found(last, first)
    assert finding.file == "a.yaml"
    assert finding.message == "rule `r` decides nothing: `b/r` (b.yaml:6) comes first"


def test_policies_that_are_off_shadow_nothing() -> None:
    """They decide nothing themselves."""
    off = source("- {id: r, when: {op: set}, then: {status: 1}}", "mode: off\nband: mandatory", "a")
    assert found(off, source("- {id: s, when: {op: set, user: bob}, then: {status: 1}}")) == []


def test_only_some_of_many_rules_are_named() -> None:
    """A message is one line."""
    users = "abcde"
    rules = [f"- {{id: {u}, when: {{op: set, user: {u}}}, then: {{status: 0}}}}" for u in users]
    rules.append("- {id: z, when: {op: set, user: [a, b, c, d, e]}, then: {status: 1}}")
    every = "{any: [{user: a}, {user: b}, {user: c}, {user: d}, {user: e}]}"
    rules.append(f"- {{id: y, when: {{op: set, all: [{every}]}}, then: {{status: 1}}}}")
    (finding,) = found(source("\n".join(rules)))
    assert finding.message.endswith("`p/c` (p.yaml:7) and 2 more come first")


def test_the_same_rule_in_two_bands_is_a_duplicate() -> None:
    """Effects and conditions count, ids do not."""
    first = source("- {id: r, when: {op: set}, then: {status: 0}}", "band: mandatory", "a")
    second = source("- {id: s, when: {op: set}, then: {status: 0}}", name="b")
    (finding,) = found(first, second)
    assert (finding.code, finding.severity) == ("policy_duplicate_rule", "warning")
