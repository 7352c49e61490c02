"""What a switch must know of a user when a call comes: a row of the view `dfks_calls`, as JSON."""

from collections.abc import Callable
from typing import Any

from dfks_rules.model.features import Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import Value

NAMES = {
    Feature.CALL_FORWARDING_ALWAYS: "cfa",
    Feature.CALL_FORWARDING_BUSY: "cfb",
    Feature.CALL_FORWARDING_NO_ANSWER: "cfna",
}
"""Forwarding → what the columns of the view begin with."""


def calls_told(
    presentity: Aor, snapshot: Snapshot, uri_of: Callable[[str, str], str | None]
) -> dict[str, Any]:
    """The row of a presentity; what is not known is missing.

    Flags are 0 and 1, as in the view: scripts of switches read true and false each in its own way.

    Args:
        presentity: who is called.
        snapshot: what is stored.
        uri_of: the SIP URI of a target, as written in a domain; None where it has none.
    """
    told: dict[str, Any] = {"dnd": int(snapshot.state(Feature.DO_NOT_DISTURB).status)}
    for feature, name in NAMES.items():
        state = snapshot.state(feature)
        target = state.value(Value.FORWARD_TO)
        told[name] = int(state.status)
        if target:
            told[f"{name}To"] = target
            uri = uri_of(str(target), presentity.domain)
            if uri is not None:
                told[f"{name}Uri"] = uri
    rings = snapshot.state(Feature.CALL_FORWARDING_NO_ANSWER).value(Value.RING_COUNT)
    return told if rings is None else told | {"cfnaRings": rings}
