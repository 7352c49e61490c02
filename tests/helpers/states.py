"""States of features, and what rules make of them, for tests."""

from typing import Any

from dfks_rules.model.features import FeatureState
from dfks_rules.model.values import Value


def forwarding(status: bool, to: str | None = None, rings: int | None = None) -> FeatureState:
    """The state of a feature that forwards."""
    return FeatureState(status, values(to, rings))


def values(to: Any = None, rings: Any = None) -> tuple[tuple[Value, Any], ...]:
    """The values that forwarding has, of a state or as a rule has them."""
    both = ((Value.FORWARD_TO, to), (Value.RING_COUNT, rings))
    return tuple((value, what) for value, what in both if what is not None)
