"""Time that acts: features that are switched off by themselves, in a real server."""

import json
from operator import mul
from pathlib import Path
from time import monotonic, sleep
from time import time as now

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from tests.helpers.faults import Machine
from tests.helpers.server import write_policy
from tests.helpers.site import ALICE, Site, press
from tests.helpers.ua import Ua

pytestmark = pytest.mark.e2e

UNTIL_ONE = """
- id: until-one
  when: {op: set, feature: CallForwardingAlways, request.status: 1}
  then: {expire: {until: "13:00", tz: UTC}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A machine whose clock a test sets."""
    return Site(tmp_path)


def show(machine: Machine, time: str) -> None:
    """Set the clock of the machine to this time of day (UTC)."""
    wanted = sum(map(mul, map(int, time.split(":")), (3600, 60, 1)))
    machine.step_clock(wanted - now() % 86_400)


def test_a_forward_that_ends_by_itself_is_told_off(site: Site) -> None:
    """At its time, with a row in the journal that names the rule."""
    site.config |= write_policy(site.folder, UNTIL_ONE)
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        phone.subscribe()
        show(site.machine, "12:59:55")
        sleep(1.0)  # The server reads the clock once a second.
        begun = monotonic()
        assert press(phone, 1).status == 200
        assert phone.notify().told == {"CallForwardingAlways": "off 1"}
        assert 1 < monotonic() - begun < 8
        [on, off] = server.mi("journal:list", presentity=ALICE)["result"]["changes"]
        assert (off["origin"], off["actor"], off["rule"]) == ("internal", "expired", "p/until-one")
        assert on["origin"] == "watcher"
        names = ["expiring:switched_off"]
        assert server.mi("get_statistics", statistics=names)["result"] == {names[0]: 1}


def test_what_was_due_while_the_server_was_killed_is_done_when_it_starts(site: Site) -> None:
    """The phone is told in the dialog that it has."""
    site.config |= write_policy(site.folder, UNTIL_ONE)
    show(site.machine, "12:30:00")
    with site.server() as server:
        phone = Ua(server.ports["udp"], ALICE)
        phone.subscribe()
        assert press(phone, 1).status == 200
        server.kill()
    show(site.machine, "13:30:00")
    site.config["sip"] = {"listen": [f"udp:127.0.0.1:{server.ports['udp']}"]}
    with site.server(), phone:
        told = phone.notify().told
        while told["CallForwardingAlways"] != "off 1":
            # What was told just before the crash may be told again first.
            told = phone.notify().told


def test_what_is_not_due_waits_for_its_time_over_a_restart(site: Site) -> None:
    """A server that starts a moment before."""
    site.config |= write_policy(site.folder, UNTIL_ONE)
    show(site.machine, "12:30:00")
    with site.server() as server:
        phone = Ua(server.ports["udp"], ALICE)
        phone.subscribe()
        assert press(phone, 1).status == 200
        assert server.stop() == 0
    show(site.machine, "12:59:56")
    site.config["sip"] = {"listen": [f"udp:127.0.0.1:{server.ports['udp']}"]}
    with site.server(), phone:
        assert phone.notify().told["CallForwardingAlways"] == "off 1"


NIGHT_SERVICE = """
- id: night
  when: {op: get, feature: CallForwardingAlways, user: alice, time: {outside: office}}
  then: {status: 1, values: {forwardTo: "9"}}
"""


def test_night_service_lights_the_key_at_the_edge(site: Site) -> None:
    """By itself; the reception of the day sees nothing."""
    site.config |= write_policy(site.folder, NIGHT_SERVICE)
    policy = site.folder / "policy.yaml"
    office = 'schedules: {office: {tz: UTC, weekly: ["Daily 08:00-18:00"]}}\n'
    policy.write_text(policy.read_text().replace("rules:", office + "rules:"))
    show(site.machine, "17:59:50")
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert phone.subscribe().told["CallForwardingAlways"] == "off"
        with Ua(server.ports["udp"], "sip:bob@example.com") as other:
            other.subscribe()
            assert phone.notify().told == {"CallForwardingAlways": "on 9"}
            assert not other.has_arrived()
        names = ["presence:edges_passed", "presence:edges_told"]
        told = server.mi("get_statistics", statistics=names)["result"]
        assert list(told.values()) == [1, 1]


def test_an_edge_that_passes_while_the_server_is_down_is_told_when_it_starts(site: Site) -> None:
    """Phones are subscribed all the time."""
    site.config |= write_policy(
        site.folder, NIGHT_SERVICE.replace("outside: office", 'ge: "18:00"')
    )
    site.machine.environment["TZ"] = "UTC"
    show(site.machine, "17:30:00")
    with site.server() as server:
        phone = Ua(server.ports["udp"], ALICE)
        assert phone.subscribe().told["CallForwardingAlways"] == "off"
        assert server.stop() == 0
    show(site.machine, "18:30:00")
    site.config["sip"] = {"listen": [f"udp:127.0.0.1:{server.ports['udp']}"]}
    with site.server(), phone:
        assert phone.notify().told == {"CallForwardingAlways": "on 9"}


def test_what_comes_next_is_told_by_the_running_server(site: Site) -> None:
    """What expires, and what the key will show."""
    rules = UNTIL_ONE + NIGHT_SERVICE.replace("outside: office", 'ge: "18:00"')
    site.config |= write_policy(site.folder, rules)
    site.machine.environment["TZ"] = "UTC"
    show(site.machine, "12:30:00")
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        phone.subscribe()
        assert press(phone, 1).status == 200
        asked = ["policy", "next", ALICE, "--url", server.mi_url, "--hours", "6", "--json"]
        told = CliRunner().invoke(dfks, asked)
        expires, shown = map(json.loads, told.output.splitlines())
    assert (expires["cause"], expires["at"][11:16]) == ("expire", "13:00")
    assert (shown["cause"], shown["at"][11:16], shown["rule"]) == ("time", "18:00", "p/night")
    assert (shown["before"], shown["after"]) == (
        {"status": "off", "forwardTo": "1"},
        {"status": "on", "forwardTo": "9"},
    )
