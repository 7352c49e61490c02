"""Restarts at which no datagram is lost: what is sent once is answered once."""

import json
import os
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from bench.load import Phones, answer
from dfks_rules.mi.client import call as mi_call
from dfks_rules.mi.client import open_url
from tests.helpers.certificates import authority
from tests.helpers.server import START_WITHIN, Server, serve
from tests.helpers.ua import Ua, dnd

pytestmark = pytest.mark.e2e

RATE = 1_000
"""Requests a second."""
PHONES = 2_500
"""So many that a phone has its answer long before it is its turn again."""
BEFORE, AFTER = 1.0, 1.5
"""Seconds of requests before and after the restart."""
WAITING = 400
"""Most requests that are not answered yet: with their NOTIFYs' answers they are less than a server
lets wait of one address, however slow it starts. More of them it drops, as a flood."""
QUIET = 15.0
"""Seconds without an answer, after which none is expected."""
ROOM = 64 * 1024 * 1024
"""Bytes of answers that wait for the phones: some NOTIFYs come twice where the machine is busy."""
_SO_RCVBUFFORCE, _SO_MEMINFO, _DROPS = 33, 55, 8
"""Of Linux: sets more than `net.core.rmem_max` for root; nine counters, of which the last one is of
datagrams for which the socket had no room."""
_ANSWERED = re.compile(rb"SIP/2\.0 (\d+).*\r\nCall-ID: (\d+)-.*\r\nCSeq: (\d+) SUB", re.DOTALL)


class _Load(threading.Thread):
    """Phones that refresh their subscriptions, each request sent once."""

    def __init__(self, phones: Phones) -> None:
        super().__init__(daemon=True)
        self.phones = phones
        self.sent: dict[tuple[int, int], float] = {}
        """When each was sent, by phone and CSeq."""
        self.answers: dict[tuple[int, int], tuple[int, float]] = {}
        """Status, and how long it took."""
        self.unheard = 0
        """Datagrams that came, but for which the phones' own socket had no room."""
        self._ends = threading.Event()
        with suppress(PermissionError):
            phones.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, ROOM)
        phones.socket.setblocking(False)

    def run(self) -> None:
        begin, number = time.monotonic(), 0
        while not self._ends.is_set():
            due = int((time.monotonic() - begin) * RATE)
            due = min(due, len(self.answers) + WAITING)
            while number < due and self._send(number):
                number += 1
            self._read()
            time.sleep(0.0005)
        answers, quiet = 0, time.monotonic() + QUIET
        while len(self.answers) < len(self.sent) and time.monotonic() < quiet:
            if len(self.answers) > answers:
                answers, quiet = len(self.answers), time.monotonic() + QUIET
            self._read()
            time.sleep(0.0005)

    def _send(self, number: int) -> bool:
        """Send a request, unless its phone waits for an answer: a later one may overtake it."""
        phone, cseq = number % PHONES, 2 + number // PHONES
        if cseq > 2 and (phone, cseq - 1) not in self.answers:
            return False
        self.phones.socket.send(self.phones.message(phone, cseq, users=PHONES))
        self.sent[phone, cseq] = time.monotonic()
        return True

    def _read(self) -> None:
        while True:
            try:
                data = self.phones.socket.recv(65_535)
            except BlockingIOError:
                return
            if data.startswith(b"NOTIFY"):
                self.phones.socket.send(answer(data))
            elif found := _ANSWERED.match(data):
                key = int(found[2]), int(found[3])
                self.answers[key] = int(found[1]), time.monotonic() - self.sent[key]

    def end(self) -> None:
        """Send no more, and wait for answers."""
        self._ends.set()
        self.join()
        counters = self.phones.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
        self.unheard = struct.unpack("9I", counters)[_DROPS]
        self.phones.socket.close()

    def assert_nothing_is_lost(self) -> None:
        """Every request is answered, with 200, though none was repeated."""
        assert not self.unheard, "these phones are too slow for this machine"
        assert len(self.sent) > RATE * (BEFORE + AFTER) / 2
        lost = self.sent.keys() - self.answers.keys()
        assert not lost, f"{len(lost)} of {len(self.sent)}"
        refused = {key: status for key, (status, _) in self.answers.items() if status != 200}
        assert not refused


