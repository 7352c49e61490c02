"""The operations of `/v1`, one file for each kind of thing.

Belongs here: parameters, what an operation asks of `operations.ports.Operations`, its answer.
Never here: HTTP itself; a rule that does not also apply to SIP.
May import: the rest of web, and what web may import.
"""

from dfks_rules.web.api import (
    decisions,
    dialled,
    document,
    events,
    features,
    metrics,
    policies,
    policy_schemas,
    presentities,
    server,
    statistics,
    studies,
    traces,
)
from dfks_rules.web.schemas import COMPONENTS
from dfks_rules.web.table import Operation

COMPONENTS.update(policy_schemas.SCHEMAS)

TABLE: tuple[Operation, ...] = document.with_document(
    (
        *presentities.OPERATIONS,
        *features.OPERATIONS,
        *dialled.OPERATIONS,
        *events.OPERATIONS,
        *decisions.OPERATIONS,
        *policies.OPERATIONS,
        *studies.OPERATIONS,
        *statistics.OPERATIONS,
        *metrics.OPERATIONS,
        *traces.OPERATIONS,
        *server.OPERATIONS,
    )
)
"""Every operation of the server."""
