"""States of features, and values as rules write them, for tests."""

from typing import Any

from dfks_rules.model.features import FeatureState
from dfks_rules.model.values import Value


def forwarding(status: bool, to: str | None = None, rings: int | None = None) -> FeatureState:
    """The state of a feature that forwards."""
    return FeatureState(status, values(to, rings))


def values(to: Any = None, rings: Any = None) -> tuple[tuple[Value, Any], ...]:
    """The values of forwarding, in a state or in a rule."""
    both = ((Value.FORWARD_TO, to), (Value.RING_COUNT, rings))
    return tuple((value, what) for value, what in both if what is not None)
