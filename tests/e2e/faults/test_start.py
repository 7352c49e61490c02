"""A server that cannot use its store at the start: it says why, and leaves all as it is."""

import pytest

from tests.helpers.site import ALICE, Break, Site, press, target
from tests.helpers.stored import change_file, spoil
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
    spoil(site.database, "subscription")
    with pytest.raises(AssertionError), site.server():
        pass
    assert "damaged" in site.last_line()


def test_a_server_starts_without_what_phones_do_not_need(site: Site) -> None:
    """Imports and webhooks wait until the file is repaired; phones must not."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        assert server.stop() == 0
    change_file(
        site.database,
        "INSERT INTO webhook_endpoint VALUES"
        " ('wh_1', 'https://a.example/', 'whsec_', NULL, 0, '[]', NULL, 0, NULL, 'ops', 0)",
    )
    spoil(site.database, "webhook_dead", "import_job")
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        for event in ("webhooks_not_read", "imports_not_read"):
            [reason] = site.reasons(event)
            assert "damaged" in reason
        assert phone.subscribe().told["CallForwardingAlways"] == "on 1"
        assert press(phone, 2).status == 200
        assert server.stop() == 0
