"""The features of a presentity, and their states.

To add one, add a member to `Feature`, a row to `ROWS`, and a member to `Value` for each new value.
Policies, MI, logs and the store follow; `csta.names` says how it is written in bodies.
"""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from dfks_rules.model.values import VALUES, Value, Values


class Feature(Enum):
    """A feature that can be synchronised; the value is its name in policies, MI and logs.

    Reference: OpenSIPS presence_dfks README, for all but agent state.
    """

    DO_NOT_DISTURB = "DoNotDisturb"
    CALL_FORWARDING_ALWAYS = "CallForwardingAlways"
    CALL_FORWARDING_BUSY = "CallForwardingBusy"
    CALL_FORWARDING_NO_ANSWER = "CallForwardingNoAnswer"
    AGENT_STATE = "AgentState"

    # Enum hashes the name in Python code; identity serves as well, and features are hot keys.
    __hash__ = object.__hash__


FEATURES: tuple[Feature, ...] = tuple(Feature)
"""Every feature, in the order their documents are sent."""


class Spelling(NamedTuple):
    """How one of its values spells out the status of a feature: the two always agree.

    With the word `on` the status is on, with every other word it is off.
    """

    value: Value
    """The value; a `Choice`."""
    on: str
    """The one word that goes with a status that is on."""
    off: str
    """The word that takes the place of `on` when only the status is switched off."""
    unset: str
    """What it means that there is no word; the status is off."""
    excuse: Value
    """A value that explains the word `off`, and goes with it."""

    def status_of(self, word: object) -> bool:
        """The status that goes with a word."""
        return word == self.on

    def kept(self, asked: "FeatureState", stored: "FeatureState") -> Values:
        """The stored values that a set leaves as they are; a new word needs a new excuse."""
        if asked.value(self.value) is None:
            return stored.values
        return values_from({**dict(stored.values), self.excuse: None})

    def agreed(self, state: "FeatureState", stored: "FeatureState") -> "FeatureState":
        """The state with a word that goes with its status.

        A word that does not gives way to the stored one if that does, else to `on` or `off`.
        """
        word, excuse = state.value(self.value), state.value(self.excuse)
        kept = word
        if self.status_of(word) is not state.status:
            kept = self.on if state.status else self.off
            if stored.status is state.status:
                kept = stored.value(self.value)
        reason = excuse if kept == self.off else None
        if kept == word and reason == excuse:
            return state
        values = {**dict(state.values), self.value: kept, self.excuse: reason}
        return FeatureState(state.status, values_from(values))


class Row(NamedTuple):
    """What there is to know about one feature, but for how bodies write it."""

    values: tuple[Value, ...] = ()
    """Its values."""
    assigned: bool = True
    """Whether phones are told of it where no rule says so."""
    spelling: Spelling | None = None
    """The value that spells out its status; None where on and off say everything."""


ROWS: dict[Feature, Row] = {
    Feature.DO_NOT_DISTURB: Row(),
    Feature.CALL_FORWARDING_ALWAYS: Row((Value.FORWARD_TO,)),
    Feature.CALL_FORWARDING_BUSY: Row((Value.FORWARD_TO,)),
    Feature.CALL_FORWARDING_NO_ANSWER: Row((Value.FORWARD_TO, Value.RING_COUNT)),
    Feature.AGENT_STATE: Row(
        (Value.STATE, Value.AGENT_ID, Value.NOT_READY_REASON),
        assigned=False,
        spelling=Spelling(Value.STATE, "ready", "notReady", "loggedOff", Value.NOT_READY_REASON),
    ),
}
"""The table of features."""

VALUES_OF: dict[Feature, tuple[Value, ...]] = {one: row.values for one, row in ROWS.items()}
"""The values of each feature."""

SPELLINGS: dict[Feature, Spelling] = {
    one: row.spelling for one, row in ROWS.items() if row.spelling is not None
}
"""The spelling of each feature whose status a value spells out."""


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


class Deadline(NamedTuple):
    """When a feature that is on is switched off, unless it is set before."""

    feature: Feature
    at: int
    """Seconds since 1970, by the wall clock, as people say it."""
    rule: str
    """Id of the rule whose `expire` says so."""


class Snapshot(NamedTuple):
    """Everything stored for one presentity at one moment."""

    revision: int
    """Rises by one with each change; 0 when nothing was ever stored."""
    states: tuple[FeatureState, ...]
    """One state for each of `FEATURES`, in that order."""
    deadlines: tuple[Deadline, ...] = ()
    """In the order of `FEATURES`; nearly always there are none."""

    def state(self, feature: Feature) -> FeatureState:
        """The stored state of one feature."""
        return self.states[POSITION[feature]]

    def replace(self, feature: Feature, state: FeatureState) -> "Snapshot":
        """The next revision, in which one feature has a new state, and no deadline."""
        position = POSITION[feature]
        states = (*self.states[:position], state, *self.states[position + 1 :])
        return Snapshot(self.revision + 1, states, without_deadline(self.deadlines, feature))


POSITION: dict[Feature, int] = {feature: position for position, feature in enumerate(FEATURES)}
"""Position of a feature in `FEATURES` and in `Snapshot.states`."""


def without_deadline(deadlines: tuple[Deadline, ...], feature: Feature) -> tuple[Deadline, ...]:
    """The deadlines of all other features."""
    return tuple([one for one in deadlines if one.feature is not feature]) if deadlines else ()


def with_deadline(deadlines: tuple[Deadline, ...], deadline: Deadline) -> tuple[Deadline, ...]:
    """The deadlines, with this one in place of the one that its feature had."""
    others = without_deadline(deadlines, deadline.feature)
    return tuple(sorted([*others, deadline], key=_place))


def _place(deadline: Deadline) -> int:
    return POSITION[deadline.feature]


OFF = FeatureState()
"""The state of a feature that was never set."""


def state_of(feature: Feature, state: FeatureState) -> FeatureState:
    """The state of a feature that is meant: a word for the status has precedence over it."""
    spelling = ROWS[feature].spelling
    word = None if spelling is None else state.value(spelling.value)
    if spelling is None or word is None:
        return state
    return state._replace(status=spelling.status_of(word))


def switched_off(feature: Feature, state: FeatureState) -> FeatureState:
    """The state of a feature with its status off, and the same values as far as they may stay."""
    off, spelling = state._replace(status=False), ROWS[feature].spelling
    return off if spelling is None else spelling.agreed(off, state)


NOTHING_STORED = Snapshot(0, (OFF,) * len(FEATURES))
"""The snapshot of a presentity for which nothing was ever stored."""
