"""The features of a presentity and their states."""

from enum import Enum
from typing import NamedTuple


class Feature(Enum):
    """A feature that can be synchronised; the value is its name in policies, MI and logs.

    Reference: OpenSIPS presence_dfks README.
    """

    DO_NOT_DISTURB = "DoNotDisturb"
    CALL_FORWARDING_ALWAYS = "CallForwardingAlways"
    CALL_FORWARDING_BUSY = "CallForwardingBusy"
    CALL_FORWARDING_NO_ANSWER = "CallForwardingNoAnswer"

    # Enum hashes the name in Python code; identity is as good, and features are hot keys.
    __hash__ = object.__hash__


FEATURES: tuple[Feature, ...] = tuple(Feature)
"""Every feature, in the order in which their documents are sent."""


class Value(Enum):
    """A value that a feature may have beside its status; named as in policies and MI."""

    FORWARD_TO = "forwardTo"
    RING_COUNT = "ringCount"


VALUES_OF: dict[Feature, tuple[Value, ...]] = {
    Feature.DO_NOT_DISTURB: (),
    Feature.CALL_FORWARDING_ALWAYS: (Value.FORWARD_TO,),
    Feature.CALL_FORWARDING_BUSY: (Value.FORWARD_TO,),
    Feature.CALL_FORWARDING_NO_ANSWER: (Value.FORWARD_TO, Value.RING_COUNT),
}
"""Which values each feature has."""

RING_COUNTS = range(1, 101)
"""Rings before a call is forwarded (ECMA-323: 1 to 100)."""

MAX_TEXT = 512
"""Longest forward target, device, parameter or user agent taken from a peer, in characters."""


class FeatureState(NamedTuple):
    """The state of one feature: asked for, stored, or told to a phone."""

    status: bool = False
    """On or off."""
    forward_to: str | None = None
    """Where calls go, as it was written; None when never said. Kept while the feature is off."""
    ring_count: int | None = None
    """Rings before the call is forwarded; None when never said. CallForwardingNoAnswer only."""


class Snapshot(NamedTuple):
    """Everything stored for one presentity at one moment."""

    revision: int
    """Rises by one with each change; 0 when nothing was ever stored."""
    states: tuple[FeatureState, ...]
    """One state for each of `FEATURES`, in that order."""

    def state(self, feature: Feature) -> FeatureState:
        """The stored state of one feature."""
        return self.states[POSITION[feature]]

    def replace(self, feature: Feature, state: FeatureState) -> "Snapshot":
        """The next revision, in which one feature has another state."""
        position = POSITION[feature]
        states = (*self.states[:position], state, *self.states[position + 1 :])
        return Snapshot(self.revision + 1, states)


POSITION: dict[Feature, int] = {feature: position for position, feature in enumerate(FEATURES)}
"""Where a feature stands in `FEATURES` and in `Snapshot.states`."""

OFF = FeatureState()
"""What holds for a feature that was never set."""

NOTHING_STORED = Snapshot(0, (OFF,) * len(FEATURES))
"""What holds for a presentity for whom nothing was ever stored."""
