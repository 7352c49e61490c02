"""The methods of MI, one file for each module of names.

Belongs here: parameters, what a method asks of `ports.Operations`, its reply.
Never here: transports, JSON-RPC; a rule that does not also apply to SIP.
May import: the rest of mi, and what mi may import.
"""

from dfks_rules.mi.methods import cluster, core, dfks, journal, policy, presence, statistics
from dfks_rules.mi.registry import Registry

REGISTRY = Registry(
    (
        *core.METHODS,
        *statistics.METHODS,
        *dfks.METHODS,
        *journal.METHODS,
        *cluster.METHODS,
        *presence.METHODS,
        *policy.METHODS,
    )
)
"""Every method of the server."""
