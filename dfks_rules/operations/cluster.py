"""The nodes that share a store, as operators see them."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

NAME_AT_MOST = 63
"""Characters of the name of a node, as the settings have it."""
STATES = ("serving", "draining", "late", "dead")
"""How nodes may be: `late`: the lease is over, and nobody has buried it yet."""


class NodeRow(NamedTuple):
    """One life of a node."""

    epoch: int
    """Its number."""
    name: str
    is_this: bool
    """Whether it is the node that tells."""
    state: str
    """One of `STATES`."""
    lease: float
    """Seconds until its lease ends; negative: since then."""
    cohorts: int
    """Cohorts of subscriptions that are its own; a dead node's wait to be taken over."""
    subscriptions: int
    """How many it had when it renewed its lease last, as all that follows."""
    position: int
    """Number of the change up to which it had read the feed."""
    lag: int
    """By how many changes that was behind the newest that this node knows of."""
    skew: float
    """How far its clock was ahead of the database's, s."""
    policies: str
    """Revision of its active policies."""
    release: str


def is_living(row: NodeRow) -> bool:
    """Whether nobody has buried it."""
    return row.state != "dead"


def node_told(row: NodeRow) -> dict[str, Any]:
    """A node as JSON."""
    return {
        "name": row.name,
        "epoch": row.epoch,
        "isThis": row.is_this,
        "state": row.state,
        "lease": round(row.lease, 3),
        "cohorts": row.cohorts,
        "subscriptions": row.subscriptions,
        "position": row.position,
        "lag": row.lag,
        "skew": round(row.skew, 3),
        "policies": row.policies,
        "release": row.release,
    }


class ClusterOperations(Protocol):
    """What an operator can ask of a cluster, at any of its nodes."""

    async def nodes(self) -> Sequence[NodeRow]:
        """All that live, and those that have ended within the last hour; the oldest first.

        Raises:
            StoreError: the database cannot be asked.
        """
        ...

    async def drain(self, name: str | None) -> Sequence[NodeRow]:
        """Have a node take no new dialogs from now on; what it has goes on until it stops.

        Args:
            name: the node; None: the one that is asked.

        Returns:
            The lives that drain; none: no living node has this name.

        Raises:
            StoreError: the database cannot be asked.
        """
        ...
