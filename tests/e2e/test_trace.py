"""Traces of a real server, and its export to collectors."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.certificates import authority
from tests.helpers.hep import Packet, decode
from tests.helpers.server import Server, serve, write_policy
from tests.helpers.ua import Ua, dnd

pytestmark = pytest.mark.e2e
DFKS = str(Path(sys.executable).with_name("dfks"))
ALICE = "sip:alice@example.com"
_HTTP: dict[str, Any] = {"http": {"listen": "127.0.0.1:0"}}
_RULES = """
- {id: no, when: {op: set, feature: DoNotDisturb}, then: {deny: {reason: quiet, text: Not now}}}
"""


def _api(server: Server) -> str:
    found = re.search(r"^  api (http://\S+)$", server.banner, re.MULTILINE)
    assert found is not None
    return found[1]


def _kept(server: Server, accept: str = "text/plain", user: str = ALICE, token: str = "") -> bytes:
    """What is kept of a trace."""
    url = f"{_api(server)}/v1/trace/{user}?seconds=0"
    headers = {"Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own server's
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        data: bytes = response.read()
    return data


@contextmanager
def _traced(server: Server, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """`dfks trace` of Alice while the block runs; then Ctrl-C."""
    command = [DFKS, "trace", ALICE, "--url", _api(server), *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            begins = process.stderr if "--json" in options else process.stdout
            assert begins is not None
            assert begins.readline().startswith("trace of sip:alice@example.com for 60 s")
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=180)
        assert process.returncode == 0, told
        assert "decisions" in told


def _until(process: "subprocess.Popen[str]", text: str) -> list[str]:
    """Lines of its output up to one that contains a text."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    raise AssertionError(f"no {text!r} in {lines}")


def _arrows(lines: list[str]) -> list[str]:
    return [line[14:43] for line in lines if "──" in line]


def test_the_ladder_shows_a_refusal_while_it_happens(tmp_path: Path) -> None:
    """The decision stands between the key press and its answer; the messages are all there."""
    settings = {**write_policy(tmp_path, _RULES), **_HTTP}
    with serve(tmp_path, settings) as server, Ua(server.ports["udp"], ALICE) as phone:
        file = tmp_path / "t.pcapng"
        with _traced(server, "--pcap", str(file)) as process:
            phone.subscribe(dnd(True))
            phone.exchange("OPTIONS", Contact=None, Event=None, Expires=None)
            lines = _until(process, "CSeq 2 OPTIONS")
            lines += _until(process, "CSeq 2 OPTIONS")
        assert _arrows(lines) == [
            "│◀── SUBSCRIBE ─────────────│",
            "│─── 200 OK ───────────────▶│",
            "│─── NOTIFY ───────────────▶│",
            "│◀── 200 X ─────────────────│",
            "│◀── OPTIONS ───────────────│",
            "│─── 200 OK ───────────────▶│",
        ]
        (decided,) = (line for line in lines if "set DoNotDisturb" in line)
        assert "set DoNotDisturb on: refused, quiet (Not now) by p/no [" in decided
        assert _arrows(lines[: lines.index(decided)]) == ["│◀── SUBSCRIBE ─────────────│"]
        # The file is what the server itself would give.
        assert file.read_bytes() == _kept(server, "application/x-pcapng")
        # A decision can be explained by the id in the trace.
        number = re.search(r"\[(\w+-\d+)\]", decided)
        assert number is not None
        explained = server.mi("policy:explain", which=number[1])
        assert "error" not in explained or "result" in explained


def test_messages_of_every_transport_are_seen_and_nobody_elses(tmp_path: Path) -> None:
    """UDP, TCP, and TLS, which nobody can capture; also what is malformed."""
    certificate, key = authority().files(tmp_path, "localhost")
    listen = [f"{name}:127.0.0.1:0" for name in ("udp", "tcp", "tls")]
    tls = {"certificate": str(certificate), "key": str(key)}
    with serve(tmp_path, {"sip": {"listen": listen, "tls": tls}, **_HTTP}) as server:
        with _traced(server, "--json") as process:
            for transport in ("udp", "tcp", "tls"):
                context = authority().trusting() if transport == "tls" else None
                port = server.ports[transport]
                with (
                    Ua(port, "sip:bob@example.com", transport, tls=context) as other,
                    Ua(port, ALICE, transport, tls=context) as phone,
                ):
                    other.subscribe()
                    phone.subscribe()
                    assert phone.exchange(Max_Forwards="x").status == 400
            told = [json.loads(line) for line in _lines_of(process, 18)]
        messages = [one for one in told if one["kind"] == "message"]
        seen = [(one["transport"], one["direction"]) for one in messages]
        for transport in ("udp", "tcp", "tls"):
            assert seen.count((transport, "received")) == 3
            assert seen.count((transport, "sent")) == 3
        assert "bob" not in json.dumps(told)
        assert all("alice@example.com" in one["message"] for one in messages)


