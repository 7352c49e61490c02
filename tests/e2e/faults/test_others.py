"""Other programs and people at the files of the store: what was answered 200 is there."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import monotonic

import pytest

from tests.helpers.faults import wait_until
from tests.helpers.server import serve
from tests.helpers.site import ALICE, Site, counted, is_refused, press, target
from tests.helpers.ua import Ua, forward

pytestmark = pytest.mark.e2e


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


@pytest.mark.alone
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
