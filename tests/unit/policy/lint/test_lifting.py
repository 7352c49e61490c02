"""Exceptions that lift nothing."""

from datetime import date

import pytest

from dfks_rules.policy.lint.findings import check_and_lint
from tests.helpers.policy import source
from tests.unit.policy.reading.test_check_exceptions import exception

TODAY = date(2026, 1, 5)
DENIAL = source(
    "- {id: r, when: {op: set, request.status: 1, user: {prefix: room-}}, "
    "then: {deny: {reason: no, exceptions: true}}}"
)


def told(more: str, today: date | None = TODAY) -> list[str]:
    """Codes of what is said of an Exception to the denial."""
    return [one.code for one in check_and_lint([DENIAL, exception(more)], today)[1]]


@pytest.mark.parametrize(
    ("until", "codes"),
    [("2026-01-04", ["policy_expired"]), ("2026-01-05", []), ("2099-12-31", [])],
)
def test_what_has_expired_is_told_from_the_next_day_on(until: str, codes: list[str]) -> None:
    """On its last day it holds."""
    assert told(f"until: {until}") == codes
    assert told(f"until: {until}", None) == []


def test_a_condition_can_expire_as_well() -> None:
    """However it is written."""
    assert told("when: {date: 2025-12-24}") == ["policy_expired"]
    assert told("when: {any: [{date: 2025-12-24}, {date: {ge: 2026-12-24}}]}") == []


@pytest.mark.parametrize(
    ("when", "codes"),
    [
        ("{user: boss}", ["policy_needless_exception"]),
        ("{op: get}", ["policy_needless_exception"]),
        ("{user: room-1}", []),
        ("{domain: a.example}", []),
        ("{watcher.role: boss}", []),
    ],
)
def test_what_never_matches_with_the_denial_is_told(when: str, codes: list[str]) -> None:
    """The denial goes on, and its author wonders."""
    assert told(f"when: {when}") == codes


def test_what_can_be_lifted_hides_no_rule_behind_it() -> None:
    """Where it is lifted, the rule behind it decides."""
    rules = """
    - {id: r, when: {op: set, user: al}, then: {deny: %s}}
    - {id: s, when: {op: set, user: al, param: x}, then: {status: 0}}
    """
    plain = [one.code for one in check_and_lint([source(rules % "no")])[1]]
    assert "policy_shadowed" in plain
    found = check_and_lint([source(rules % "{reason: no, exceptions: true}"), exception()])[1]
    assert "policy_shadowed" not in [one.code for one in found]
