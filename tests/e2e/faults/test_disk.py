"""A disk that fails, is full or slow: what was answered 200 is there."""

import re
import sqlite3
from contextlib import ExitStack, closing
from time import monotonic

import pytest

from tests.helpers.faults import Slot
from tests.helpers.site import (
    ALICE,
    Break,
    Site,
    counted,
    fill,
    is_refused,
    person,
    press,
    target,
    user_of,
)
from tests.helpers.ua import Ua, forward

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(lambda on: on.full(), "full", id="full"),
        pytest.param(lambda on: on.full(room=5_000), "full", id="full in the middle of a write"),
        pytest.param(lambda on: on.bad_writes(), "cannot be read or written", id="I/O error"),
        pytest.param(lambda on: on.read_only(), "", id="read-only"),
    ],
)
def test_what_cannot_be_written_is_refused_and_all_else_goes_on(
    site: Site, broken: Break, reason: str
) -> None:
    """As soon as the disk can be written again, so can the states, without a restart."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        with broken(site.machine):
            assert is_refused(press(phone, 2))
            assert phone.subscribe().told["CallForwardingAlways"] == "on 1"
            call = {"presentity": ALICE, "feature": "DoNotDisturb", "status": 1}
            error = server.mi("presence_dfks:set_feature", **call)["error"]
            assert (error["code"], error["message"]) == (503, "Store unavailable")
        assert counted(server) == 2
        assert counted(server, "store:writes_failed") >= 2
        site.says(reason)
        assert target(server) == 1
        assert press(phone, 3).status == 200
        server.kill()
    with site.server() as server:
        assert target(server) == 3


def test_short_writes_change_nothing(site: Site) -> None:
    """A write may write less than it was asked to; nobody notices."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        with site.machine.short_writes():
            for number in range(1, 6):
                assert press(phone, number).status == 200
        server.kill()
    site.machine.cut_power()
    with site.server() as server:
        assert target(server) == 5


@pytest.mark.alone
def test_a_slow_disk_delays_sets_and_nothing_else(site: Site) -> None:
    """Twenty phones wait for the same two syncs, not for twenty."""
    with site.server() as server, ExitStack() as stack:
        port = server.ports["udp"]
        phones = [stack.enter_context(Ua(port)) for _ in range(20)]
        for phone in phones:
            phone.subscribe()
        with site.machine.slow(1.0):
            begun, before = monotonic(), site.machine.count(Slot.SYNCS_BEGUN)
            for phone in phones:
                phone.request(body=forward(True, "7"))
            site.machine.wait_for(Slot.SYNCS_BEGUN, before)
            with Ua(port) as other:
                other.subscribe(expires=0)
                assert other.exchange("OPTIONS", Contact=None, Event=None).status == 200
                answered_others = monotonic() - begun
            assert {phone.response().status for phone in phones} == {200}
            assert site.machine.count(Slot.SYNCS_BEGUN) - before <= 3
        assert answered_others < 0.9 <= monotonic() - begun
        assert counted(server) == 0


def test_what_cannot_be_read_is_refused_until_it_can(site: Site) -> None:
    """States in memory are told; of the others nothing is made up."""
    fill(site, 3_000)
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        with Ua(server.ports["udp"], person(1_500)) as stranger:
            with site.machine.bad_reads():
                assert is_refused(stranger.exchange())
                assert phone.subscribe().told["CallForwardingAlways"] == "on 1"
            assert counted(server) > 0
            assert counted(server, "store:reads_failed") > 0
            site.says("cannot read")
            stranger.to_tag = ""
            assert stranger.subscribe().told["CallForwardingAlways"] == "on 1500"


_LEAF = (0x0A, 0x0D)


def pages_of(site: Site, user: str) -> dict[int, bytes]:
    """The pages of the database that have the user's name, by place."""
    content = site.database.read_bytes()
    size = int.from_bytes(content[16:18], "big")
    places = {found.start() // size * size for found in re.finditer(user.encode(), content)}
    return {place: content[place : place + size] for place in places}


def scribble(site: Site, user: str) -> None:
    """Destroy the user's pages behind the server's back."""
    with site.database.open("r+b") as file:
        for place, page in pages_of(site, user).items():
            file.seek(place)
            file.write(b"\xa5" * len(page))
    # Another program's commit makes the server read pages again.
    with closing(sqlite3.connect(site.database)) as other, other:
        other.execute(f"PRAGMA user_version = {other.execute('PRAGMA user_version').fetchone()[0]}")


def test_a_corrupt_page_harms_only_those_who_are_on_it(site: Site) -> None:
    """Their requests fail, also those that are stored together with requests of others."""
    fill(site, 3_000)
    victim = next(
        aor
        for aor in map(person, range(1_500, 3_000))
        if all(page[0] in _LEAF for page in pages_of(site, user_of(aor)).values())
    )
    with site.server() as server, ExitStack() as stack:
        port = server.ports["udp"]
        good, bad, first = (
            stack.enter_context(Ua(port, aor)) for aor in (person(10), victim, ALICE)
        )
        for phone in (good, bad, first):
            phone.subscribe()
        scribble(site, user_of(victim))
        with site.machine.hung():
            before = site.machine.count(Slot.SYNCS_BEGUN)
            first.request(body=forward(True, "1"))
            site.machine.wait_for(Slot.SYNCS_BEGUN, before)
            for phone in (bad, good):
                phone.request(body=forward(True, "2"))
            # It has read both when it has answered one that came after them.
            assert first.exchange("OPTIONS", Contact=None, Event=None).status == 200
        assert is_refused(bad.response())
        assert good.response().status == 200
        site.says("damaged")
        server.kill()
    with site.server() as server:
        assert (target(server), target(server, person(10))) == (1, 2)
        with Ua(server.ports["udp"], victim) as phone:
            assert is_refused(phone.exchange())
