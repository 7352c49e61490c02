"""Clocks that are set and machines that sleep, under real servers whose policies go by the time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import sleep, time

import pytest

from dfks_rules.app.expiring import LONGEST
from tests.helpers.server import Server, write_policy
from tests.helpers.site import ALICE, Site, press
from tests.helpers.ua import Message, Ua

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(180)]

SOON = LONGEST + 3
"""Seconds within which a server notices, on a busy machine."""
RULES = """
- id: until-three
  when: {op: set, feature: CallForwardingAlways, request.status: 1}
  then: {expire: {until: "03:00", tz: Europe/Berlin}}
- id: night
  when: {op: get, feature: DoNotDisturb, time: {during: night}}
  then: {status: 1}
"""
NIGHT = 'schedules: {night: {tz: Europe/Berlin, weekly: ["Daily 03:00-06:00"]}}\nrules:'
"""Ends what the rule above switches off, and begins what this one lights."""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A machine whose clock a test sets, with those rules."""
    site = Site(tmp_path)
    site.config |= write_policy(tmp_path, RULES)
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy.read_text().replace("rules:", NIGHT))
    return site


def show(site: Site, moment: str) -> None:
    """Set the clock of the machine to this moment (UTC)."""
    wanted = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    site.machine.step_clock(wanted - time())


@contextmanager
def served(site: Site, moment: str) -> Iterator[tuple[Server, Ua]]:
    """A server at this moment, and a phone whose calls are forwarded."""
    show(site, moment)
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        phone.subscribe()
        assert press(phone, 1).status == 200
        yield server, phone


def is_told(phone: Ua, wanted: dict[str, str]) -> bool:
    """Whether the next NOTIFYs say this together: time does each thing on its own."""
    found: dict[str, str] = {}
    while found.keys() != wanted.keys():
        found |= phone.notify().told
    return found == wanted


def ends(server: Server) -> list[str]:
    """Who changed something, in order: `expired` where time did."""
    changes = server.mi("journal:list", presentity=ALICE)["result"]["changes"]
    return [one["actor"] for one in changes]


THREE = {"CallForwardingAlways": "off 1", "DoNotDisturb": "on"}
"""What is told at three."""


def test_a_clock_that_is_set_ahead_ends_what_it_passes_within_seconds(site: Site) -> None:
    """From the evening before to half past three."""
    with served(site, "2027-01-05T20:00") as (server, phone):
        show(site, "2027-01-06T02:30")
        assert is_told(phone, THREE)
        assert ends(server) == [ALICE, "expired"]


def test_a_clock_that_is_set_back_puts_everything_off(site: Site) -> None:
    """What it has lit goes out, and what has ended does not begin again."""
    with served(site, "2027-01-06T01:59:55") as (server, phone):
        assert is_told(phone, THREE)
        assert press(phone, 2).status == 200
        show(site, "2027-01-05T22:00")
        assert is_told(phone, {"DoNotDisturb": "off"})
        show(site, "2027-01-06T01:59")
        sleep(SOON)
        assert not phone.has_arrived()
        show(site, "2027-01-06T02:00:01")
        # The second forward was set after three: it ends at three of the next night.
        assert is_told(phone, {"DoNotDisturb": "on"})
        assert ends(server) == [ALICE, "expired", ALICE]
        show(site, "2027-01-07T02:00:01")
        assert is_told(phone, {"CallForwardingAlways": "off 2"})


def test_three_comes_at_once_after_two_where_clocks_go_ahead(site: Site) -> None:
    """After 01:59:59 it is 03:00 there."""
    with served(site, "2027-03-28T00:59:55") as (server, phone):
        assert is_told(phone, THREE)
        assert ends(server) == [ALICE, "expired"]


def test_three_comes_an_hour_later_where_clocks_go_back(site: Site) -> None:
    """After 02:59:59 it is 02:00 again there."""
    with served(site, "2027-10-31T00:59:55") as (server, phone):
        sleep(SOON)
        assert not phone.has_arrived()
        show(site, "2027-10-31T01:59:57")
        assert is_told(phone, THREE)
        assert ends(server) == [ALICE, "expired"]


def test_what_a_machine_has_slept_through_is_done_when_it_wakes(site: Site) -> None:
    """Subscriptions have not aged by it, neither now nor after a restart."""
    with served(site, "2027-01-05T20:00") as (server, phone):
        site.machine.sleep(7 * 3_600)
        assert is_told(phone, THREE)
        assert ends(server) == [ALICE, "expired"]
        assert lasts(phone.subscribe()) > 3_590
        assert server.stop() == 0
        site.config["sip"] = {"listen": [f"udp:127.0.0.1:{server.ports['udp']}"]}
        with site.server():
            assert lasts(phone.subscribe()) > 3_590


def lasts(notify: Message) -> int:
    """How much longer the subscription lasts, s."""
    return int(notify.state.removeprefix("active;expires="))
