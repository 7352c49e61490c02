"""What one rule can have wrong; what is found is in tests/policies/must_fail/lint too."""

import pytest

from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.lint.ranked import ranked
from dfks_rules.policy.lint.single import single
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source


def codes(when: str, then: str, head: str = "") -> list[str]:
    """The codes of what is said of a rule."""
    policies, findings, _ = check([source(f"- {{id: r, when: {when}, then: {then}}}", head)])
    assert findings == []
    return [finding.code for finding in single(ranked(policies))]


def linted(*sources: Source) -> list[str]:
    """The codes of all that is said of files, but that denials bar switching off."""
    _, found = check_and_lint(sources)
    assert [one for one in found if one.severity == "error"] == []
    return [one.code for one in found if one.code != "policy_bars_switching_off"]


@pytest.mark.parametrize(
    "when",
    [
        # Who asks, and nothing about what is asked.
        "{op: set, origin: watcher}",
        "{op: set, origin: watcher, domain: hotel.example, user: {glob: 'room-*'}}",
        "{op: set, origin: watcher, not: {watcher: {sameAs: presentity}}}",
        "{op: set, not: {watcher.groups: {sameAs: groups}}}",
        "{op: set, watcher.team: {exists: true}, user.team: night}",
        "{op: set, userAgent: {has: Lobby}, feature: DoNotDisturb}",
        # Which states of an agent are barred.
        "{op: set, request.state: notReady, groups: {has: desk}}",
        "{op: set, request.state: [notReady, loggedOff], group.desk.AgentState.on: {le: 3}}",
        "{op: set, source.ip: {cidr: 10.9.0.0/16}}",
        "{op: set, rate.device: {gt: 20}}",
        # Off is what is asked about.
        "{op: set, feature: DoNotDisturb, request.status: 0, time: {lt: '08:00'}}",
        # On only.
        "{op: set, request.status: 1}",
        "{op: set, request.status: {ne: 0}, request.forwardTo: {prefix: '+900'}}",
        "{op: set, request.state: ready, time: {lt: '08:00'}}",
        # There is nothing to switch off.
        "{op: set, stored.state: loggedOff, time: {lt: '08:00'}}",
        "{op: set, stored.status: 0, time: {lt: '08:00'}}",
        # Not a set.
        "{op: get, user: bob}",
        "{op: subscribe, user: bob}",
    ],
)
def test_denials_that_leave_off_alone_or_mean_it_are_let_pass(when: str) -> None:
    """A guest's phone is read-only on purpose."""
    assert codes(when, "{deny: no}") == []


@pytest.mark.parametrize(
    "when",
    [
        "{op: set, user: bob}",
        "{op: set, feature: CallForwardingAlways}",
        "{op: set, origin: watcher, weekday: [sat, sun]}",
        "{op: set, origin: watcher, request.forwardTo: {prefix: '+900'}}",
        "{origin: watcher, stored.forwardTo: {prefix: '+900'}}",
        "{any: [{op: get, user: bob}, {op: set, user: bob}]}",
        "{op: set, any: [{request.status: 1}, {request.forwardTo: {prefix: '+900'}}]}",
    ],
)
def test_denials_that_also_bar_switching_off_are_told(when: str) -> None:
    """Nobody must be kept in a forwarding, or in DND."""
    assert codes(when, "{deny: no}") == ["policy_bars_switching_off"]
    assert codes(when, "{notify: false}") == []


def test_the_scope_counts() -> None:
    """There `request.status: 1` stands once for all rules."""
    when = "{request.forwardTo: {prefix: '+900'}}"
    assert codes(when, "{deny: no}", "scope: {op: set, request.status: 1}") == []
    assert codes(when, "{deny: no}", "scope: {op: set}") == ["policy_bars_switching_off"]


def test_a_rule_without_condition_may_set_and_log_but_not_deny_or_end() -> None:
    """Defaults are for everyone; what bars everyone is a `when` that was forgotten."""
    everything = "{origin: {exists: true}}"
    assert codes(everything, "{status: stored}") == []
    (policies, *_) = check([source("- {id: r, then: {status: stored, log: x}}")])
    assert list(single(ranked(policies))) == []
    for then in ("{deny: closed}", "{status: stored, final: true}"):
        (policies, *_) = check([source(f"- {{id: r, then: {then}}}")])
        assert [one.code for one in single(ranked(policies))] == ["policy_always_matches"]


def test_conditions_too_large_to_negate_are_not_looked_into() -> None:
    """A bounded check says nothing rather than taking forever."""
    parts = ", ".join(f"{{user: {{ne: a{n}}}, param: {{ne: b{n}}}}}" for n in range(7))
    assert codes(f"{{any: [{parts}]}}", "{notify: false}") == []


def test_assigned_counts_beside_a_denied_get() -> None:
    """And `notify` always."""
    assert codes("{op: get, user: bob}", "{deny: no, assigned: false, notify: false}") == []
    found = codes("{op: set, request.status: 1}", "{deny: no, assigned: false, notify: false}")
    assert found == ["policy_no_effect"]


def test_sets_that_follow_need_one_that_is_not_refused() -> None:
    """Unless an Exception may lift the denial: then all that the rule says counts."""
    when = "{op: set, feature: CallForwardingAlways, user: bob, request.status: 1}"
    also = "also: [{feature: DoNotDisturb, status: 0}], values: {forwardTo: x}"
    assert codes(when, f"{{deny: no, {also}}}") == ["policy_no_effect"] * 2
    assert codes(when, f"{{deny: {{reason: no, exceptions: true}}, {also}}}") == []
