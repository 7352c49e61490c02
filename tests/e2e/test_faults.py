"""A disk that fails, files that vanish, a clock that steps: what was answered 200 is there.

Each failure is a row of docs/topics/durability.md, which names its test.
"""

import grp
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import pytest

from tests.helpers.faults import Machine, Slot, wait_until
from tests.helpers.server import Server, serve
from tests.helpers.ua import Message, Ua, forward

pytestmark = pytest.mark.e2e

ALICE = "sip:alice@example.com"
Break = Callable[[Machine], AbstractContextManager[None]]


class Site:
    """A machine and its servers, one after another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machine = Machine(folder)
        self.database = self.machine.disk / "dfks.db"
        self.config: dict[str, Any] = {"store": f"sqlite:{self.database}"}

    @contextmanager
    def server(self) -> Iterator[Server]:
        """A server on this machine."""
        with serve(self.folder, self.config, environment=self.machine.environment) as server:
            yield server

    def log(self) -> list[dict[str, Any]]:
        """What the servers have logged."""
        lines = (self.folder / "server.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def last_line(self) -> str:
        """What a server that does not start has said last."""
        return (self.folder / "server.log").read_text().splitlines()[-1]

    def reasons(self, event: str) -> list[str]:
        """Why, for each such line of the log."""
        return [line["reason"] for line in self.log() if line["event"] == event]

    def says(self, why: str) -> None:
        """Return once the log says why requests fail; lines are written a moment late."""
        wait_until(lambda: any(why in reason for reason in self.reasons("store_failed")))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A machine on which nothing fails yet."""
    return Site(tmp_path)


def target(server: Server, aor: str = ALICE) -> int:
    """The number to which the presentity's calls go, as the server tells a phone; 0: never set."""
    with Ua(server.ports["udp"], aor) as phone:
        told = phone.subscribe(expires=0).told["CallForwardingAlways"]
        return int(told.removeprefix("on ")) if told != "off" else 0


def press(phone: Ua, number: int) -> Message:
    """Set the number to which calls go; gives the response, and takes the NOTIFY of a 200."""
    response = phone.exchange(body=forward(True, str(number)))
    if response.status == 200:
        phone.accepted(response)
        phone.notify()
    return response


def is_refused(response: Message) -> bool:
    """Whether the phone is told to try again later."""
    return response.status == 503 and int(response.headers["retry-after"]) > 0


def counted(server: Server, name: str = "features:failures") -> int:
    """A statistic; by default the requests that failed because of the store."""
    count: int = server.mi("get_statistics", statistics=[name])["result"][name]
    return count


# The disk.


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


def person(number: int) -> str:
    """Address of one of those who are in a filled store."""
    return f"sip:p{number:06}@example.com"


def user_of(aor: str) -> str:
    """The user of an address."""
    return aor.removeprefix("sip:").partition("@")[0]


def fill(site: Site, people: int) -> None:
    """More states than SQLite keeps in memory: calls of each go to its own number."""
    with site.server() as server:
        assert server.stop() == 0
    with closing(sqlite3.connect(site.database)) as connection, connection:
        users = [(user_of(person(number)), number) for number in range(people)]
        connection.executemany(
            "INSERT INTO presentity (user, domain, revision) VALUES (?, 'example.com', 1)",
            [(user,) for user, _ in users],
        )
        connection.executemany(
            "INSERT INTO feature_state (user, domain, feature, status, feature_values, changed_at)"
            " VALUES (?, 'example.com', 'CallForwardingAlways', 1, ?, '2026-01-01T00:00:00.000Z')",
            [(user, json.dumps({"forwardTo": str(number)})) for user, number in users],
        )


# Other programs, and people.


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Another program is about to write."""
    with closing(sqlite3.connect(site.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.rollback()


def test_a_lock_of_another_program_is_waited_for(site: Site) -> None:
    """Up to two seconds; phones that refresh do not wait."""
    with site.server() as server, ExitStack() as stack:
        phone, other = (stack.enter_context(Ua(server.ports["udp"])) for _ in range(2))
        assert press(phone, 1).status == 200
        other.subscribe()
        with locked(site):
            phone.request(body=forward(True, "2"))
            other.subscribe()
            assert not phone.has_arrived()
        assert phone.response().status == 200
        assert counted(server) == 0


def test_a_lock_of_another_program_is_not_waited_for_too_long(site: Site) -> None:
    """Nor does it hold up those who set nothing."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        with locked(site):
            begun = monotonic()
            assert is_refused(press(phone, 2))
            assert 1.9 < monotonic() - begun < 4
            assert phone.subscribe().told["CallForwardingAlways"] == "on 1"
        assert counted(server, "store:locked") > 1
        site.says("holds a lock")
        assert press(phone, 3).status == 200


