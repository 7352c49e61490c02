"""A server that is watched."""

import asyncio

from dfks_rules.cli.top.watching import Watching
from dfks_rules.operations.events import FEATURE_REFUSED, Event
from dfks_rules.web.client import ApiClient
from tests.helpers.imports import until
from tests.helpers.journal import ALICE
from tests.helpers.operations import MemoryOperations
from tests.helpers.web import api


async def test_events_are_counted_while_figures_are_asked_for() -> None:
    """The loudest are known from the stream."""
    operations = MemoryOperations()
    async with api(operations) as web, ApiClient(web.url) as client:
        watching = Watching(client)
        listening = asyncio.create_task(watching.listen())
        await until(lambda: operations.events.listeners == 1)
        about = {"presentity": ALICE.uri, "rule": "p/r", "reason": "no"}
        operations.events.publish(Event(FEATURE_REFUSED, 0, ALICE, about))
        await until(lambda: watching.told()["loudest"])
        await watching.look()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        assert watching.told()["refusals"] == [{"rule": "p/r", "reason": "no", "count": 1}]
        assert watching.told()["store"]["ready"] is True
        assert watching.problems == {}


async def test_what_cannot_be_asked_is_told_and_the_rest_is_shown() -> None:
    """A server that is away, or a store that fails."""
    operations = MemoryOperations()
    operations.is_broken = True
    async with api(operations) as web, ApiClient(web.url) as client:
        watching = Watching(client)
        await watching.look()
        assert watching.told()["store"]["ready"] is False
        assert watching.problems == {}
        await web.server.close()
        await watching.look()
        assert set(watching.problems) == {"metrics", "statistics", "readiness"}
        assert watching.told()["store"]["ready"] is None
