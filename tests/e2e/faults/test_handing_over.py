"""A hand-over while the store fails."""

import os
import signal

import pytest

from tests.helpers.faults import wait_until
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