_LEAF = (0x0A, 0x0D)
"""First bytes of the pages that hold rows and nothing else."""


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


def away(path: Path) -> Callable[[], object]:
    """Move a file away; gives how to bring it back."""
    aside = path.with_name(path.name + ".aside")
    path.rename(aside)
    return lambda: aside.rename(path)


def replaced(path: Path) -> Callable[[], object]:
    """Put a copy in its place, as `cp` and `mv` do; gives how to bring it back."""
    back = away(path)
    path.write_bytes(path.with_name(path.name + ".aside").read_bytes())
    return back


@pytest.mark.parametrize(
    ("end", "harm"), [("", away), ("", replaced), ("-wal", away), ("-shm", replaced)]
)
def test_files_that_are_not_there_any_more_are_not_written(
    site: Site, end: str, harm: Callable[[Path], Callable[[], object]]
) -> None:
    """Else it would be gone after a restart. When they are back, so is the service."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        back = harm(site.database.with_name(site.database.name + end))
        assert is_refused(press(phone, 2))
        assert is_refused(phone.exchange())
        [reason] = site.reasons("store_lost")
        assert f"dfks.db{end}" in reason
        back()
        wait_until(lambda: any(line["event"] == "store_back" for line in site.log()))
        assert press(phone, 3).status == 200
        server.kill()
    with site.server() as server:
        assert target(server) == 3


@pytest.mark.parametrize("end", ["-wal", "-shm"])
def test_a_stop_saves_what_is_in_a_deleted_log(site: Site, end: str) -> None:
    """The server still has it open."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        site.database.with_name(site.database.name + end).unlink()
        assert is_refused(press(phone, 2))
        assert server.stop() == 0
    with site.server() as server:
        assert target(server) in (1, 2)


def test_a_second_server_fences_the_first(site: Site) -> None:
    """Somebody deletes the lock and starts another one: only the newest stores."""
    with site.server() as server, Ua(server.ports["udp"], ALICE) as phone:
        assert press(phone, 1).status == 200
        site.database.with_name("dfks.db.lock").unlink()
        (site.folder / "second").mkdir()
        with serve(site.folder / "second", site.config) as second:
            assert is_refused(press(phone, 2))
            with Ua(second.ports["udp"], ALICE) as other:
                assert press(other, 3).status == 200
            assert target(second) == 3
        assert counted(server, "store:fenced") > 0
        site.says("taken the store over")


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


# The clock.


@pytest.mark.parametrize("hours", [1, -1])
def test_a_step_of_the_clock_changes_no_subscription(site: Site, hours: int) -> None:
    """Durations are measured, not computed from the wall clock."""
    site.config["presence"] = {"min_expires": 1}
    with site.server() as server, ExitStack() as stack:
        short, long = (stack.enter_context(Ua(server.ports["udp"])) for _ in range(2))
        long.subscribe()
        short.subscribe(expires=2)
        begun = monotonic()
        site.machine.step_clock(hours * 3_600)
        assert short.notify().state == "terminated;reason=timeout"
        assert 1.5 < monotonic() - begun < 5
        assert not long.has_arrived()
        state = press(long, 1) and long.subscribe().state
        assert 3_590 < int(state.removeprefix("active;expires=")) <= 3_600
        server.kill()
    with site.server() as server:
        assert target(server, long.aor) == 1


@pytest.mark.parametrize(("end", "hours"), [("stop", 1), ("kill", -1)])
def test_a_step_of_the_clock_over_a_restart_changes_no_subscription(
    site: Site, end: str, hours: int
) -> None:
    """The clock that counts is that of the machine, which goes on while no server runs."""
    with site.server() as server:
        phone = Ua(server.ports["udp"], ALICE)
        phone.subscribe()
        assert press(phone, 1).status == 200
        cseq = phone.subscribe().cseq
        getattr(server, end)()
    site.machine.step_clock(hours * 3_600)
    site.config["sip"] = {"listen": [f"udp:127.0.0.1:{server.ports['udp']}"]}
    with site.server(), phone:
        told = phone.subscribe()
        assert told.told["CallForwardingAlways"] == "on 1"
        assert told.cseq > cseq
        assert 3_590 < int(told.state.removeprefix("active;expires=")) <= 3_600
