"""What differs between two sets of policies, and how it is said."""

from contextlib import closing

import pytest

from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.studying.compare import Comparison, compare, said, what_differs
from tests.helpers.policy import policies

STORED = "- {id: stored, when: {op: set}, then: {status: request}}"
BARRED = """
- id: barred
  when: {op: set, feature: CallForwardingAlways, user: alice}
  then: {deny: toll-fraud}
- {id: stored, when: {op: set}, then: {status: request}}
"""
CFA = {"op": "set", "feature": "CallForwardingAlways", "request.status": 1}


def lines(old: PolicySet, new: PolicySet) -> list[str]:
    """Each group in one line."""
    return [
        f"{said(one.old, one.key.changed)} -> {said(one.new, one.key.changed)}"
        for one in compare(old, new).groups
    ]


def test_a_rule_that_now_refuses_is_found_with_the_facts_that_show_it() -> None:
    """This is what an author asks before a change goes live."""
    with closing(policies(STORED)) as old, closing(policies(BARRED)) as new:
        (group,) = compare(old, new).groups
        assert group.given == CFA
        assert lines(old, new) == ["allow status=1 (p/stored) -> deny toll-fraud (p/barred)"]


def test_another_reason_is_a_difference() -> None:
    """Phones and statistics see it."""
    other = BARRED.replace("toll-fraud", "no-forwarding")
    with closing(policies(BARRED)) as old, closing(policies(other)) as new:
        assert lines(old, new) == ["deny toll-fraud (p/barred) -> deny no-forwarding (p/barred)"]


def test_another_answer_to_a_refusal_is_a_difference() -> None:
    """200 or 403 is what the phone sees."""
    other = BARRED.replace("deny: toll-fraud", "deny: {reason: toll-fraud, answer: reject-403}")
    with closing(policies(BARRED)) as old, closing(policies(other)) as new:
        assert lines(old, new) == [
            "deny toll-fraud answer=stored (p/barred) -> "
            "deny toll-fraud answer=reject-403 (p/barred)"
        ]


def test_values_are_told() -> None:
    """Where calls go is the point."""
    set_ = "- {id: a, when: {op: get, feature: CallForwardingBusy}, then: {assigned: true}}"
    target = set_.replace("assigned: true", "values: {forwardTo: sip:vm@example.com}")
    with closing(policies(set_)) as old, closing(policies(target)) as new:
        assert lines(old, new) == ["allow -> allow forwardTo=sip:vm@example.com (p/a)"]


def test_the_same_meaning_by_another_rule_is_no_difference() -> None:
    """A refactoring is what this command shall prove harmless."""
    renamed = STORED.replace("id: stored", "id: kept")
    with closing(policies(STORED)) as old, closing(policies(renamed)) as new:
        view = view_of(CFA)
        assert old.decide_view(view) != new.decide_view(view)
        assert what_differs(old.decide_view(view), new.decide_view(view)) == ()
        assert compare(old, new).different == 0


def test_no_more_requests_are_tried_than_allowed() -> None:
    """A large set must not take hours."""
    with closing(policies(BARRED)) as old, closing(policies(STORED)) as new:
        assert compare(old, new, most=7).tried == 7


def test_groups_are_counted_and_the_first_is_named() -> None:
    """41 users, and one to look at."""
    with closing(policies(STORED)) as old, closing(policies(BARRED)) as new:
        comparison = Comparison(old, new)
        assert comparison.add(view_of({**CFA, "user": "bob"}), "bob") is None
        for name in ("first", "second"):
            comparison.add(view_of({**CFA, "time": "08:00"}), name)
        (group,) = comparison.groups
        assert (group.name, group.count, group.given) == ("first", 2, CFA)
        assert (comparison.tried, comparison.different) == (3, 2)


def test_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of millions must not fill the memory."""
    monkeypatch.setattr("dfks_rules.policy.studying.compare.MAX_GROUPS", 0)
    with closing(policies(STORED)) as old, closing(policies(BARRED)) as new:
        comparison = Comparison(old, new)
        comparison.add(view_of(CFA))
        assert (comparison.groups, comparison.different, comparison.ungrouped) == ([], 1, 1)


RULE = "- {{id: a, when: {{op: set, feature: CallForwardingNoAnswer, {when}}}, then: {{{then}}}}}"
HOURS = 'schedules: {{office: {{tz: Europe/Berlin, weekly: ["Mon-Fri 08:00-{end}"]}}}}'
AGENT = "feature: DoNotDisturb, user: agent"


@pytest.mark.parametrize(
    ("when", "then", "changed"),
    [
        ("time: {during: office}", "deny: x", ("17:00", "17:01")),
        ("time: {outside: office}", "deny: x", ("17:00", "16:59")),
        ("groups: {has: [sales]}", "deny: x", ("sales", "export")),
        ("target.self: true", "deny: x", ("true", "false")),
        ("target.class: premium", "deny: x", ("premium", "mobile")),
        ("target.country: [FR]", "deny: x", ("FR", "BE")),
        ("user: {regex: '(?i)room-[0-9]+'}", "deny: x", ("(?i)room", "room")),
        ("source.ip: {cidr: 10.0.0.0/8}", "deny: x", ("10.0.0.0/8", "10.0.0.0/9")),
        ("rate.user: {gt: 10}", "deny: x", ("10", "11")),
        ("user: al", "values: {ringCount: {from: request.ringCount, max: 9}}", ("9", "8")),
        ("user: al", "values: {ringCount: {from: stored.ringCount, min: 4}}", ("4", "5")),
        ("user: al", "values: {forwardTo: {from: userAgent}}", ("userAgent", "device")),
        ("user: al", f"also: [{{{AGENT}, status: 0}}]", ("agent", "agent-2")),
        ("user: al", f"also: [{{{AGENT}, status: request}}]", ("request", "1")),
    ],
)
def test_a_change_of_each_kind_is_found(when: str, then: str, changed: tuple[str, str]) -> None:
    """A report that overlooks a kind of fact or effect is worse than none."""
    rule = RULE.format(when=when, then=then)
    hours = HOURS.format(end="17:00")
    other_rule, other_hours = rule.replace(*changed), hours.replace(*changed)
    assert (rule, hours) != (other_rule, other_hours)
    with closing(policies(rule, hours)) as old, closing(policies(other_rule, other_hours)) as new:
        assert compare(old, new).different
        assert compare(old, old).different == 0
