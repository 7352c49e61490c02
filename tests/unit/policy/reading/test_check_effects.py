"""Effects that do not suit their rule; more of them are in test_check.py."""

import pytest

from dfks_rules.policy.reading.check import check
from tests.helpers.policy import source


@pytest.mark.parametrize(
    ("when", "then", "code"),
    [
        ("{op: subscribe}", "{allow: true}", None),
        ("{}", "{allow: true}", "policy_effect"),
        ("{op: set}", "{also: [{feature: DoNotDisturb, group: g, status: 1}]}", None),
        ("{op: get}", "{also: [{feature: DoNotDisturb, group: g, status: 1}]}", "policy_effect"),
        (
            "{op: set}",
            "{also: [{feature: DoNotDisturb, group: g, status: 1, values: {ringCount: 3}}]}",
            "policy_effect",
        ),
    ],
)
def test_effects_belong_to_an_operation_and_a_feature(
    when: str, then: str, code: str | None
) -> None:
    """Also those of sets that follow for a group."""
    rule = (
        f"- {{id: r, when: {when}, then: {then}}}" if when != "{}" else f"- {{id: r, then: {then}}}"
    )
    assert [one.code for one in check([source(rule)]).findings] == ([code] if code else [])
