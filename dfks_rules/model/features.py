"""The features of a presentity, and their states.

To add one, add a member to `Feature`, a row to `VALUES_OF`, and a member to `Value` for each new
value. Policies, MI, logs and the store follow; `csta.names` says how it is written in bodies.
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

    # Enum hashes the name in Python code; identity serves as well, and features are hot keys.
    __hash__ = object.__hash__


FEATURES: tuple[Feature, ...] = tuple(Feature)
"""Every feature, in the order their documents are sent."""


VALUES_OF: dict[Feature, tuple[Value, ...]] = {
    Feature.DO_NOT_DISTURB: (),
    Feature.CALL_FORWARDING_ALWAYS: (Value.FORWARD_TO,),
    Feature.CALL_FORWARDING_BUSY: (Value.FORWARD_TO,),
    Feature.CALL_FORWARDING_NO_ANSWER: (Value.FORWARD_TO, Value.RING_COUNT),
}
"""The values of each feature."""


def values_from(said: Mapping[Value, str | int | None]) -> Values:
    """The given values as `Values`; those that are None are left out."""
    return tuple([(one, what) for one in VALUES if (what := said.get(one)) is not None])


def values_over(upper: Values, lower: Values) -> Values:
    """The values given in either; `upper` takes precedence unless its value is an empty text."""
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
    """The state of one feature, as requested, stored or sent to a phone."""

    status: bool = False
    """On or off."""
    values: Values = ()
    """Other values; they are kept while the feature is off."""

    def value(self, value: Value) -> str | int | None:
        """One of the values; None when it was never given."""
        for one, what in self.values:
            if one is value:
                return what
        return None

    @property
    def by_name(self) -> dict[str, str | int]:
        """Name of a value → what it was set to."""
        # Enum's own `value` is a descriptor in Python, and every set comes through here.
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
        """The next revision, in which one feature has a new state."""
        position = POSITION[feature]
        states = (*self.states[:position], state, *self.states[position + 1 :])
        return Snapshot(self.revision + 1, states)


POSITION: dict[Feature, int] = {feature: position for position, feature in enumerate(FEATURES)}
"""Position of a feature in `FEATURES` and in `Snapshot.states`."""

OFF = FeatureState()
"""The state of a feature that was never set."""

NOTHING_STORED = Snapshot(0, (OFF,) * len(FEATURES))
"""The snapshot of a presentity for which nothing was ever stored."""
