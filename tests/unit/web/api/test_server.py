"""What load balancers and service managers ask."""

from dfks_rules.operations.ports import Readiness
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


async def test_a_node_that_drains_says_so() -> None:
    """It is not ready, and nothing is wrong with it; what fails is worse."""
    operations = MemoryOperations()
    operations.cluster_is = {"cluster": Readiness.DRAINING}
    async with api(operations) as web:
        got = await web.ask("GET", "/readyz")
        checks = {"store": "ok", "policies": "ok", "cluster": "draining"}
        assert (got.status, got.json) == (503, {"status": "draining", "checks": checks})
        operations.is_broken = True
        assert (await web.ask("GET", "/readyz")).json["status"] == "failing"