def _subscribed(port: int) -> Phones:
    phones = Phones(("127.0.0.1", port))
    phones.run((phones.message(one, 1, users=PHONES) for one in range(PHONES)), 32)
    return phones


@contextmanager
def _kept(folder: Path, **config: Any) -> Iterator[Server]:
    """A server whose store lasts; its successors end with it."""
    with serve(folder, {"store": f"sqlite:{folder}/dfks.db", **config}) as server:
        try:
            yield server
        finally:
            for line in _log(folder, "handed_over"):
                with_pid(line["successor"], signal.SIGKILL)


def with_pid(pid: int, number: signal.Signals) -> None:
    """Send a signal, if there is such a process."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _log(folder: Path, event: str) -> list[dict[str, Any]]:
    """The log lines of an event; what a successor says of its settings is not of the log."""
    lines = (folder / "server.log").read_text().splitlines()
    return [json.loads(line) for line in lines if f'"event":"{event}"' in line]


def _until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + START_WITHIN
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _hand_over(folder: Path, pid: int) -> int:
    """SIGUSR2; the process that serves afterwards."""
    count = len(_log(folder, "handed_over"))
    os.kill(pid, signal.SIGUSR2)
    _until(lambda: len(_log(folder, "handed_over")) > count)
    successor: int = _log(folder, "handed_over")[-1]["successor"]
    return successor


@pytest.mark.alone
def test_no_datagram_is_lost_at_a_hand_over(tmp_path: Path) -> None:
    """1,000 refreshes a second, each sent once."""
    with _kept(tmp_path) as server:
        load = _Load(_subscribed(server.ports["udp"]))
        load.start()
        time.sleep(BEFORE)
        _hand_over(tmp_path, server.pid)
        time.sleep(AFTER)
        load.end()
        load.assert_nothing_is_lost()


@pytest.mark.alone
@pytest.mark.parametrize("transport", ["tls", "tcp"])
def test_phone_with_a_stream_goes_on_after_a_hand_over(tmp_path: Path, transport: str) -> None:
    """Its stream ends, and it connects again; what has changed meanwhile it is told. Over UDP
    nothing is lost, nor is a connection refused.
    """
    certificate, key = authority().files(tmp_path, "localhost")
    sip = {
        "listen": ["udp:127.0.0.1:0", "tcp:127.0.0.1:0", "tls:127.0.0.1:0"],
        "tls": {"certificate": str(certificate), "key": str(key)},
    }
    with ExitStack() as stack:
        server = stack.enter_context(_kept(tmp_path, sip=sip))
        tls = authority().trusting() if transport == "tls" else None
        port = server.ports[transport]
        phones = [stack.enter_context(Ua(port, None, transport, tls=tls)) for _ in range(20)]
        last = {phone: phone.subscribe().cseq for phone in phones}
        load = _Load(_subscribed(server.ports["udp"]))
        load.start()
        time.sleep(BEFORE)
        _hand_over(tmp_path, server.pid)
        first, *others = phones
        call = {"presentity": first.aor, "feature": "DoNotDisturb", "status": 1}
        assert "result" in server.mi("dfks_set_feature", **call)
        for phone in phones:
            phone.connect_again()
            told = phone.subscribe()
            assert told.told["DoNotDisturb"] == ("on" if phone is first else "off")
            assert told.cseq > last[phone]
        for phone in others:
            assert "result" in server.mi("dfks_set_feature", **call | {"presentity": phone.aor})
            assert phone.notify().told["DoNotDisturb"] == "on"
        load.end()
        load.assert_nothing_is_lost()


_PASSES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="dfks.socket")
os.execv(sys.argv[2], sys.argv[2:])
"""
"""What systemd does, of one socket."""


