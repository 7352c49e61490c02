"""What gets show otherwise as time passes."""

from datetime import timedelta

import pytest

from tests.helpers.policy import CFA, DND, NOON, policies

HEAD = """
schedules:
  office: {weekly: ["Mon-Fri 08:00-18:00"]}
  lunch: {weekly: ["Daily 12:30-13:00"]}
"""


@pytest.mark.parametrize(
    ("rules", "features", "minutes"),
    [
        ("- {id: r, when: {op: get, feature: DoNotDisturb}, then: {status: 1}}", (), None),
        ("- {id: r, when: {op: set, time: {during: lunch}}, then: {status: 1}}", (), None),
        ("- {id: r, when: {op: get, time: {during: lunch}}, then: {notify: false}}", (), None),
        (
            "- {id: r, when: {op: get, feature: DoNotDisturb, time: {during: lunch}},"
            " then: {status: 1}}",
            (DND,),
            30,
        ),
        (
            """
            - id: r
              when: {op: get, feature: DoNotDisturb, time: {outside: office}}
              then: {status: 1}
            - id: s
              when: {feature: CallForwardingAlways, user: bob, time: {ge: "13:15"}}
              then: {assigned: false}
            """,
            (DND, CFA),
            75,
        ),
    ],
)
def test_timing_is_that_of_rules_about_gets_that_show_something_else(
    rules: str, features: tuple[object, ...], minutes: int | None
) -> None:
    """Rules about sets, and about who is told, change nothing of what phones show."""
    timing = policies(rules, HEAD).timing
    assert timing.features == features
    edge = timing.next_edge(NOON)
    assert edge == (None if minutes is None else NOON + timedelta(minutes=minutes))
