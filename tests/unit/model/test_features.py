"""States, and what is said of their values."""

import pytest

from dfks_rules.model.features import (
    NOTHING_STORED,
    OFF,
    VALUES_OF,
    Feature,
    FeatureState,
    values_from,
    values_over,
)
from dfks_rules.model.values import VALUES, Value, Values

TO: Values = ((Value.FORWARD_TO, "bob"),)
RINGS: Values = ((Value.RING_COUNT, 4),)
BOTH: Values = (*TO, *RINGS)


def test_values_stand_in_one_order_whatever_order_they_are_said_in() -> None:
    """Else two equal states would differ."""
    assert values_from({Value.RING_COUNT: 4, Value.FORWARD_TO: "bob"}) == BOTH
    assert values_from({Value.RING_COUNT: None, Value.FORWARD_TO: None}) == ()


def test_every_feature_has_its_values_in_that_order() -> None:
    """Bodies are read and written by these rows."""
    for values in VALUES_OF.values():
        assert list(values) == [value for value in VALUES if value in values]


@pytest.mark.parametrize(
    ("upper", "lower", "both"),
    [
        ((), (), ()),
        (TO, (), TO),
        ((), TO, TO),
        (RINGS, TO, BOTH),
        (BOTH, ((Value.FORWARD_TO, "carol"),), BOTH),
        (TO, ((Value.FORWARD_TO, "carol"), *RINGS), BOTH),
        (((Value.FORWARD_TO, ""),), TO, TO),
    ],
)
def test_what_is_said_of_one_value_leaves_the_others(
    upper: Values, lower: Values, both: Values
) -> None:
    """A phone that changes the rings keeps its target."""
    assert values_over(upper, lower) == both


def test_a_state_gives_a_value_or_says_that_it_was_never_said() -> None:
    """By the row, or all by their names."""
    state = FeatureState(True, RINGS)
    assert (state.value(Value.RING_COUNT), state.value(Value.FORWARD_TO)) == (4, None)
    assert state.by_name == {"ringCount": 4}


def test_a_snapshot_is_replaced_by_its_next_revision() -> None:
    """The other features keep their states."""
    on = FeatureState(status=True)
    after = NOTHING_STORED.replace(Feature.CALL_FORWARDING_ALWAYS, on)
    assert (after.revision, after.states) == (1, (OFF, on, OFF, OFF))
    assert after.state(Feature.CALL_FORWARDING_ALWAYS) is on