class _Manager:
    """Holds a socket, and starts servers on it, as systemd does; use it in a `with`."""

    def __init__(self, folder: Path, *, listen: str | None = None) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024 * 1024)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.folder = folder
        config = {
            "sip": {"listen": [listen or f"udp:127.0.0.1:{self.port}"]},
            "policies": [],
            "store": "sqlite:dfks.db",
            "mi": {"datagram": "unix:mi"},
        }
        (folder / "dfks.yaml").write_text(json.dumps(config))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @contextmanager
    def start(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a server on the socket until the block ends."""
        number = self.socket.fileno()
        dfks = str(Path(sys.executable).with_name("dfks"))
        with subprocess.Popen(
            [sys.executable, "-c", _PASSES, str(number), dfks, "serve"],
            pass_fds=[number],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield process
            finally:
                process.kill()


def _wait_for_banner(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(b"try it"):
            return
    raise AssertionError("no banner")


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_datagram_is_lost_where_a_service_manager_holds_the_socket(
    tmp_path: Path, number: signal.Signals
) -> None:
    """What comes while no server runs waits in the kernel."""
    with _Manager(tmp_path) as manager:
        load = _restarted(manager, number)
    if number == signal.SIGTERM:
        load.assert_nothing_is_lost()
    else:  # What was read by the one that was killed is lost with it.
        assert len(load.sent) - len(load.answers) < RATE / 4


def _restarted(manager: _Manager, number: signal.Signals) -> _Load:
    """Refreshes to a server that is ended by a signal and started again."""
    with manager.start() as first:
        _wait_for_banner(first)
        load = _Load(_subscribed(manager.port))
        load.start()
        time.sleep(BEFORE)
        first.send_signal(number)
        first.communicate(timeout=START_WITHIN)
    with manager.start() as second:
        _wait_for_banner(second)
        time.sleep(AFTER)
        load.end()
        call = open_url(f"unix:{manager.folder}/mi")
        counts = mi_call(call, "get_statistics", {"statistics": ["transport:"]})
        assert (counts["transport:datagrams_dropped"], counts["transport:queue_dropped"]) == (0, 0)
        second.terminate()
        second.communicate(timeout=START_WITHIN)
    return load


def test_socket_that_no_setting_names_is_an_error(tmp_path: Path) -> None:
    """Phones would send to it, and nobody would ever answer."""
    with (
        _Manager(tmp_path, listen="tcp:127.0.0.1:0") as manager,
        manager.start() as process,
    ):
        _, errors = process.communicate(timeout=START_WITHIN)
    assert process.returncode == 1
    name = f"udp:127.0.0.1:{manager.port}"
    assert f"cannot listen on {name}: was passed, but no setting listens there" in errors.decode()


def test_successor_with_broken_settings_changes_nothing(tmp_path: Path) -> None:
    """The server goes on, and says so."""
    with _kept(tmp_path) as server, Ua(server.ports["udp"]) as phone:
        phone.subscribe(dnd(True))
        (tmp_path / "dfks.yaml").write_text("sip: {listen: 7}\n")
        os.kill(server.pid, signal.SIGUSR2)
        _until(lambda: _log(tmp_path, "hand_over_failed"))
        counts = server.mi("get_statistics", statistics=["process:"])["result"]
        assert counts["process:handovers_failed"] == 1
        assert phone.subscribe().told["DoNotDisturb"] == "on"


def _broken_mi(folder: Path, taken: socket.socket) -> dict[str, Any]:
    return {"http": {"listen": f"127.0.0.1:{taken.getsockname()[1]}"}}


def _broken_unix(folder: Path, _: socket.socket) -> dict[str, Any]:
    (folder / "file").touch()
    return {"datagram": f"unix:{folder}/file"}


def _broken_fifo(folder: Path, _: socket.socket) -> dict[str, Any]:
    (folder / "file").touch()
    return {"fifo": {"path": f"{folder}/file", "reply_dir": str(folder)}}


@pytest.mark.parametrize("broken", [_broken_mi, _broken_unix, _broken_fifo])
def test_successor_that_cannot_open_a_door_does_not_touch_the_store(
    tmp_path: Path, broken: Callable[[Path, socket.socket], dict[str, Any]]
) -> None:
    """It might bring it to a version that the server that goes on cannot use."""
    mi = {"http": {"listen": "127.0.0.1:0"}, "datagram": f"unix:{tmp_path}/mi"}
    with (
        _kept(tmp_path, mi=mi) as server,
        Ua(server.ports["udp"]) as phone,
        socket.create_server(("127.0.0.1", 0)) as taken,
    ):
        phone.subscribe(dnd(True))
        settings = yaml.safe_load((tmp_path / "dfks.yaml").read_text())
        settings["mi"].update(broken(tmp_path, taken))
        (tmp_path / "dfks.yaml").write_text(json.dumps(settings))
        os.kill(server.pid, signal.SIGUSR2)
        _until(lambda: _log(tmp_path, "hand_over_failed"))
        assert phone.subscribe().told["DoNotDisturb"] == "on"
        for url in (server.mi_url, f"unix:{tmp_path}/mi"):
            assert mi_call(open_url(url), "get_statistics", {"statistics": ["process:"]})
        with closing(sqlite3.connect(tmp_path / "dfks.db")) as store:
            assert store.execute("SELECT term FROM server").fetchone() == (1,)
        assert server.stop() == 0


def test_server_goes_on_where_its_successor_fails_at_the_store(tmp_path: Path) -> None:
    """It had closed its own already: it opens it again, and the same dialogs go on."""
    with _kept(tmp_path) as server, Ua(server.ports["udp"]) as phone:
        phone.subscribe(dnd(True))
        settings = yaml.safe_load((tmp_path / "dfks.yaml").read_text())
        (tmp_path / "dfks.yaml").write_text(json.dumps(settings | {"store": f"sqlite:{tmp_path}"}))
        os.kill(server.pid, signal.SIGUSR2)
        _until(lambda: _log(tmp_path, "hand_over_failed"))
        assert phone.subscribe().told["DoNotDisturb"] == "on"
        assert server.mi("get_statistics", statistics=["process:"])["result"]
        assert server.stop() == 0


_NEWER_RELEASE = """
import os, pathlib
if pathlib.Path(__file__).with_name("newer").exists():
    from dfks_rules.store import migrations
    migrations.MIGRATIONS += ("CREATE TABLE newer (x);",)
    if "hand-over" in os.environ.get("LISTEN_FDNAMES", ""):
        migrate = migrations.migrate
        migrations.migrate = lambda connection: (migrate(connection), os._exit(1))
"""
"""Of a release that has one more migration, and whose first process ends right after it."""


def test_newer_release_serves_though_its_first_process_is_killed_once_it_has_migrated(
    tmp_path: Path,
) -> None:
    """The one before cannot use the store any more: it makes way for another one, so that neither
    phones nor operators are left alone.
    """
    (tmp_path / "sitecustomize.py").write_text(_NEWER_RELEASE)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    config = {"store": f"sqlite:{tmp_path}/dfks.db"}
    with (
        serve(tmp_path, config, environment={"PYTHONPATH": path}) as server,
        Ua(server.ports["udp"]) as phone,
    ):
        phone.subscribe(dnd(True))
        (tmp_path / "newer").touch()
        os.kill(server.pid, signal.SIGUSR2)
        _until(lambda: _log(tmp_path, "server_replaced") and _log(tmp_path, "restored"))
        assert phone.subscribe().told["DoNotDisturb"] == "on"
        assert server.mi("get_statistics", statistics=["process:"])["result"]
        with closing(sqlite3.connect(tmp_path / "dfks.db")) as store:
            assert store.execute("SELECT count(*) FROM newer").fetchone() == (0,)
        assert server.stop() == 0


def test_server_can_be_handed_over_again_and_again(tmp_path: Path) -> None:
    """UDP, TCP and MI are where they were."""
    with _kept(tmp_path) as server:
        pid = server.pid
        for _ in range(3):
            pid = _hand_over(tmp_path, pid)
            for transport in ("udp", "tcp"):
                with Ua(server.ports[transport], transport=transport) as phone:
                    phone.subscribe()
            assert server.mi("get_statistics", statistics=["process:"])["result"]
        os.kill(pid, signal.SIGTERM)


def test_successor_serves_at_once_where_the_one_before_is_killed(tmp_path: Path) -> None:
    """In the middle of a hand-over: nobody waits for a word that never comes."""
    with _kept(tmp_path) as server, Ua(server.ports["udp"]) as phone:
        phone.subscribe(dnd(True))
        os.kill(server.pid, signal.SIGUSR2)
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        _until(lambda: _log(tmp_path, "hand_over_started") and children.read_text())
        [successor] = map(int, children.read_text().split())
        try:
            server.kill()
            _until(lambda: _log(tmp_path, "restored"))
            assert phone.subscribe().told["DoNotDisturb"] == "on"
            [lost] = _log(tmp_path, "predecessor_lost")
            assert lost["reason"] == "the other process has ended"
        finally:
            with_pid(successor, signal.SIGKILL)
