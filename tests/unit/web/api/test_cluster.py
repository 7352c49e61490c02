"""The nodes that share a store, over HTTP."""

from typing import Any

from tests.helpers.memory_cluster import MemoryCluster
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import api


async def test_nodes_are_listed_with_those_that_have_ended() -> None:
    """The answer says which of them has given it."""
    async with api(MemoryOperations()) as web:
        items = (await web.ask("GET", "/v1/cluster")).json["items"]
    assert [(one["name"], one["state"], one["isThis"]) for one in items] == [
        ("node-2", "dead", False),
        ("node-1", "serving", True),
        ("node-2", "late", False),
    ]


async def test_the_node_that_is_asked_drains_or_the_one_that_is_named() -> None:
    """Not a life of it that has ended."""
    operations = MemoryOperations()
    async with api(operations) as web:
        asked = await web.ask("POST", "/v1/cluster/drain")
        assert [one["epoch"] for one in asked.json["items"]] == [2]
        operations.cluster = MemoryCluster()
        named = await web.ask("POST", "/v1/cluster/drain", {"node": "node-2"})
        assert [one["epoch"] for one in named.json["items"]] == [3]


async def test_a_node_that_is_not_there_is_told() -> None:
    """A typing error must not look like success."""
    async with api(MemoryOperations()) as web:
        got = await web.ask("POST", "/v1/cluster/drain", {"node": "node-9"})
    assert got.status == 404
    assert "`node-9`" in got.json["detail"]


async def test_a_database_that_is_away_is_told() -> None:
    """It is what an operator looks for."""
    operations: Any = MemoryOperations()
    operations.cluster.is_away = True
    async with api(operations) as web:
        assert (await web.ask("GET", "/v1/cluster")).status == 503