def _lines_of(process: "subprocess.Popen[str]", messages: int) -> Iterator[str]:
    """Lines of JSON until so many messages were told."""
    assert process.stdout is not None
    for line in process.stdout:
        yield line
        messages -= '"kind": "message"' in line
        if not messages:
            return


def test_nothing_is_looked_at_once_everybody_has_gone(tmp_path: Path) -> None:
    """Whoever closes the terminal does not say goodbye; the next message finds it out."""
    with serve(tmp_path, _HTTP) as server, Ua(server.ports["udp"], ALICE) as phone:
        connection = urllib.request.urlopen(  # noqa: S310 - our own server's
            f"{_api(server)}/v1/trace/{ALICE}?seconds=600", timeout=30
        )
        assert connection.readline().startswith(b"trace of")
        assert _counts(server)["trace:running"] == 1
        connection.close()
        deadline = time.monotonic() + 10
        while _counts(server)["trace:running"]:
            assert time.monotonic() < deadline
            phone.exchange("OPTIONS", Contact=None, Event=None, Expires=None)
        before = _counts(server)
        phone.exchange("OPTIONS", Contact=None, Event=None, Expires=None)
        assert _counts(server) == before
        assert before["trace:viewers"] == 0


def test_a_trace_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    """It ends, and says so."""
    with serve(tmp_path, _HTTP) as server:
        url = f"{_api(server)}/v1/trace/{ALICE}?seconds=600"
        with urllib.request.urlopen(url, timeout=30) as stream:  # noqa: S310 - our own server's
            assert stream.readline().startswith(b"trace of")
            began = time.monotonic()
            assert server.stop() == 0
            assert stream.read() == b"end of the trace\n"
        assert time.monotonic() - began < 10


def _counts(server: Server) -> dict[str, int]:
    counts: dict[str, int] = server.mi("get_statistics", statistics=["trace:"])["result"]
    return counts


def test_no_credential_is_ever_shown(tmp_path: Path) -> None:
    """Neither by the trace, nor by the export."""
    add = [DFKS, "auth", "add", "alice@example.com", "--password-stdin", "--realm", "example.com"]
    subprocess.run(add, cwd=tmp_path, input=b"wonderland\n", capture_output=True, check=True)
    auth = {"mode": "digest", "realm": "example.com", "users": "users.yaml"}
    with _Collector() as collector:
        settings = {"auth": auth, "trace": {"hep": collector.address}, **_HTTP}
        with serve(tmp_path, settings) as server:
            with _traced(server) as process:
                where = f"127.0.0.1:{server.ports['udp']}"
                command = [DFKS, "phone", ALICE, "--server", where, "--password-stdin"]
                subprocess.run(command, input=b"wonderland\n", capture_output=True, check=True)
                _until(process, "terminated")
            texts = [_kept(server, form) for form in ("text/event-stream", "application/pcapng")]
        exported = [packet.payload for packet in collector.packets()]
    for text in (*texts, b"".join(exported)):
        assert b"401 Unauthorized" in text
        assert b"Authorization: (removed)" in text
        assert b"Digest username" not in text
        assert not re.search(rb'nonce=\\?"(?!\(removed\))', text)


def test_a_token_sees_its_own_domain_and_needs_the_scope(tmp_path: Path) -> None:
    """A tenant's token must not find out who is another tenant's user."""
    (tmp_path / "dfks.yaml").write_text("http: {listen: '127.0.0.1:0', tokens: tokens.json}\n")

    def token(name: str, scopes: str, *more: str) -> str:
        command = [DFKS, "token", "create", name, "--scopes", scopes, *more]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    mine = token("mine", "trace", "--domains", "example.com")
    other = token("other", "trace", "--domains", "other.example")
    reader = token("reader", "features:read")
    http = {"listen": "127.0.0.1:0", "tokens": str(tmp_path / "tokens.json")}
    with serve(tmp_path, {"http": http}) as server:
        assert _kept(server, token=mine).startswith(b"trace of sip:alice@example.com")
        refused = []
        for given in ("", reader, other):
            with pytest.raises(urllib.error.HTTPError) as error:
                _kept(server, token=given)
            refused.append(error.value.code)
            error.value.close()
        assert refused == [401, 403, 404]


