"""What conditions of rules say of one another."""

import pytest

from dfks_rules.policy.migrating.conditions import (
    ALWAYS,
    Condition,
    every,
    excludes,
    negated,
    some,
)

A, B = {"user": "a"}, {"user": "b"}
ON = {"request.status": 1}


@pytest.mark.parametrize(
    ("made", "condition"),
    [
        (every([A, ON]), {"user": "a", "request.status": 1}),
        (every([A, ALWAYS]), A),
        (every([A, B]), {"all": [A, B]}),
        (some([A, B]), {"user": ["a", "b"]}),
        (some([A, ON]), {"any": [A, ON]}),
        (some([some([A, B]), {"user": "c"}]), {"user": ["a", "b", "c"]}),
        (some([A, ALWAYS]), ALWAYS),
        (negated(A), {"not": A}),
        (negated(negated(A)), A),
        (negated({"user": {"ne": "a"}}), A),
        (negated({"param": {"exists": True}}), {"param": {"exists": False}}),
    ],
)
def test_conditions_are_written_as_people_would(made: Condition, condition: Condition) -> None:
    """Nobody wants to read three negations."""
    assert made == condition


@pytest.mark.parametrize(
    ("one", "other", "exclusive"),
    [
        (A, B, True),
        (A, ON, False),
        (A, negated(A), True),
        (every([A, ON]), negated(every([A, ON])), True),
        (A, negated(every([A, ON])), False),
        ({"user": ["a", "b"]}, {"user": "c"}, False),
    ],
)
def test_it_is_seen_where_two_cannot_both_hold(
    one: Condition, other: Condition, exclusive: bool
) -> None:
    """Where in doubt, they can."""
    assert excludes(one, other) is exclusive
    assert excludes(other, one) is exclusive
