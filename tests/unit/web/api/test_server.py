"""What load balancers and service managers ask."""

from tests.helpers.operations import MemoryOperations
from tests.helpers.web import api


async def test_a_server_is_alive_while_it_answers_and_ready_while_it_can_store() -> None:
    """A full disk is no reason to kill it, but one to send phones elsewhere."""
    operations = MemoryOperations()
    async with api(operations) as web:
        assert (await web.ask("GET", "/readyz")).status == 200
        operations.is_broken = True
        got = await web.ask("GET", "/readyz")
        assert (got.status, got.json["checks"]) == (503, {"store": "failing", "policies": "ok"})
        assert (await web.ask("GET", "/healthz")).status == 200