class _Collector:
    """A HEP collector of our own."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"udp:127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "_Collector":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def packets(self) -> list[Packet]:
        """What has come; the server has sent it before it answered whoever asks now."""
        self._socket.setblocking(False)
        packets = []
        while True:
            try:
                packets.append(decode(self._socket.recv(65_535)))
            except BlockingIOError:
                return packets


def test_a_collector_gets_every_message_and_decision(tmp_path: Path) -> None:
    """Byte by byte as they were on the wire, the decisions under the same Call-ID."""
    with _Collector() as collector:
        trace = {"hep": collector.address, "id": 4711, "key": "k3y", "domains": ["example.com"]}
        settings = {**write_policy(tmp_path, _RULES), "trace": trace}
        with serve(tmp_path, settings) as server:
            _connected(server)
            with (
                Ua(server.ports["tcp"], "sip:x@other.example", "tcp") as other,
                Ua(server.ports["tcp"], ALICE, "tcp") as phone,
            ):
                other.subscribe()
                phone.request(body=dnd(True))
                asked = phone.sent
                response = phone.response()
                phone.accepted(response)
                notify = phone.notify()
                phone.exchange("OPTIONS", Contact=None, Event=None, Expires=None)
                counts = _counts(server)
        packets = collector.packets()
    assert counts["trace:hep_sent"] == len(packets) == 7
    assert counts["trace:hep_dropped"] == 0
    assert {(one.agent, one.key, one.protocol) for one in packets} == {(4711, b"k3y", 6)}
    sip = [one.payload for one in packets if one.kind == 1]
    assert sip[:3] == [asked, response.raw, notify.raw]
    decided = [one for one in packets if one.kind == 100]
    assert {one.call_id for one in decided} == {phone.call_id}
    (told,) = (json.loads(one.payload)["decisions"] for one in decided if b"quiet" in one.payload)
    assert (told[0]["effect"], told[0]["rule"]) == ("deny", "p/no")
    assert packets[0].source == packets[2].target == decided[0].source


def _connected(server: Server) -> None:
    """Wait until the collector's name was looked up, which takes a moment."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if _counts(server)["trace:hep_connected"]:
            return
        time.sleep(0.01)
    raise AssertionError("the collector was not found")


@pytest.mark.skipif(shutil.which("sngrep") is None, reason="needs `sngrep` of Debian")
def test_sngrep_collects_the_dialog(tmp_path: Path) -> None:
    """A collector that we did not write: it finds the dialog, and keeps the decision."""
    with _Collector() as free:
        address = free.address
    captured = tmp_path / "captured.pcap"
    command = ["sngrep", "-L", address, "-N", "-O", str(captured)]
    with serve(tmp_path, {**write_policy(tmp_path, _RULES), "trace": {"hep": address}}) as server:
        _connected(server)
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin", "TERM": "xterm", "HOME": str(tmp_path)},
        ) as sngrep:
            try:
                with Ua(server.ports["udp"], ALICE) as phone:
                    _wait_for_listener(address)
                    phone.subscribe(dnd(True))
                    # It writes when it has a few kilobytes.
                    while b"NOTIFY sip:" not in captured.read_bytes():
                        phone.exchange("OPTIONS", Contact=None, Event=None, Expires=None)
            finally:
                sngrep.send_signal(signal.SIGINT)
                output, _ = sngrep.communicate(timeout=180)
    assert b"Dialog count: 1" in output
    data = captured.read_bytes()
    for text in (b"SUBSCRIBE sip:alice@example.com", b"NOTIFY sip:", b'"reason":"quiet"'):
        assert text in data
    assert data.index(b"SUBSCRIBE sip:") < data.index(b'"reason":"quiet"') < data.index(b"NOTIFY ")


def _wait_for_listener(address: str) -> None:
    """Wait until somebody has bound a UDP port of loopback."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", int(address.rpartition(":")[2])))
            except OSError:
                return
        time.sleep(0.01)
    raise AssertionError("nobody listens")


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs `tshark` of Debian")
def test_wireshark_reads_the_file_with_its_comments(tmp_path: Path) -> None:
    """It dissects each message as SIP, whatever it came by, and shows the decision."""
    file = tmp_path / "t.pcapng"
    settings = {**write_policy(tmp_path, _RULES), **_HTTP}
    with serve(tmp_path, settings) as server, _traced(server, "--pcap", str(file)) as process:
        for transport in ("udp", "tcp"):
            with Ua(server.ports[transport], ALICE, transport) as phone:
                phone.subscribe(dnd(True))
        for _ in range(2):
            _until(process, "200 X")
    fields = ["frame.interface_name", "sip.Method", "sip.Status-Code", "frame.comment"]
    command = ["tshark", "-r", str(file), "-T", "fields", "-E", "separator=|"]
    done = subprocess.run(
        [*command, *(part for field in fields for part in ("-e", field))],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split("|") for line in done.stdout.splitlines()]
    for transport in ("udp", "tcp"):
        found = [row[1:] for row in rows if row[0] == transport]
        assert [(method, status) for method, status, _ in found] == [
            ("SUBSCRIBE", ""),
            ("", "200"),
            ("NOTIFY", ""),
            ("", "200"),
        ]
        assert found[0][2] == ""
        assert "set DoNotDisturb on: refused, quiet (Not now) by p/no" in found[1][2]
