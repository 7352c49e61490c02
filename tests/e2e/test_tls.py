"""TLS of a real server, and STUN."""

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.certificates import authority, untrusting
from tests.helpers.server import ROOT, Server, serve, write_policy
from tests.helpers.ua import WITHIN, Ua, dnd, parse

pytestmark = pytest.mark.e2e

_IDLE = 1_000
_BUDGET = 40 * 1024
"""Bytes that an idle connection may take."""


def _tls(folder: Path, **more: Any) -> dict[str, Any]:
    """Settings with a certificate for `localhost`."""
    certificate, key = authority().files(folder, "localhost")
    tls = {"certificate": str(certificate), "key": str(key)}
    return {"sip": {"listen": ["udp:127.0.0.1:0", "tls:127.0.0.1:0"], "tls": tls, **more}}


def _phone(server: Server, aor: str | None = None) -> Ua:
    return Ua(server.ports["tls"], aor, "tls", tls=authority().trusting())


def _set(server: Server, aor: str, status: int) -> None:
    reply = server.mi("dfks_set_feature", presentity=aor, feature="DoNotDisturb", status=status)
    assert "result" in reply


def test_phone_does_over_tls_what_it_does_over_udp(tmp_path: Path) -> None:
    """Subscribe, press, be told of another's press, refresh, unsubscribe."""
    with serve(tmp_path, _tls(tmp_path)) as server, _phone(server) as phone:
        response = phone.exchange()
        port = server.ports["tls"]
        assert response.headers["contact"] == f"<sip:127.0.0.1:{port};transport=tls>"
        phone.accepted(response)
        told = phone.notify()
        assert told.headers["via"].startswith(f"SIP/2.0/TLS 127.0.0.1:{port};rport;")
        assert phone.subscribe(dnd(True)).told["DoNotDisturb"] == "on"
        with Ua(server.ports["udp"], phone.aor) as other:
            other.subscribe()
            other.subscribe(dnd(False))
        assert phone.notify().told["DoNotDisturb"] == "off"
        phone.subscribe()
        assert phone.subscribe(expires=0).state.startswith("terminated")
        assert server.stop() == 0
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def test_who_writes_sips_is_told_by_sips(tmp_path: Path) -> None:
    """RFC 3261 §12.1.1; over UDP it is 480."""
    with serve(tmp_path, _tls(tmp_path)) as server:
        with _phone(server) as phone:
            phone.contact = phone.contact.replace("sip:", "sips:")
            response = phone.exchange(Via=_via(phone), Contact=f"<{phone.contact}>")
            assert response.headers["contact"] == f"<sips:127.0.0.1:{server.ports['tls']}>"
            phone.accepted(response)
            assert phone.notify().start.startswith(f"NOTIFY {phone.contact} ")
        with Ua(server.ports["udp"]) as phone:
            assert phone.exchange(Contact="<sips:phone@127.0.0.1>").status == 480


def _via(phone: Ua) -> str:
    return (
        f"SIP/2.0/TLS {phone.contact.partition('@')[2]};rport;branch=z9hG4bK{time.monotonic_ns()}"
    )


def test_transport_is_a_fact(tmp_path: Path) -> None:
    """A policy can ask for TLS."""
    rules = """
    - id: only-tls
      when: {op: subscribe}
      unless: {transport: tls}
      then: {deny: only-tls}
    """
    config = _tls(tmp_path) | write_policy(tmp_path, rules)
    with serve(tmp_path, config) as server:
        with _phone(server) as phone:
            phone.subscribe()
        with Ua(server.ports["udp"]) as phone:
            assert phone.exchange().status == 403


def test_phone_that_closed_its_connection_is_told_on_one_new_one(tmp_path: Path) -> None:
    """By its Contact, and with TLS; what the phone shows is not checked."""
    files = authority().files(tmp_path, "phone.example", stem="phone")
    accepting = _listening(*files)
    with (
        serve(tmp_path, _tls(tmp_path)) as server,
        socket.create_server(("127.0.0.1", 0)) as contact,
    ):
        contact.settimeout(WITHIN)
        with _phone(server) as phone:
            port = contact.getsockname()[1]
            where = f"<sip:phone@127.0.0.1:{port};transport=tls>"
            phone.accepted(phone.exchange(Contact=where))
            phone.notify()
        for number in range(3):
            _set(server, phone.aor, (number + 1) % 2)
            if not number:
                plain, _ = contact.accept()
                plain.settimeout(WITHIN)
                opened = accepting.wrap_socket(plain, server_side=True)
            _answer_notify(opened)
        contact.settimeout(0.1)
        with pytest.raises(TimeoutError):
            contact.accept()
        opened.close()


