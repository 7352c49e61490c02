"""The methods, one file per module."""

from dfks_rules.mi.methods import core, dfks, policy, presence, statistics
from dfks_rules.mi.registry import Registry

REGISTRY = Registry(
    (*core.METHODS, *statistics.METHODS, *dfks.METHODS, *presence.METHODS, *policy.METHODS)
)
"""Every method of the server."""
