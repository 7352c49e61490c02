"""A server that cannot use its store at the start: it says why, and leaves all as it is."""

import sqlite3
from contextlib import closing

import pytest

from tests.helpers.site import ALICE, Break, Site, press, target
from tests.helpers.ua import Ua

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        pytest.param(lambda on: on.full(), "No space left", id="full"),
        pytest.param(lambda on: on.read_only(), "not writable", id="read-only"),
        pytest.param(lambda on: on.bad_syncs(), "rror", id="bad syncs"),
    ],
)
def test_a_server_does_not_start_on_a_disk_that_keeps_nothing(
    site: Site, broken: Break, why: str
) -> None:
    """It says why, and leaves everything as it is."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        server.kill()
    with broken(site.machine), pytest.raises(AssertionError), site.server():
        pass
    assert why in site.last_line()
    with site.server() as server:
        assert target(server) == 1


def test_a_server_does_not_start_without_its_subscriptions(site: Site) -> None:
    """Phones would be told that their subscriptions are unknown, and could make no new ones."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        assert server.stop() == 0
    with closing(sqlite3.connect(site.database)) as connection:
        [root] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'subscription'"
        ).fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    with site.database.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)
    with pytest.raises(AssertionError), site.server():
        pass
    assert "damaged" in site.last_line()
