"""The features of a presentity, the values that they have beside their status, and their states.

Two tables: to add a feature is a member of `Feature` and a row of `VALUES_OF`, to add a value a
member of `Value`. Policies, MI, logs and the store follow; how they are written in bodies is for
`csta.names` to say.
"""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

MAX_TEXT = 512
"""Longest forward target, device, parameter or user agent taken from a peer, in characters."""


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


class Text(NamedTuple):
    """A printable text of 1 to `MAX_TEXT` characters."""

    examples: tuple[str, ...]
    """As phones and operators write it."""


class Integer(NamedTuple):
    """A whole number within bounds, which are included."""

    least: int
    """0 or more."""
    most: int
    """At most 1000: so far do policies count."""


class Choice(NamedTuple):
    """One of these words."""

    words: tuple[str, ...]
    """In the order in which they are shown."""


class Value(Enum):
    """A value that a feature may have beside its status.

    The members' own value is the name in policies, facts, MI and the store; the name of the member,
    in lower case, is the key in log lines.
    """

    FORWARD_TO = (
        "forwardTo",
        Text(("sip:bob@example.com", "+4930123456")),
        "target",
        "Where calls go",
    )
    RING_COUNT = (
        "ringCount",
        Integer(1, 100),  # ECMA-323
        "number of rings",
        "Rings before the call is forwarded",
    )

    __hash__ = object.__hash__

    def __new__(cls, name: str, *_row: object) -> "Value":
        """The member with that name."""
        value = object.__new__(cls)
        value._value_ = name
        return value

    def __init__(
        self,
        _name: str,
        kind: Text | Integer | Choice,
        noun: str,
        description: str,
    ) -> None:
        self.kind = kind
        """What it can be."""
        self.noun = noun
        """What it is called in a sentence."""
        self.description = description
        """What it is, without a full stop."""


VALUES: tuple[Value, ...] = tuple(Value)
"""Every value, in the order in which they are shown and sent."""

VALUES_OF: dict[Feature, tuple[Value, ...]] = {
    Feature.DO_NOT_DISTURB: (),
    Feature.CALL_FORWARDING_ALWAYS: (Value.FORWARD_TO,),
    Feature.CALL_FORWARDING_BUSY: (Value.FORWARD_TO,),
    Feature.CALL_FORWARDING_NO_ANSWER: (Value.FORWARD_TO, Value.RING_COUNT),
}
"""Which values each feature has."""

Values = tuple[tuple[Value, str | int], ...]
"""What was said of values, each once and in the order of `VALUES`; nothing of the others."""


def values_from(said: Mapping[Value, str | int | None]) -> Values:
    """The same as `Values`; None is as not said."""
    return tuple([(one, what) for one in VALUES if (what := said.get(one)) is not None])


def values_over(upper: Values, lower: Values) -> Values:
    """All that is said in either; the upper one has the last word, unless it is an empty text."""
    if not upper or not lower:
        return upper or lower
    return values_from({**dict(lower), **{one: what for one, what in upper if what != ""}})


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
        return {value.value: what for value, what in self.values}


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
