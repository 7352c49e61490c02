"""The operations of `/v1`, one file for each kind of thing.

Belongs here: parameters, what an operation asks of `operations.ports.Operations`, its answer.
Never here: HTTP itself; a rule that does not also apply to SIP.
May import: the rest of web, and what web may import.
"""

from dfks_rules.web.api import (
    dialled,
    document,
    events,
    exports,
    features,
    forwards,
    imports,
    metrics,
    presentities,
    removal,
    server,
    statistics,
    traces,
)
from dfks_rules.web.table import Operation

TABLE: tuple[Operation, ...] = document.with_document(
    (
        *presentities.OPERATIONS,
        *features.OPERATIONS,
        *removal.OPERATIONS,
        *dialled.OPERATIONS,
        *forwards.OPERATIONS,
        *events.OPERATIONS,
        *imports.OPERATIONS,
        *exports.OPERATIONS,
        *statistics.OPERATIONS,
        *metrics.OPERATIONS,
        *traces.OPERATIONS,
        *server.OPERATIONS,
    )
)
"""Every operation of the server."""
