"""What operators do with the store of a running server."""

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.ports import free_port
from tests.helpers.server import Server, serve
from tests.helpers.stored import ask, make_newer
from tests.helpers.ua import Ua, dnd, forward

pytestmark = pytest.mark.e2e

DFKS = str(Path(sys.executable).with_name("dfks"))
ALICE = "sip:alice@example.com"
SETS_PER_SECOND = 25
STALL = 1.0
"""Seconds that no answer may take, on a machine that does other things as well."""


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """A store in a file."""
    return {"store": f"sqlite:{tmp_path / 'dfks.db'}"}


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command of the operator."""
    command = [DFKS, *arguments, "--config", "dfks.yaml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180)


def history(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """What `dfks history` prints for scripts."""
    done = run(folder, "history", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return [*map(json.loads, done.stdout.splitlines())]


@contextmanager
def load(server: Server, users: int = 5) -> Iterator[list[float]]:
    """Phones that press keys meanwhile; gives how long each answer took."""
    took: list[float] = []
    stop = threading.Event()

    def press() -> None:
        with ExitStack() as open_:
            phones = [
                open_.enter_context(Ua(server.ports["udp"], f"sip:load{number}@example.com"))
                for number in range(users)
            ]
            for phone in phones:
                phone.subscribe()
            for number in count():
                if stop.is_set():
                    return
                phone, begun = phones[number % users], time.monotonic()
                phone.accepted(phone.exchange(body=forward(True, str(2000 + number))))
                took.append(time.monotonic() - begun)
                phone.notify()
                stop.wait(max(0.0, 1 / SETS_PER_SECOND - (time.monotonic() - begun)))

    thread = threading.Thread(target=press)
    thread.start()
    try:
        while len(took) < users and thread.is_alive():
            time.sleep(0.01)
        yield took
    finally:
        stop.set()
        thread.join(30)


def grow(path: Path, users: int) -> None:
    """Add users whose do not disturb is on, as from before there was a journal."""
    with closing(sqlite3.connect(path)) as connection, connection:
        names = [(f"many{number}", "example.org") for number in range(users)]
        connection.executemany(
            "INSERT INTO presentity (user, domain, revision) VALUES (?, ?, 1)", names
        )
        connection.executemany(
            "INSERT INTO feature_state (user, domain, feature, status, changed_at, feature_values)"
            " VALUES (?, ?, 'DoNotDisturb', 1, '', '{}')",
            names,
        )


def test_the_history_says_who_and_how(tmp_path: Path, config: dict[str, Any]) -> None:
    """A phone, an operator, and after a crash the same."""
    with serve(tmp_path, config) as server, Ua(server.ports["udp"], ALICE) as phone:
        phone.subscribe()
        phone.accepted(phone.exchange(body=dnd(on=True)))
        made = server.mi("dfks:set_feature", presentity=ALICE, feature="DoNotDisturb", status=0)[
            "result"
        ]
        assert made["changed"]
        rows = history(tmp_path, ALICE)
        assert [(row["origin"], row["actor"], row["after"]["status"]) for row in rows] == [
            ("watcher", ALICE, 1),
            ("operator", "mi", 0),
        ]
        assert {row["rule"] for row in rows} == {"default/store-what-is-asked"}
        listing = server.mi("journal:list", presentity=ALICE)["result"]
        assert listing == {"changes": rows, "last": 2, "more": False}
        explained = server.mi("policy:explain", which=rows[0]["decision"])["result"]["decisions"]
        assert explained[0]["record"]["given"]["origin"] == "watcher"
        server.kill()
    assert history(tmp_path, ALICE) == rows


def test_a_backup_under_load_holds_up_nobody(tmp_path: Path, config: dict[str, Any]) -> None:
    """20 sets a second and more; what is copied is of one moment."""
    with serve(tmp_path, config) as server:
        assert server.stop() == 0
    grow(tmp_path / "dfks.db", 150_000)
    with serve(tmp_path, config) as server, load(server) as took:
        before, newest = len(took), history(tmp_path, "--limit", "1")[0]["seq"]
        done = run(tmp_path, "store", "backup", "b.db")
        assert done.returncode == 0, done.stderr
        meanwhile = took[before:]
        assert len(meanwhile) > 5
        assert max(meanwhile) < STALL
        assert run(tmp_path, "store", "check").returncode == 0
    [(copied,)] = ask(tmp_path / "b.db", "SELECT max(seq) FROM change")
    assert isinstance(copied, int)
    assert newest <= copied < newest + len(meanwhile)


def test_a_backup_that_is_killed_harms_nobody(tmp_path: Path, config: dict[str, Any]) -> None:
    """Neither the server nor the next backup."""
    with serve(tmp_path, config) as server:
        assert server.stop() == 0
    grow(tmp_path / "dfks.db", 50_000)
    with serve(tmp_path, config) as server, load(server) as took:
        command = [DFKS, "store", "backup", "b.db", "--config", "dfks.yaml"]
        with subprocess.Popen(command, cwd=tmp_path) as process:
            part = tmp_path / "b.db.part"
            while not (part.exists() and part.stat().st_size):
                assert process.poll() is None
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
        assert not (tmp_path / "b.db").exists()
        served = len(took)
        while len(took) < served + 5:
            time.sleep(0.05)
        assert run(tmp_path, "store", "backup", "b.db").returncode == 0
        assert not part.exists()


def test_a_server_that_is_killed_during_a_backup_spoils_nothing(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    """The copy is whole, and so is the store."""
    with serve(tmp_path, config) as server:
        assert server.stop() == 0
    grow(tmp_path / "dfks.db", 50_000)
    with serve(tmp_path, config) as server, Ua(server.ports["udp"], ALICE) as phone:
        phone.subscribe()
        phone.accepted(phone.exchange(body=dnd(on=True)))
        command = [DFKS, "store", "backup", "b.db", "--config", "dfks.yaml"]
        with subprocess.Popen(command, cwd=tmp_path) as process:
            while not (tmp_path / "b.db.part").exists():
                assert process.poll() is None
                time.sleep(0.001)
            server.kill()
            assert process.wait(60) == 0
    assert run(tmp_path, "store", "check").returncode == 0
    for path in ("b.db", "dfks.db"):
        [(status,)] = ask(tmp_path / path, "SELECT status FROM feature_state WHERE user = 'alice'")
        assert status == 1


def test_a_restore_waits_for_the_server_to_stop_and_undoes_what_was_set(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    """And says so in the history."""
    with serve(tmp_path, config) as server, Ua(server.ports["udp"], ALICE) as phone:
        phone.subscribe()
        phone.accepted(phone.exchange(body=dnd(on=True)))
        assert run(tmp_path, "store", "backup", "b.db").returncode == 0
        phone.accepted(phone.exchange(body=dnd(on=False)))
        for command in (("restore", "b.db"), ("migrate",)):
            refused = run(tmp_path, "store", *command)
            assert (refused.returncode, refused.stdout) == (1, "")
            assert f"process {server.pid} is using it; stop the server first" in refused.stderr
        assert phone.exchange().status == 200
        assert server.stop() == 0
    restored = run(tmp_path, "store", "restore", "b.db")
    assert restored.returncode == 0, restored.stderr
    with serve(tmp_path, config) as server, Ua(server.ports["udp"], ALICE) as phone:
        assert phone.subscribe().told["DoNotDisturb"] == "on"
    rows = history(tmp_path, ALICE)
    assert [row["after"]["status"] for row in rows] == [1, 0, 1]
    assert rows[-1]["actor"] == "dfks store restore"


@pytest.mark.parametrize("is_damaged", [False, True])
def test_phones_are_told_in_their_dialogs_what_a_restore_has_changed(
    tmp_path: Path, config: dict[str, Any], is_damaged: bool
) -> None:
    """Whether the store before can be read or not."""
    address = f"127.0.0.1:{free_port()}"
    settings = config | {"sip": {"listen": [f"udp:{address}"]}}
    path = tmp_path / "dfks.db"
    with serve(tmp_path, settings) as server, Ua(server.ports["udp"], ALICE) as phone:
        phone.subscribe(dnd(on=True))
        assert run(tmp_path, "store", "backup", "b.db").returncode == 0
        phone.accepted(phone.exchange(body=dnd(on=False)))
        before = phone.notify()
        assert server.stop() == 0
        assert not phone.has_arrived()
        if is_damaged:
            path.write_bytes(b"\x5a" * path.stat().st_size)
        restored = run(tmp_path, "store", "restore", "b.db")
        assert restored.returncode == 0, restored.stderr
        with serve(tmp_path, settings):
            after = phone.notify()
            assert after.told["DoNotDisturb"] == "on"
            assert after.headers["call-id"] == before.headers["call-id"]
            assert after.cseq > before.cseq
            phone.accepted(phone.exchange())
    assert run(tmp_path, "store", "check").stdout.endswith("OK\n")


def test_an_older_release_says_what_it_needs(tmp_path: Path, config: dict[str, Any]) -> None:
    """Somebody went back at night."""
    with serve(tmp_path, config) as server:
        assert server.stop() == 0
    make_newer(tmp_path / "dfks.db", "9.1.0")
    done = run(tmp_path, "serve")
    assert done.returncode == 1
    assert "written by dfks-rules 9.1.0" in done.stderr
    assert "use dfks-rules 9.1.0 or newer, or restore a backup" in done.stderr


def test_changes_are_followed_over_mi_and_over_restarts(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    """From another machine, where there is no file."""
    address = f"127.0.0.1:{free_port()}"
    settings = config | {"mi": {"http": {"listen": address, "root": "/mi"}}}
    params = {"presentity": ALICE, "feature": "DoNotDisturb"}
    command = [
        DFKS,
        "mi",
        "--url",
        f"http://{address}/mi",
        "--json",
        "--follow",
        "journal:list",
        ALICE,
    ]
    with serve(tmp_path, settings) as server:
        server.mi("dfks:set_feature", **params, status=1)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["seq"] == 1
        server.mi("dfks:set_feature", **params, status=0)
        assert json.loads(process.stdout.readline())["seq"] == 2
        server.kill()
    assert process.stderr is not None
    assert b"cannot reach the server" in process.stderr.readline()
    with process, serve(tmp_path, settings) as server:
        server.mi("dfks:set_feature", **params, status=1)
        assert json.loads(process.stdout.readline())["seq"] == 3
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
