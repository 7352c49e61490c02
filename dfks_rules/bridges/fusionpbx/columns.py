"""Where FusionPBX keeps features: columns of `v_extensions`."""

from collections.abc import Mapping

from dfks_rules.bridges.states import FEATURES, MOST_RINGS, CallState
from dfks_rules.model.features import Feature

TIMER = "call_timeout"
"""Seconds for which the extension rings, whoever is called afterwards."""
_DND = "do_not_disturb"
_FORWARDS = {
    Feature.CALL_FORWARDING_ALWAYS: "forward_all",
    Feature.CALL_FORWARDING_BUSY: "forward_busy",
    Feature.CALL_FORWARDING_NO_ANSWER: "forward_no_answer",
}
COLUMNS = (
    _DND,
    *(f"{name}_{part}" for name in _FORWARDS.values() for part in ("enabled", "destination")),
    TIMER,
)
"""What is read; all of them as texts."""

Row = Mapping[str, str | None]
"""Column → its value."""


def states_of(row: Row, seconds_per_ring: int) -> dict[Feature, CallState]:
    """What a row says of each feature."""
    return {feature: _state_of(feature, row, seconds_per_ring) for feature in FEATURES}


def row_of(feature: Feature, state: CallState, seconds_per_ring: int) -> dict[str, str]:
    """The columns to write; the target of a forward that is off stays there."""
    status = "true" if state.is_on else "false"
    if feature is Feature.DO_NOT_DISTURB:
        return {_DND: status}
    name = _FORWARDS[feature]
    row = {f"{name}_enabled": status}
    if state.is_on:
        row[f"{name}_destination"] = state.target
        if feature is Feature.CALL_FORWARDING_NO_ANSWER and state.rings:
            row[TIMER] = str(state.rings * seconds_per_ring)
    return row


def _state_of(feature: Feature, row: Row, seconds_per_ring: int) -> CallState:
    if feature is Feature.DO_NOT_DISTURB:
        return CallState(is_on=row[_DND] == "true")
    name = _FORWARDS[feature]
    target = row[f"{name}_destination"]
    # Switched on without a target, calls go nowhere else.
    if row[f"{name}_enabled"] != "true" or not target:
        return CallState()
    is_timed = feature is Feature.CALL_FORWARDING_NO_ANSWER
    rings = _rings(row[TIMER], seconds_per_ring) if is_timed else 0
    return CallState(is_on=True, target=target, rings=rings)


def _rings(seconds: str | None, seconds_per_ring: int) -> int:
    """The nearest number of rings; 0 where nothing is said."""
    try:
        rings = round(float(seconds or 0) / seconds_per_ring)
    except ValueError:
        return 0
    return min(max(rings, 1), MOST_RINGS) if seconds else 0
