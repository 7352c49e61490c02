"""Power cuts and crashes, also after a sync that failed: what was answered 200 is there."""

import grp
import os
import re
from random import Random

import pytest

from tests.helpers.faults import Slot, wait_until
from tests.helpers.site import ALICE, Site, counted, is_refused, press, target
from tests.helpers.ua import Ua, forward

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("seed", [None, 1])
def test_what_is_answered_after_a_failed_sync_survives_a_power_cut(
    site: Site, seed: int | None
) -> None:
    """Linux drops what it could not write, and the next sync says that all is well."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        with site.machine.bad_syncs():
            assert is_refused(press(phone, 2))
        assert press(phone, 3).status == 200
        assert counted(server, "store:syncs_failed") > 0
        site.says("sync")
        server.kill()
    site.machine.cut_power(None if seed is None else Random(seed))
    with site.server() as server:
        assert target(server) == 3


def test_what_is_answered_after_a_crash_survives_a_power_cut(site: Site) -> None:
    """The new server finds what the old one had not synced yet, and builds on it."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        with site.machine.hung():
            before = site.machine.count(Slot.SYNCS_BEGUN)
            phone.request(body=forward(True, "2"))
            site.machine.wait_for(Slot.SYNCS_BEGUN, before)
            server.kill()
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert target(server) == 2
        assert press(phone, 3).status == 200
        server.kill()
    site.machine.cut_power()
    with site.server() as server:
        assert target(server) == 3


def test_what_is_told_after_a_crash_survives_a_power_cut(site: Site) -> None:
    """What a phone was told once must not turn back by itself."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        with site.machine.hung():
            before = site.machine.count(Slot.SYNCS_BEGUN)
            phone.request(body=forward(True, "2"))
            site.machine.wait_for(Slot.SYNCS_BEGUN, before)
            server.kill()
    with site.server() as server:
        told = target(server)
        server.kill()
    site.machine.cut_power()
    with site.server() as server:
        assert target(server) == told == 2


def test_a_set_that_was_refused_is_not_answered_before_it_is_on_disk(site: Site) -> None:
    """The file has it, so it changes nothing; the disk may not have it."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        with site.machine.bad_syncs():
            assert is_refused(press(phone, 2))
            assert is_refused(press(phone, 2))
            refused = phone.sent
            # Nor its repeat, which no transaction knows any more.
            phone.send(re.sub(rb"branch=z9hG4bK", rb"branch=z9hG4bKagain", refused))
            assert is_refused(phone.response())
        wait_until(lambda: press(phone, 2).status == 200)
        server.kill()
    site.machine.cut_power()
    with site.server() as server:
        assert target(server) == 2


@pytest.mark.parametrize("seed", [None, 1])
def test_a_power_cut_between_write_and_sync_takes_only_what_was_not_answered(
    site: Site, seed: int | None
) -> None:
    """Whatever of it reached the disk: it is there as a whole or not at all."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        for number in range(1, 4):
            assert press(phone, number).status == 200
        with site.machine.hung():
            before = site.machine.count(Slot.SYNCS_BEGUN)
            phone.request(body=forward(True, "4"))
            site.machine.wait_for(Slot.SYNCS_BEGUN, before)
            assert not phone.has_arrived()
            server.kill()
    site.machine.cut_power(None if seed is None else Random(seed))
    with site.server() as server:
        assert target(server) in (3, 4)


def test_the_first_set_of_a_new_store_survives_a_power_cut(site: Site) -> None:
    """The names of new files are in their folder, which must be synced as well."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        server.kill()
    site.machine.cut_power()
    with site.server() as server:
        assert target(server) == 1


@pytest.mark.parametrize("group", [None, grp.getgrgid(os.getgid()).gr_name])
def test_a_power_cut_after_a_stop_takes_nothing(site: Site, group: str | None) -> None:
    """A stop moves the log into the database and removes it; with readers, also its mode."""
    if group is not None:
        site.config["store"] = {"sqlite": str(site.database), "group": group}
    for number in (1, 2):
        with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
            assert press(phone, number).status == 200
            assert server.stop() == 0
        site.machine.cut_power()
    with site.server() as server:
        assert target(server) == 2
