"""Who forwards calls, and what to: read by the number plan in force."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from dfks_rules.model.features import FEATURES, VALUES_OF, Feature
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import Value
from dfks_rules.operations.ports import Operations, Stored
from dfks_rules.policy.site.targets import Target

FORWARDING = tuple(one for one in FEATURES if Value.FORWARD_TO in VALUES_OF[one])
"""Features that forward calls."""


class Forward(NamedTuple):
    """A forward that is on."""

    presentity: Aor
    feature: Feature
    text: str
    """The target as it is stored; empty where there is none."""
    target: Target | None
    """What it is; None where there is none."""

    @property
    def is_outside(self) -> bool:
        """Whether calls leave the domain, or nobody knows where they go."""
        return self.target is not None and self.target.kind != "internal"


def forwards_of(operations: Operations, stored: Stored) -> Iterator[Forward]:
    """The forwards of a presentity that are on."""
    presentity, snapshot = stored
    for feature in FORWARDING:
        state = snapshot.state(feature)
        if state.status:
            text = state.value(Value.FORWARD_TO)
            target = None if text is None else operations.target(presentity, str(text))
            yield Forward(presentity, feature, "" if text is None else str(text), target)


def forward_told(forward: Forward) -> dict[str, Any]:
    """A forward as JSON."""
    target = forward.target
    told: dict[str, Any] = {
        "presentity": forward.presentity.uri,
        "feature": forward.feature.value,
        "forwardTo": forward.text or None,
        "outside": forward.is_outside,
    }
    if target is None:
        return told | dict.fromkeys(("kind", "class", "reach", "number", "country"))
    return told | {
        "kind": target.kind,
        "class": target.class_,
        "reach": target.reach,
        "number": target.number,
        "country": target.country,
    }
