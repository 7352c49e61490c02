"""The features of a presentity, and their states.

To add one is a member of `Feature` and a row of `VALUES_OF`, and of `Value` for each new value.
Policies, MI, logs and the store follow; how it is written in bodies is for `csta.names` to say.
"""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from dfks_rules.model.values import VALUES, Value, Values


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


VALUES_OF: dict[Feature, tuple[Value, ...]] = {
    Feature.DO_NOT_DISTURB: (),
    Feature.CALL_FORWARDING_ALWAYS: (Value.FORWARD_TO,),
    Feature.CALL_FORWARDING_BUSY: (Value.FORWARD_TO,),
    Feature.CALL_FORWARDING_NO_ANSWER: (Value.FORWARD_TO, Value.RING_COUNT),
}
"""Which values each feature has."""


def values_from(said: Mapping[Value, str | int | None]) -> Values:
    """The same as `Values`; None is as not said."""
    return tuple([(one, what) for one in VALUES if (what := said.get(one)) is not None])


def values_over(upper: Values, lower: Values) -> Values:
    """All that is said in either; the upper one has the last word, unless it is an empty text."""
    if not upper or not lower:
        return upper or lower
    kept = [pair for pair in lower if not _says(upper, pair[0])]
    return values_from(dict([*upper, *kept])) if kept else upper


def _says(values: Values, value: Value) -> bool:
    for one, what in values:
        if one is value:
            return what != ""
    return False


class FeatureState(NamedTuple):
    """The state of one feature: asked for, stored, or told to a phone."""

    status: bool = False
    """On or off."""
    values: Values = ()
    """Beside it; they are kept while the feature is off."""

    def value(self, value: Value) -> str | int | None:
        """One of them; None when it was never said."""
        for one, what in self.values:
            if one is value:
                return what
        return None

    @property
    def by_name(self) -> dict[str, str | int]:
        """Name of a value → what was said of it."""
        # Enum's own `value` is a descriptor in Python, and this is on the way of each set.
        return {value._value_: what for value, what in self.values}


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
