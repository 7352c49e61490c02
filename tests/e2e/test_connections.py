"""TCP connections and local addresses of a real server."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.server import ROOT, Server, serve
from tests.helpers.ua import WITHIN, Ua, dnd, parse

pytestmark = pytest.mark.e2e

_SILENT = 1_000
_LISTEN = {"listen": ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]}


def _open_files(server: Server) -> int:
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def _press(phone: Ua, on: bool) -> None:
    phone.accepted(phone.exchange(body=dnd(on)))
    phone.notify()


@contextlib.contextmanager
def _silent(port: int, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as opened:
        yield [
            opened.enter_context(socket.create_connection(("127.0.0.1", port), WITHIN))
            for _ in range(count)
        ]


def test_silent_connections_take_no_file_that_others_need(tmp_path: Path) -> None:
    """1,000 of them under `ulimit -n 1024` once stopped UDP sets, MI and reloads."""
    config = {"store": f"sqlite:{tmp_path}/dfks.db"}
    policy = tmp_path / "policy.yaml"
    policy.write_text((ROOT / "policies/default/policy.yaml").read_text())
    config["policies"] = [str(policy)]  # type: ignore[assignment]
    with serve(tmp_path, config, files=1024) as server, Ua(server.ports["udp"]) as phone:
        phone.subscribe()
        with _silent(server.ports["tcp"], _SILENT):
            _press(phone, True)
            assert "result" in server.mi("get_statistics", statistics=["presence:"])
            policy.write_text(policy.read_text() + "# changed\n")
            assert "result" in server.mi("policy:reload")
            _press(phone, False)
            assert _open_files(server) < 900
            with (
                Ua(server.ports["tcp"], transport="tcp") as other,
                pytest.raises((AssertionError, OSError)),
            ):
                # Of the same address, which has its share already.
                other.subscribe()
        deadline = time.monotonic() + WITHIN
        while _open_files(server) > 100:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with Ua(server.ports["tcp"], transport="tcp") as other:
            other.subscribe()
        assert "Too many open files" not in (tmp_path / "server.log").read_text()
        assert (tmp_path / "server.log").read_text().count("connections_refused") == 1
        assert server.stop() == 0


@pytest.mark.long
def test_silent_connection_is_closed_after_ten_seconds(tmp_path: Path) -> None:
    """While one that has a subscription stays."""
    with serve(tmp_path) as server, Ua(server.ports["tcp"], transport="tcp") as phone:
        phone.subscribe()
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.ports["tcp"]), 30) as silent:
            assert silent.recv(1) == b""
        assert 9 < time.monotonic() - begun < 20
        phone.subscribe()


def test_phone_that_closed_its_connection_is_told_on_one_new_one(tmp_path: Path) -> None:
    """200 NOTIFYs once opened 200 connections, and all stayed open (files 15 to 214)."""
    with serve(tmp_path) as server, socket.create_server(("127.0.0.1", 0)) as contact:
        with Ua(server.ports["tcp"], transport="tcp") as phone:
            aor, port = phone.aor, contact.getsockname()[1]
            phone.accepted(phone.exchange(Contact=f"<sip:phone@127.0.0.1:{port};transport=tcp>"))
            phone.notify()
        before = _open_files(server)
        for number in range(200):
            reply = server.mi(
                "dfks_set_feature", presentity=aor, feature="DoNotDisturb", status=(number + 1) % 2
            )
            assert "result" in reply
            if not number:
                contact.settimeout(WITHIN)
                opened, _ = contact.accept()
                opened.settimeout(WITHIN)
            _answer_notify(opened)
        contact.settimeout(0.1)
        with pytest.raises(TimeoutError):
            contact.accept()
        # MI and the watcher of policy files hold a few now and then.
        assert _open_files(server) < before + 20
        opened.close()


def _answer_notify(connection: socket.socket) -> None:
    data = b""
    while not data.endswith(b">") and b"--" not in data[-8:]:
        data += connection.recv(65_535)
    told = parse(data)
    assert told.start.startswith("NOTIFY ")
    names = ("via", "from", "to", "call-id", "cseq")
    lines = [f"{name}: {told.headers[name]}" for name in names]
    connection.sendall(
        "\r\n".join(["SIP/2.0 200 OK", *lines, "Content-Length: 0", "", ""]).encode()
    )


def test_peer_that_ended_its_side_gets_its_response(tmp_path: Path) -> None:
    """`nc -N`, and proxies that send one request for each connection; a set waits for the disk."""
    with serve(tmp_path, {"store": f"sqlite:{tmp_path}/dfks.db"}) as server:
        for method, body in (("OPTIONS", b""), ("SUBSCRIBE", dnd(True))):
            with Ua(server.ports["tcp"], transport="tcp") as phone:
                phone.request(method, body)
                phone._socket.shutdown(socket.SHUT_WR)
                received = b""
                phone._socket.settimeout(WITHIN)
                while piece := phone._socket.recv(65_535):
                    received += piece
                assert received.startswith(b"SIP/2.0 200 OK\r\n")


def test_wildcard_answers_and_notifies_from_the_address_that_was_asked(tmp_path: Path) -> None:
    """RFC 3581 §4, with the address in Contact, so that refreshes come there too."""
    settings = {
        "sip": {"listen": ["udp:0.0.0.0:0", "tcp:127.0.0.1:0"]},
        "auth": {"insecure": True},
    }
    with serve(tmp_path, settings) as server:
        assert "sip udp:0.0.0.0:" in server.banner
        port = next(
            int(line.rpartition(":")[2]) for line in server.banner.splitlines() if "sip udp" in line
        )
        for host in ("127.0.0.1", "127.0.0.2"):
            with Ua(port, host=host) as phone:
                # Its socket is connected: what comes from another address does not reach it.
                response = phone.exchange()
                assert response.headers["contact"] == f"<sip:{host}:{port}>"
                phone.accepted(response)
                assert phone.notify().headers["via"].startswith(f"SIP/2.0/UDP {host}:{port};")
                phone.subscribe(dnd(True))


def test_advertised_host_is_what_phones_are_told(tmp_path: Path) -> None:
    """Behind NAT or a load balancer."""
    config = {"sip": {**_LISTEN, "advertise": "sip.example.com:5070"}}
    with serve(tmp_path, config) as server:
        for transport, more in (("udp", ""), ("tcp", ";transport=tcp")):
            with Ua(server.ports[transport], transport=transport) as phone:
                response = phone.exchange()
                assert response.headers["contact"] == f"<sip:sip.example.com:5070{more}>"
                phone.accepted(response)
                via = phone.notify().headers["via"]
                assert via.startswith(f"SIP/2.0/{transport.upper()} sip.example.com:5070;rport;")


def test_contact_with_a_malformed_name_is_no_error_of_ours(tmp_path: Path) -> None:
    """An empty label was a traceback once the connection of its subscription was gone."""
    with serve(tmp_path) as server:
        for transport in ("udp", "tcp"):
            for host in ("a..b", "x" * 64 + ".example", "a.."):
                with Ua(server.ports[transport], transport=transport) as phone:
                    phone.exchange(Contact=f"<sip:phone@{host}>")
                server.mi(
                    "dfks_set_feature", presentity=phone.aor, feature="DoNotDisturb", status=1
                )
        with Ua(server.ports["udp"]) as phone:
            phone.request(Via="SIP/2.0/UDP 127.0.0.1:99999;branch=z9hG4bKhigh")
            phone.subscribe()
        assert server.stop() == 0
    log = (tmp_path / "server.log").read_text()
    assert "Traceback" not in log
    assert '"level":"error"' not in log


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_start_says_which_address_it_cannot_listen_on(tmp_path: Path, transport: str) -> None:
    """There may be sixteen."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if transport == "tcp":
            taken.listen()
        where = f"{transport}:127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(AssertionError, match="no banner"),
            serve(tmp_path, {"sip": {"listen": ["udp:127.0.0.1:0", where]}}),
        ):
            pass
    log = (tmp_path / "server.log").read_text()
    assert f"cannot listen on {where}: Address already in use\n" in log
