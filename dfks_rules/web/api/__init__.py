"""The operations of `/v1`, one file for each kind of thing.

Belongs here: parameters, what an operation asks of `operations.ports.Operations`, its answer.
Never here: HTTP itself; a rule that does not also apply to SIP.
May import: the rest of web, and what web may import.
"""

from dfks_rules.web.api import (
    cluster,
    decisions,
    dialled,
    document,
    events,
    exports,
    features,
    forwards,
    history,
    imports,
    metrics,
    policies,
    policy_schemas,
    presentities,
    removal,
    rollouts,
    rules,
    server,
    session,
    statistics,
    streams,
    studies,
    subscriptions,
    tokens,
    traces,
    webhooks,
)
from dfks_rules.web.parameters import IDEMPOTENCY_KEY
from dfks_rules.web.schemas import COMPONENTS
from dfks_rules.web.table import Operation

COMPONENTS.update(policy_schemas.SCHEMAS)


def _with_key(operation: Operation) -> Operation:
    """Whatever changes something takes a key; not what strangers may ask: answers are kept."""
    scope = operation.scope
    if operation.method == "GET" or scope is None or scope.value.endswith(":read"):
        return operation
    return operation._replace(
        parameters=(*operation.parameters, IDEMPOTENCY_KEY),
        problems=(
            *operation.problems,
            "under-way",
            "idempotency-key-reused",
            "store-unavailable",
        ),
    )


_OPERATIONS: tuple[Operation, ...] = (
    *presentities.OPERATIONS,
    *features.OPERATIONS,
    *removal.OPERATIONS,
    *dialled.OPERATIONS,
    *forwards.OPERATIONS,
    *history.OPERATIONS,
    *subscriptions.OPERATIONS,
    *events.OPERATIONS,
    *streams.OPERATIONS,
    *webhooks.OPERATIONS,
    *decisions.OPERATIONS,
    *policies.OPERATIONS,
    *rules.OPERATIONS,
    *rollouts.OPERATIONS,
    *studies.OPERATIONS,
    *imports.OPERATIONS,
    *exports.OPERATIONS,
    *statistics.OPERATIONS,
    *metrics.OPERATIONS,
    *cluster.OPERATIONS,
    *traces.OPERATIONS,
    *session.OPERATIONS,
    *tokens.OPERATIONS,
    *server.OPERATIONS,
)
TABLE: tuple[Operation, ...] = document.with_document([_with_key(one) for one in _OPERATIONS])
"""Every operation of the server."""
