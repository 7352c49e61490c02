"""What time will change for a user, as `/v1`, MI and the command line tell it."""

from typing import Any

from dfks_rules.operations.events import state_told
from dfks_rules.operations.times import time_told
from dfks_rules.policy.studying.coming import Coming

DEFAULT_HOURS = 48
"""How far ahead is looked where nobody says otherwise."""
MOST_COMING = 1_000
"""Most changes that are told; those that come first."""


def coming_told(one: Coming) -> dict[str, Any]:
    """One change as JSON."""
    return {
        "at": time_told(one.at),
        "feature": one.feature.value,
        "cause": one.cause.value,
        "before": None if one.before is None else state_told(one.before),
        "after": None if one.after is None else state_told(one.after),
        "rule": one.rule,
    }
