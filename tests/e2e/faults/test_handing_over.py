"""A hand-over while the store fails."""

import os
import signal
import sqlite3
from contextlib import closing

import pytest

from tests.helpers.faults import wait_until
from tests.helpers.server import START_WITHIN
from tests.helpers.site import ALICE, Break, Site, is_refused, press
from tests.helpers.ua import Ua

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda on: on.full(), id="full"),
        pytest.param(lambda on: on.read_only(), id="read-only"),
    ],
)
def test_a_server_whose_store_fails_is_not_handed_over(site: Site, broken: Break) -> None:
    """Neither its successor nor itself could open the store again, and nobody would serve."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        with broken(site.machine):
            assert is_refused(press(phone, 2))
            os.kill(server.pid, signal.SIGUSR2)
            wait_until(lambda: bool(site.reasons("hand_over_refused")))
            assert phone.subscribe().told["CallForwardingAlways"] == "on 1"
        assert press(phone, 3).status == 200
        assert server.stop() == 0


def test_a_server_that_cannot_open_its_store_again_tries_until_it_can(site: Site) -> None:
    """Its successor has given up, and there is nobody else."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        with closing(sqlite3.connect(site.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            os.kill(server.pid, signal.SIGUSR2)
            # A successor has to start and to fail before.
            wait_until(lambda: len(site.reasons("store_not_opened")) > 1, 2 * START_WITHIN)
            assert "another program holds a lock" in site.reasons("store_not_opened")[0]
        assert phone.subscribe().told["CallForwardingAlways"] == "on 1"
        assert press(phone, 2).status == 200
        assert server.stop() == 0
