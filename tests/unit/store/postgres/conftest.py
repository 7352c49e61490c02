"""Engines of several nodes on one database."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.helpers.engines import Node, Nodes
from tests.helpers.postgres import Database


@pytest.fixture
async def nodes(database: Database) -> AsyncIterator[Nodes]:
    """None has joined."""
    async with AsyncExitStack() as opened:
        yield Nodes(database, opened)


@pytest.fixture
async def node(nodes: Nodes) -> Node:
    """One that has joined."""
    return await nodes.join()
