"""States, and what is said of their values."""

from typing import cast

import pytest

from dfks_rules.model.features import (
    FEATURES,
    NOTHING_STORED,
    OFF,
    ROWS,
    VALUES_OF,
    Feature,
    FeatureState,
    Spelling,
    state_of,
    switched_off,
    values_from,
    values_over,
)
from dfks_rules.model.values import VALUES, Choice, Value, Values
from tests.helpers.states import agent, forwarding

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
    assert (after.revision, after.states) == (1, (OFF, on, *[OFF] * (len(FEATURES) - 2)))
    assert after.state(Feature.CALL_FORWARDING_ALWAYS) is on


SPELLING = cast(Spelling, ROWS[Feature.AGENT_STATE].spelling)
NEVER = FeatureState()


def test_a_word_for_a_status_is_one_that_its_value_may_be() -> None:
    """The table says it once; here is what holds for every row."""
    for feature, row in ROWS.items():
        if row.spelling is not None:
            kind = row.spelling.value.kind
            assert isinstance(kind, Choice)
            assert {row.spelling.on, row.spelling.off, row.spelling.unset} <= set(kind.words)
            assert {row.spelling.value, row.spelling.excuse} <= set(VALUES_OF[feature])


def test_every_feature_has_a_row() -> None:
    """In the order in which phones are told."""
    assert tuple(ROWS) == FEATURES


@pytest.mark.parametrize(
    ("state", "stored", "agreed"),
    [
        # They agree.
        (agent("ready", "4711"), NEVER, agent("ready", "4711")),
        (NEVER, NEVER, NEVER),
        (agent("loggedOff"), agent("ready"), agent("loggedOff")),
        # Nobody said a word, or it is of a status that was.
        (agent(status=True), NEVER, agent("ready")),
        (agent("loggedOff", "4711", status=True), NEVER, agent("ready", "4711")),
        (agent("ready", status=False), agent("ready"), agent("notReady")),
        # The stored word goes with the status.
        (agent("ready", status=False), agent("workingAfterCall"), agent("workingAfterCall")),
        (agent("ready", status=False), NEVER, NEVER),
        (agent("notReady", "4", "10", status=True), agent("ready"), agent("ready", "4")),
        # A reason is one for not being ready.
        (agent("notReady", None, "10"), NEVER, agent("notReady", None, "10")),
        (agent("ready", None, "10"), NEVER, agent("ready")),
        (agent("loggedOff", None, "10"), NEVER, agent("loggedOff")),
    ],
)
def test_status_and_word_are_brought_into_agreement(
    state: FeatureState, stored: FeatureState, agreed: FeatureState
) -> None:
    """Whoever says only one of them need not know the other."""
    assert SPELLING.agreed(state, stored) == agreed
    assert SPELLING.agreed(agreed, stored) == agreed


def test_a_new_word_needs_a_new_reason() -> None:
    """The reason for yesterday's break is not one for today's."""
    stored = agent("notReady", "4711", "10")
    assert SPELLING.kept(agent("notReady"), stored) == agent("notReady", "4711").values
    assert SPELLING.kept(agent(agent_id="4712"), stored) == stored.values


def test_a_word_takes_precedence_over_the_status_that_came_with_it() -> None:
    """It says more."""
    assert state_of(Feature.AGENT_STATE, agent("ready", status=False)) == agent("ready")
    assert state_of(Feature.AGENT_STATE, agent(status=True)) == agent(status=True)
    assert state_of(Feature.DO_NOT_DISTURB, agent("ready", status=False)).status is False


def test_a_feature_is_switched_off_in_all_that_says_so() -> None:
    """And keeps its other values."""
    cfa = forwarding(True, "sip:bob@h")
    assert switched_off(Feature.CALL_FORWARDING_ALWAYS, cfa) == cfa._replace(status=False)
    assert switched_off(Feature.AGENT_STATE, agent("ready", "4")) == agent("notReady", "4")
    assert switched_off(Feature.AGENT_STATE, agent("loggedOn")) == agent("loggedOn")
