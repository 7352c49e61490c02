"""Denials that bar operations without the fact they test."""

import pytest

from tests.helpers.policy import source
from tests.unit.policy.lint.test_single import linted


@pytest.mark.parametrize(
    ("when", "then"),
    [
        ("{op: [get, set, subscribe], feature: {ne: DoNotDisturb}, origin: watcher}", "{deny: x}"),
        ("{feature: {ne: DoNotDisturb}, origin: watcher}", "{notify: false}"),
        ("{feature: DoNotDisturb, origin: watcher}", "{deny: x}"),
        ("{feature: {exists: false}, watcher.user: bob}", "{deny: x}"),
        ("{watcher.user: {ne: bob}, origin: watcher}", "{deny: x}"),
        ("{feature: {ne: DoNotDisturb}, stored.status: 1, origin: watcher}", "{deny: x}"),
    ],
)
def test_denials_that_bar_what_they_say_are_let_pass(when: str, then: str) -> None:
    """They say `op`, or need a fact that the others lack."""
    found = linted(source(f"- {{id: r, when: {when}, then: {then}}}"))
    assert "policy_bars_others" not in found


def test_a_negation_in_the_scope_counts() -> None:
    """It is a condition like any other."""
    file = source(
        "- {id: r, then: {deny: x}}", "scope: {not: {feature: DoNotDisturb}, origin: watcher}"
    )
    assert linted(file) == ["policy_bars_others"]
