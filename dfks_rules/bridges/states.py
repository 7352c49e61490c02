"""A feature as a switch keeps it, and the same as `/v1` writes it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dfks_rules.bridges.numbering import Numbering
from dfks_rules.model.features import Feature

FEATURES = (
    Feature.DO_NOT_DISTURB,
    Feature.CALL_FORWARDING_ALWAYS,
    Feature.CALL_FORWARDING_BUSY,
    Feature.CALL_FORWARDING_NO_ANSWER,
)
"""What a bridge makes the same; a switch knows nothing of agents."""
MOST_RINGS = 100
"""As `Value.RING_COUNT` has it."""


class CallState(NamedTuple):
    """The state of one feature, as far as calls depend on it."""

    is_on: bool = False
    target: str = ""
    """Where calls go, as it is dialled; empty while it is off, for switches forget it."""
    rings: int = 0
    """Rings before calls are forwarded; 0: not known."""


OFF = CallState()


def agree(one: CallState, other: CallState) -> bool:
    """Whether two states mean the same; what only one of them knows is no difference."""
    same_rings = not (one.rings and other.rings) or one.rings == other.rings
    return (one.is_on, one.target) == (other.is_on, other.target) and same_rings


def from_server(
    feature: Feature, told: Mapping[str, Any], numbering: Numbering
) -> CallState | None:
    """What a switch is to keep; None where it cannot: the target is nothing that it can dial.

    Args:
        feature: which.
        told: its state in `/v1`.
        numbering: what can be dialled.
    """
    if told["status"] != "on":
        return OFF
    if feature is Feature.DO_NOT_DISTURB:
        return CallState(is_on=True)
    target = numbering.dialled(told.get("forwardTo", ""))
    if not target:
        return None
    return CallState(is_on=True, target=target, rings=int(told.get("ringCount", 0)))


def to_server(feature: Feature, state: CallState) -> dict[str, Any]:
    """The body that sets a feature; a target that is off stays what is stored."""
    if not state.is_on:
        return {"status": "off"}
    body: dict[str, Any] = {"status": "on"}
    if feature is not Feature.DO_NOT_DISTURB:
        body["forwardTo"] = state.target
    if feature is Feature.CALL_FORWARDING_NO_ANSWER and state.rings:
        body["ringCount"] = min(state.rings, MOST_RINGS)
    return body
