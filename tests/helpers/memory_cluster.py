"""The nodes of a cluster, for doors of operators."""

from collections.abc import Sequence

from dfks_rules.errors import StoreError
from dfks_rules.operations.cluster import NodeRow, is_living

THIS = NodeRow(2, "node-1", True, "serving", 1.4, 64, 12, 90, 0, 0.001, "abc123", "0.1.0")
OTHER = NodeRow(3, "node-2", False, "late", -1.5, 64, 7, 80, 10, -2.5, "def456", "0.1.0")
ENDED = NodeRow(1, "node-2", False, "dead", -90.0, 0, 7, 60, 30, 0.0, "abc123", "0.1.0")
ORPHANED = ENDED._replace(name="node-3", cohorts=9)


class MemoryCluster:
    """They are where a test puts them.

    Reference: `operations.cluster.ClusterOperations`.
    """

    def __init__(self, *rows: NodeRow) -> None:
        self.rows = [*(rows or (ENDED, THIS, OTHER))]
        self.is_away = False
        """Whether the database cannot be asked."""

    async def nodes(self) -> list[NodeRow]:
        """All of them."""
        if self.is_away:
            raise StoreError("store_unavailable", "the database is away")
        return self.rows

    async def drain(self, name: str | None) -> Sequence[NodeRow]:
        """Those with this name drain."""
        self.rows = [
            one._replace(state="draining") if is_living(one) and self._is_meant(one, name) else one
            for one in await self.nodes()
        ]
        return [one for one in self.rows if one.state == "draining"]

    def _is_meant(self, one: NodeRow, name: str | None) -> bool:
        return one.is_this if name is None else one.name == name
