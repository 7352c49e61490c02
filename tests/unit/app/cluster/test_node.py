"""A node, over an engine of the tests; tests/e2e/test_cluster.py has whole ones."""

import asyncio
from collections.abc import Callable
from typing import cast

from dfks_rules.app.cluster.member import Itself, Member
from dfks_rules.app.cluster.node import Node, Served
from dfks_rules.presence.notifier import Notifier
from dfks_rules.service.features import Features
from tests.helpers.database import FakeDatabase
from tests.helpers.engine import FakeEngine
from tests.helpers.policy import NOON


async def _node(wake: Callable[[], None]) -> Node:
    """One that serves, alone."""
    engine = FakeEngine(FakeDatabase(asyncio.get_running_loop().time))
    member = await Member.join(engine, Itself("node-1", "0.1.0", 2.0, 120.0), lambda: 0.0)
    node = Node(engine, member, "abc", 3600.0)
    nobody = cast("Notifier", None), cast("Features", None)  # Nothing is changed or claimed.
    node.begin(Served(*nobody, lambda: NOON, wake, lambda: "r", lambda: None))
    return node


async def test_timers_are_looked_at_though_no_message_comes() -> None:
    """Else who watches is told what it missed with the next message, perhaps in half an hour."""
    woken = asyncio.Event()
    node = await _node(woken.set)
    try:
        for _ in range(3):
            woken.clear()
            async with asyncio.timeout(5):
                await woken.wait()
    finally:
        await node.end()
