"""Restarts that no phone notices: with `kill -9`, as a power cut does it, and planned."""

import json
import os
import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.ports import listen
from tests.helpers.server import START_WITHIN, Server, serve
from tests.helpers.ua import Ua, dnd

pytestmark = pytest.mark.e2e

Serve = Callable[..., Any]


@pytest.fixture
def start(tmp_path: Path) -> Serve:
    """Starts servers on the same ports and the same store, one after the other."""
    sip = {"listen": listen("udp", "tcp")}

    @contextmanager
    def one(**config: Any) -> Iterator[Server]:
        settings = {"sip": sip, "store": f"sqlite:{tmp_path}/dfks.db", **config}
        with serve(tmp_path, settings) as server:
            yield server

    return one


def _set(server: Server, phone: Ua, status: int) -> None:
    """An operator switches DND."""
    params = {"presentity": phone.aor, "feature": "DoNotDisturb", "status": status}
    assert "result" in server.mi("dfks_set_feature", **params)


def _log(folder: Path, event: str) -> list[dict[str, Any]]:
    lines = (folder / "server.log").read_text().splitlines()
    return [json.loads(line) for line in lines if f'"event":"{event}"' in line]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_next_change_after_a_crash_is_told_in_the_same_dialog(start: Serve, transport: str) -> None:
    """With a higher CSeq; over TCP on the next connection."""
    with start() as server:
        phone = Ua(server.ports[transport], transport=transport)
        with phone:
            before = phone.subscribe()
            server.kill()
            with start() as again:
                if transport == "tcp":
                    phone = _reconnected(phone, again.ports["tcp"])
                with phone:
                    phone.accepted(phone.exchange())
                    refreshed = phone.notify()
                    _set(again, phone, 1)
                    told = phone.notify()
    assert before.cseq < refreshed.cseq < told.cseq
    assert told.headers["call-id"] == before.headers["call-id"]
    assert told.headers["from"] == before.headers["from"]
    assert told.told["DoNotDisturb"] == "on"


def _reconnected(phone: Ua, port: int) -> Ua:
    """The same phone and dialog, on a connection of its own."""
    again = Ua(port, phone.aor, "tcp")
    names = ("call_id", "tag", "to_tag", "target", "cseq", "route")
    for name in names:
        setattr(again, name, getattr(phone, name))
    return again


def test_change_is_told_to_who_has_not_moved(start: Serve) -> None:
    """A phone over UDP that does nothing at all: it does not know of the crash."""
    with start() as server, Ua(server.ports["udp"]) as phone:
        before = phone.subscribe()
        server.kill()
        with start() as again:
            _set(again, phone, 1)
            told = phone.notify()
            while "DoNotDisturb" not in told.told or told.told["DoNotDisturb"] != "on":
                told = phone.notify()  # What it was told just before the crash is told again.
        assert told.cseq > before.cseq
        assert told.headers["from"] == before.headers["from"]


def test_change_just_before_a_crash_is_told_after_it(start: Serve, tmp_path: Path) -> None:
    """The NOTIFY was lost, or never sent; the set was answered."""
    with start() as server, Ua(server.ports["udp"]) as phone:
        phone.subscribe()
        _set(server, phone, 1)
        phone.notify(status=None)
        server.kill()
        with start():
            deadline = time.monotonic() + 5
            told = phone.notify()
            while told.told.get("DoNotDisturb") != "on":
                assert time.monotonic() < deadline
                told = phone.notify()
        assert _log(tmp_path, "restored")[-1]["subscriptions"] == 1


def test_repeated_set_is_not_applied_twice(start: Serve, tmp_path: Path) -> None:
    """The answer was lost with the server, and an operator was faster than the repeat."""
    with start() as server, Ua(server.ports["udp"]) as phone:
        phone.subscribe()
        phone.accepted(phone.exchange(body=dnd(True)))
        sent = phone.sent
        phone.notify()
        server.kill()
        with start() as again:
            _set(again, phone, 0)
            phone.send(sent.replace(b"branch=z9hG4bK", b"branch=z9hG4bKagain"))
            repeated = phone.response()
            assert (repeated.status, repeated.cseq) == (200, phone.cseq)
            told = phone.notify()
            while told.told.get("DoNotDisturb") != "off":
                told = phone.notify()
            again.stop()
        journal = sqlite3.connect(tmp_path / "dfks.db").execute("SELECT after FROM change")
        assert [json.loads(after)["status"] for (after,) in journal] == [True, False]


def test_first_subscribe_that_is_repeated_after_a_crash_makes_no_second_dialog(
    start: Serve,
) -> None:
    """Its 200 was lost with the server: the repeat has the same tag, and the set counts once."""
    with start() as server, Ua(server.ports["udp"]) as phone:
        first = phone.exchange(body=dnd(True))
        sent = phone.sent
        server.kill()
        with start() as again:
            phone.send(sent.replace(b"branch=z9hG4bK", b"branch=z9hG4bKagain"))
            repeated = phone.response()
            assert repeated.status == 200
            assert repeated.headers["to"] == first.headers["to"]
            rows = again.mi("subs_phtable_list")["result"]
            assert len(rows) == 1


def test_subscription_expires_when_it_would_have(start: Serve) -> None:
    """After a planned stop to the second; the end is told.

    The time in which no server runs counts: one that began the term anew would tell it 5 s late.
    The term is long enough for a slow start.
    """
    config = {"presence": {"min_expires": 1}}
    with start(**config) as server, Ua(server.ports["udp"]) as phone:
        phone.subscribe(expires=20)
        began = time.monotonic()
        server.stop()
        time.sleep(5)
        with start(**config):
            told = phone.notify()
            took = time.monotonic() - began
    assert told.state.startswith("terminated;reason=timeout")
    assert 19 <= took < 24


def test_planned_stop_tells_nobody(start: Serve) -> None:
    """`presence.on_stop: keep`: neither at the end nor at the start."""
    with start() as server, Ua(server.ports["udp"]) as phone:
        phone.subscribe()
        assert server.stop() == 0
        with start():
            assert phone.unread() == []
            phone.accepted(phone.exchange())


def test_refresh_while_no_server_runs_is_answered_by_the_next(start: Serve) -> None:
    """A phone repeats it until then."""
    with start() as server, Ua(server.ports["udp"]) as phone:
        phone.subscribe()
        server.kill()
        with start():
            phone.accepted(phone.exchange())


def test_first_screen_of_the_readme_outlives_a_crash(start: Serve) -> None:
    """`dfks phone --watch` prints the next change, and does nothing for it."""
    dfks = str(Path(sys.executable).with_name("dfks"))
    with start() as server:
        where = f"sip:alice@127.0.0.1:{server.ports['udp']}"
        with subprocess.Popen([dfks, "phone", where, "--watch"], stdout=subprocess.PIPE) as phone:
            try:
                _read_until(phone, b"DoNotDisturb")
                server.kill()
                with start() as again:
                    params = {"presentity": "sip:alice@127.0.0.1", "feature": "DoNotDisturb"}
                    assert "result" in again.mi("dfks_set_feature", **params, status=1)
                    _read_until(phone, b" on")
            finally:
                phone.kill()


def _read_until(phone: "subprocess.Popen[bytes]", text: bytes) -> None:
    assert phone.stdout is not None
    deadline, printed = time.monotonic() + START_WITHIN, b""
    while text not in printed:
        wait = max(0, deadline - time.monotonic())
        assert select.select([phone.stdout], [], [], wait)[0], printed
        printed += os.read(phone.stdout.fileno(), 65_536)
