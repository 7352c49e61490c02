"""What watchers are shown, by the rules there are."""

import pytest

from dfks_rules.service.shown import Shown, shown_by
from tests.helpers.policy import policies

_TO_WATCHER = "values: {forwardTo: {template: '${watcher.user}'}}"


@pytest.mark.parametrize(
    ("rules", "shown"),
    [
        ("[]", Shown.AS_STORED),
        (
            "- {id: r, when: {op: set, watcher.user: bob}, then: {status: 0}}",
            Shown.AS_STORED,
        ),
        (
            "- {id: r, when: {op: get, watcher.user: bob}, then: {status: stored, log: x}}",
            Shown.AS_STORED,
        ),
        ("- {id: r, when: {op: get}, then: {status: 0}}", Shown.ALIKE),
        (
            "- {id: r, when: {op: get}, then: {deny: {reason: no, answer: off}}}",
            Shown.ALIKE,
        ),
        (
            "- {id: r, when: {op: get, time: {ge: '08:00'}}, then: {status: 0}}",
            Shown.ALIKE,
        ),
        ("- {id: r, when: {op: get, user: bob}, then: {status: 0}}", Shown.ALIKE),
        (
            "- {id: r, when: {op: get, watcher.user: bob}, then: {status: 0}}",
            Shown.TO_EACH_ITS_OWN,
        ),
        (
            "- {id: r, when: {userAgent: x}, then: {assigned: false}}",
            Shown.TO_EACH_ITS_OWN,
        ),
        (
            f"- {{id: r, when: {{op: get}}, then: {{{_TO_WATCHER}}}}}",
            Shown.TO_EACH_ITS_OWN,
        ),
    ],
)
def test_what_a_get_shows_depends_on_what_its_rules_read(rules: str, shown: Shown) -> None:
    """Where none reads who asks, one decision serves all who watch; without rules none is made."""
    assert shown_by(policies(rules)) is shown
