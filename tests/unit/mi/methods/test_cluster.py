"""The nodes that share a store, over MI."""

from tests.helpers.mi import error, result
from tests.helpers.operations import MemoryOperations


async def test_nodes_are_those_of_the_http_api() -> None:
    """Whoever has both compares them."""
    nodes = (await result(MemoryOperations(), "cluster:nodes"))["nodes"]
    assert [(one["name"], one["state"]) for one in nodes] == [
        ("node-2", "dead"),
        ("node-1", "serving"),
        ("node-2", "late"),
    ]


async def test_a_node_drains() -> None:
    """The one that is asked, or the one that is named."""
    asked = (await result(MemoryOperations(), "cluster:drain"))["nodes"]
    named = (await result(MemoryOperations(), "cluster:drain", ["node-2"]))["nodes"]
    assert [one["epoch"] for one in (*asked, *named)] == [2, 3]


async def test_a_node_that_is_not_there_is_told() -> None:
    """A typing error must not look like success."""
    failed = await error(MemoryOperations(), "cluster:drain", ["node-9"])
    assert (failed["code"], failed["data"]) == (404, "no living node is named `node-9`")
