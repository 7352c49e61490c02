"""`cluster`: the nodes that share a store."""

from typing import Any

from dfks_rules.mi.errors import NOT_FOUND, CallError
from dfks_rules.mi.registry import Desk, Given, Method, Parameter
from dfks_rules.mi.values import take_text
from dfks_rules.operations.cluster import node_told


async def nodes(desk: Desk, given: Given) -> Any:
    """All that live, and those that have ended within the last hour.

    Raises:
        StoreError: there is no cluster, or it cannot be asked.
    """
    return {"nodes": [node_told(one) for one in await desk.operations.cluster.nodes()]}


async def drain(desk: Desk, given: Given) -> Any:
    """Have a node take no new dialogs.

    Raises:
        StoreError: there is no cluster, or it cannot be asked.
    """
    drained = await desk.operations.cluster.drain(given.get("node"))
    if not drained:
        raise CallError(NOT_FOUND, "No such node", f"no living node is named `{given['node']}`")
    return {"nodes": [node_told(one) for one in drained]}


METHODS = (
    Method(
        "cluster:nodes",
        (),
        "Lists the nodes that share the store, and those that have ended within the last hour.",
        ((),),
        {},
        nodes,
    ),
    Method(
        "cluster:drain",
        (),
        "Has a node, or this one, take no new subscriptions until it stops.",
        ((), ("node",)),
        {"node": Parameter(take_text, "name of the node")},
        drain,
    ),
)
