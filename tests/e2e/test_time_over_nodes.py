"""Time that acts, of several nodes: one of them does it for all."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from time import sleep

import pytest

from dfks_rules.store.postgres.schema import migrate
from tests.e2e.test_time_that_acts import UNTIL_ONE, show
from tests.helpers.clustered import node_config
from tests.helpers.faults import Machine
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.server import Server, serve, write_policy
from tests.helpers.site import ALICE, press
from tests.helpers.ua import Ua

pytestmark = [pytest.mark.e2e, pytest.mark.long, needs_postgres, pytest.mark.timeout(180)]


def _switched_off(server: Server) -> int:
    name = "expiring:switched_off"
    count: int = server.mi("get_statistics", statistics=[name])["result"][name]
    return count


def test_one_node_switches_off_for_all_and_another_one_when_it_is_killed(
    empty_database: Database, tmp_path: Path
) -> None:
    """The phone is told by its own node, whoever does it; once, with one row in the journal."""
    asyncio.run(migrate(empty_database.url))
    machine = Machine(tmp_path)
    with ExitStack() as stack:
        servers = []
        for name in ("a", "b"):
            folder = tmp_path / name
            folder.mkdir()
            settings = write_policy(folder, UNTIL_ONE)
            config = node_config(folder, empty_database, name, **settings)
            served = serve(folder, config, environment=machine.environment)
            servers.append(stack.enter_context(served))
        oldest, other = servers
        phone = stack.enter_context(Ua(other.ports["udp"], ALICE))
        phone.subscribe()
        show(machine, "12:59:55")
        sleep(1.0)  # The server reads the clock once a second.
        assert press(phone, 1).status == 200
        assert phone.notify().told == {"CallForwardingAlways": "off 1"}
        assert (_switched_off(oldest), _switched_off(other)) == (1, 0)
        oldest.kill()
        show(machine, "12:59:50")
        sleep(1.0)
        assert press(phone, 2).status == 200
        assert phone.notify().told == {"CallForwardingAlways": "off 2"}
        assert _switched_off(other) == 1
        changes = other.mi("journal:list", presentity=ALICE)["result"]["changes"]
        assert [one["actor"] for one in changes] == [ALICE, "expired"] * 2
