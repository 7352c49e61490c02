"""Rules that change nothing, found by proof."""

from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.studying.redundant import redundant
from tests.helpers.policy import source


def _told(rules: str) -> list[str]:
    return [finding.message for finding in redundant([source(rules)], Horizon())]


def test_a_rule_that_others_cover_together_changes_nothing() -> None:
    """No pair of them shows it."""
    assert _told("""
        - {id: day, when: {op: set, time: {ge: "08:00"}}, then: {deny: closed}}
        - {id: night, when: {op: set, time: {lt: "08:00"}}, then: {deny: closed}}
        - {id: guests, when: {op: set, role: guest}, then: {deny: closed}}
    """) == ["rule `guests` changes nothing: without it, every request is decided alike"]


def test_a_rule_whose_conditions_exclude_one_another_can_never_match() -> None:
    """Each fact by itself allows it."""
    assert _told("""
        - id: never
          when: {op: set, presentity: {prefix: "sip:a"}, user: {prefix: b}}
          then: {status: 0}
    """) == ["rule `never` can never match: no request passes its conditions"]


def test_a_rule_that_changes_any_decision_is_not_told() -> None:
    """Not even if it only logs, or only for one user."""
    assert (
        _told("""
        - {id: all, when: {op: set}, then: {status: 0}}
        - {id: one, when: {op: set, user: anna}, then: {log: "${user}"}}
    """)
        == []
    )


def test_rules_in_shadow_are_not_looked_at() -> None:
    """They decide nothing on purpose."""
    rules = "- {id: x, mode: shadow, when: {op: set}, then: {status: 0}}"
    assert _told(rules) == []


def test_rules_that_say_what_happens_anyway_are_not_told() -> None:
    """The default policy does, on purpose."""
    assert _told("- {id: x, when: {op: set}, then: {status: request}}") == []
