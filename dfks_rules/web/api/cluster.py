"""The nodes that share a store."""

from dfks_rules.operations.cluster import NAME_AT_MOST, STATES, node_told
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.caller import Scope
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import COMPONENTS, SEQ, TEXT, record, ref
from dfks_rules.web.table import Answer, Body, Call, Operation, Reply

_COUNT = {"type": "integer", "minimum": 0}
COMPONENTS["Node"] = record(
    {
        "name": TEXT,
        "epoch": _COUNT | {"description": "Which life of the node it is: higher than any before."},
        "isThis": {"type": "boolean", "description": "Whether it is the node that tells."},
        "state": {
            "type": "string",
            "enum": [*STATES],
            "description": "`late`: its lease is over, and nobody has buried it yet.",
        },
        "lease": {
            "type": "number",
            "description": "Seconds until its lease ends; negative: since then.",
        },
        "cohorts": _COUNT
        | {"description": "Portions of subscriptions; those of a dead node are to be taken over."},
        "subscriptions": _COUNT,
        "position": SEQ | {"description": "Number of the change up to which it has read."},
        "lag": _COUNT | {"description": "By how many changes that is behind the newest."},
        "skew": {
            "type": "number",
            "description": "How far its clock is ahead of the database's, s.",
        },
        "policies": TEXT | {"description": "Revision of its active policies."},
        "release": TEXT,
    }
)
COMPONENTS["Nodes"] = record({"items": {"type": "array", "items": ref("Node")}})


async def list_(call: Call) -> Answer:
    """All that live, and those that have ended within the last hour."""
    return Answer({"items": [node_told(one) for one in await call.operations.cluster.nodes()]})


async def drain(call: Call) -> Answer:
    """A node takes no new dialogs any more."""
    name = None if call.body is None else call.body.get("node")
    drained = await call.operations.cluster.drain(name)
    if not drained:
        raise Problem("not-found", phrase("no living node is named `{name}`", name=name))
    return Answer({"items": [node_told(one) for one in drained]})


OPERATIONS = (
    Operation(
        "listNodes",
        "GET",
        "/v1/cluster",
        Scope.METRICS_READ,
        "Lists the nodes that share the store, and those that have ended within the last hour.",
        list_,
        (Reply(200, "The nodes, the oldest life first.", ref("Nodes")),),
        problems=("needs-shared-store", "store-unavailable"),
        description="All nodes tell the same. What a node says of itself is as of the last time "
        "that it renewed its lease, which it does four times in a lease.",
    ),
    Operation(
        "drainNode",
        "POST",
        "/v1/cluster/drain",
        Scope.CLUSTER,
        "Has a node take no new subscriptions, before it is stopped.",
        drain,
        (Reply(200, "The lives that drain.", ref("Nodes")),),
        body=Body(record({"node": TEXT | {"maxLength": NAME_AT_MOST}}, []), is_needed=False),
        problems=("needs-shared-store", "not-found", "store-unavailable"),
        description="`node` is its name; without one, it is the node that is asked. Its "
        "subscriptions go on: it refreshes them and tells of changes, until it stops and the "
        "others take them over. To OPTIONS and new SUBSCRIBEs it answers 503, as to `/readyz`. It "
        "drains until it stops.",
    ),
)
