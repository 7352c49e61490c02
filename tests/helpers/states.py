"""States of features, and values as rules write them, for tests."""

from collections.abc import Callable
from typing import Any

from dfks_rules.model.features import (
    FEATURES,
    OFF,
    ROWS,
    Feature,
    FeatureState,
    state_of,
    values_from,
)
from dfks_rules.model.values import Choice, Integer, Text, Value

TOLD = tuple(feature for feature in FEATURES if ROWS[feature].assigned)
"""The features that phones are told of where no rule says anything."""


def forwarding(status: bool, to: str | None = None, rings: int | None = None) -> FeatureState:
    """The state of a feature that forwards."""
    return FeatureState(status, values(to, rings))


def values(to: Any = None, rings: Any = None) -> tuple[tuple[Value, Any], ...]:
    """The values of forwarding, in a state or in a rule."""
    both = ((Value.FORWARD_TO, to), (Value.RING_COUNT, rings))
    return tuple((value, what) for value, what in both if what is not None)


def agent(
    word: str | None = None,
    agent_id: str | None = None,
    reason: str | None = None,
    *,
    status: bool | None = None,
) -> FeatureState:
    """The state of an agent; the status is that of the word, unless it is given."""
    said = {Value.STATE: word, Value.AGENT_ID: agent_id, Value.NOT_READY_REASON: reason}
    return FeatureState(word == "ready" if status is None else status, values_from(said))


def some_state(
    feature: Feature,
    status: bool,
    pick: Callable[[Text | Integer | Choice], str | int | None],
) -> FeatureState:
    """A state that the feature may have, with values that `pick` takes for each type of value."""
    said = {value: pick(value.kind) for value in ROWS[feature].values}
    state = state_of(feature, FeatureState(status, values_from(said)))
    spelling = ROWS[feature].spelling
    return state if spelling is None else spelling.agreed(state, OFF)