def _listening(certificate: Path, key: Path) -> ssl.SSLContext:
    """The TLS of a phone that listens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _answer_notify(connection: socket.socket) -> None:
    data = b""
    while not data.endswith(b">") and b"--" not in data[-8:]:
        piece = connection.recv(65_535)
        assert piece
        data += piece
    told = parse(data)
    assert told.start.startswith("NOTIFY ")
    assert told.headers["via"].startswith("SIP/2.0/TLS ")
    names = ("via", "from", "to", "call-id", "cseq")
    lines = [f"{name}: {told.headers[name]}" for name in names]
    connection.sendall(
        "\r\n".join(["SIP/2.0 200 OK", *lines, "Content-Length: 0", "", ""]).encode()
    )


@pytest.mark.parametrize("by", ["change", "signal"])
def test_new_certificate_is_shown_without_a_restart(tmp_path: Path, by: str) -> None:
    """By a change of the files or SIGHUP; open connections and subscriptions go on."""
    config = _tls(tmp_path) | {"reload": {"watch": by == "change"}}
    with serve(tmp_path, config) as server, _phone(server) as phone:
        phone.subscribe()
        authority().files(tmp_path, "localhost", "new.example")
        if by == "signal":
            assert "new.example" not in _shown_names(server)
            server.hang_up()
        deadline = time.monotonic() + WITHIN
        while "new.example" not in _shown_names(server):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (tmp_path / "server.key").write_text("broken")
        if by == "signal":
            server.hang_up()
        while _statistics(server, "tls:reload_failures") == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert "new.example" in _shown_names(server)
        phone.subscribe(dnd(True))
        assert server.stop() == 0
    assert "tls_reload_failed" in (tmp_path / "server.log").read_text()


def _shown_names(server: Server) -> set[str]:
    tls = authority().trusting()
    with (
        socket.create_connection(("127.0.0.1", server.ports["tls"]), WITHIN) as plain,
        tls.wrap_socket(plain, server_hostname="localhost") as opened,
    ):
        shown: Any = opened.getpeercert()
        return {name for _, name in shown["subjectAltName"]}


def _statistics(server: Server, name: str) -> int:
    return int(server.mi("get_statistics", statistics=[name])["result"][name])


def test_start_with_a_key_of_another_certificate_fails(tmp_path: Path) -> None:
    """With the words and the exit code of wrong settings."""
    config = _tls(tmp_path)
    _, other = authority().files(tmp_path, "localhost", stem="other")
    config["sip"]["tls"]["key"] = str(other)
    with pytest.raises(AssertionError, match="no banner"), serve(tmp_path, config):
        pass
    log = (tmp_path / "server.log").read_text()
    assert "other.key: does not belong to the certificate" in log
    assert "Traceback" not in log


@pytest.mark.long
def test_garbage_and_silence_cost_nobody_else(tmp_path: Path) -> None:
    """Each is closed and counted, in the time that a first message has."""
    with serve(tmp_path, _tls(tmp_path)) as server, _phone(server) as phone:
        phone.subscribe()
        begun = time.monotonic()
        address = ("127.0.0.1", server.ports["tls"])
        with socket.create_connection(address, 30) as silent:
            for garbage in (b"SUBSCRIBE sip:a SIP/2.0\r\n\r\n", b"\x16\x03\x01\x00\x01\xff" * 99):
                with socket.create_connection(address, WITHIN) as stranger:
                    stranger.sendall(garbage)
                    with contextlib.suppress(ConnectionResetError):
                        while stranger.recv(65_535):
                            pass
            phone.subscribe(dnd(True))
            assert silent.recv(1) == b""
        assert 9 < time.monotonic() - begun < 20
        deadline = time.monotonic() + WITHIN
        while _statistics(server, "transport:handshakes_failed") < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        phone.subscribe(dnd(False))


def test_name_that_is_not_ascii_writes_nothing_into_the_log(tmp_path: Path) -> None:
    """Python prints a traceback for each, which would let anybody fill the disk."""
    hello = ssl.MemoryBIO()
    asking = untrusting().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="name.example")
    with pytest.raises(ssl.SSLWantReadError):
        asking.do_handshake()
    with serve(tmp_path, _tls(tmp_path)) as server:
        with socket.create_connection(("127.0.0.1", server.ports["tls"]), WITHIN) as stranger:
            stranger.sendall(hello.read().replace(b"name.example", b"\xffame.example"))
            assert stranger.recv(1) == b"\x15"
        assert server.stop() == 0
    log = (tmp_path / "server.log").read_text()
    assert [line for line in log.splitlines() if not line.startswith("{")] == []


def test_idle_connections_fit_into_the_memory_that_they_may_take(tmp_path: Path) -> None:
    """1,000 of them, each with a message exchanged, and a phone among them is served."""
    limits = {"max_connections": 5_000, "max_connections_per_source": 2_000}
    with serve(tmp_path, _tls(tmp_path, **limits)) as server, _phone(server) as phone:
        phone.subscribe()
        with _idle(server, 100):
            before = _resident(server)
            with _idle(server, _IDLE):
                assert _statistics(server, "transport:connections_open") >= _IDLE + 101
                assert (_resident(server) - before) / _IDLE < _BUDGET
                phone.subscribe(dnd(True))
        deadline = time.monotonic() + WITHIN
        while _statistics(server, "transport:connections_open") > 1:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        phone.subscribe(dnd(False))
        assert server.stop() == 0


@contextlib.contextmanager
def _idle(server: Server, count: int) -> Iterator[None]:
    tls = untrusting()
    with contextlib.ExitStack() as opened:
        for _ in range(count):
            phone = opened.enter_context(Ua(server.ports["tls"], transport="tls", tls=tls))
            assert phone.exchange("OPTIONS", Contact=None, Event=None, Expires=None).status == 200
        yield


def _resident(server: Server) -> int:
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_dfks_phone_uses_tls(tmp_path: Path) -> None:
    """The README's phone; it believes who signed, and no one else."""
    with serve(tmp_path, _tls(tmp_path)) as server:
        command = [str(Path(sys.executable).with_name("dfks")), "phone"]
        command += [f"sip:alice@localhost:{server.ports['tls']}", "--set", "DoNotDisturb=on"]
        command += ["--server", f"127.0.0.1:{server.ports['tls']}", "--tls"]
        known = ["--cafile", str(authority().ca_file(tmp_path))]
        good = subprocess.run(
            [*command, *known], capture_output=True, text=True, cwd=ROOT, timeout=180
        )
        assert good.returncode == 0, good.stderr
        assert "  DoNotDisturb           on\n" in good.stdout
        bad = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
        assert bad.returncode == 1
        assert "the server's certificate cannot be verified: " in bad.stderr
        plain = [one for one in command if one != "--tls"]
        wrong = subprocess.run(
            [*plain, *known], capture_output=True, text=True, cwd=ROOT, timeout=180
        )
        assert wrong.returncode == 2
        assert "--cafile needs --tls" in wrong.stderr


def test_stun_is_answered_on_the_port_of_sip(tmp_path: Path) -> None:
    """RFC 5626 §4.4.2: a phone keeps its NAT open, and sees when its address changes."""
    with (
        serve(tmp_path) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone,
    ):
        phone.settimeout(WITHIN)
        phone.connect(("127.0.0.1", server.ports["udp"]))
        transaction = os.urandom(12)
        phone.send(b"\0\1\0\0\x21\x12\xa4\x42" + transaction)
        answer = phone.recv(1_500)
        assert answer[:20] == b"\1\1\0\x0c\x21\x12\xa4\x42" + transaction
        port = int.from_bytes(answer[26:28], "big") ^ 0x2112
        assert port == phone.getsockname()[1]
        assert _statistics(server, "sip:stun_requests") == 1
