"""How NOTIFYs find their way, seen from outside: DNS by Debian's dnsmasq, proxies, IPv6."""

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.certificates import authority
from tests.helpers.dnsmasq import DEAD, DNSMASQ, WHY_NOT, dnsmasq
from tests.helpers.server import Server, serve
from tests.helpers.ua import WITHIN, Message, Ua, dnd, parse

pytestmark = pytest.mark.e2e
needs_dnsmasq = pytest.mark.skipif(DNSMASQ is None, reason=WHY_NOT)

SOON = 1.0
"""Seconds in which a NOTIFY is there that nothing holds up; timer F takes 32."""


class Listening:
    """Whoever waits for NOTIFYs at an address: a proxy, or a phone at its Contact."""

    def __init__(self, transport: str = "udp", host: str = "127.0.0.1") -> None:
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, kind)
        self._socket.bind((host, 0))
        self._socket.settimeout(WITHIN)
        self._transport = transport
        if transport != "udp":
            self._socket.listen()
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> "Listening":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def notify(self, within: float = WITHIN, status: int = 200) -> Message:
        """The next NOTIFY, answered; the connection it came by is then closed."""
        self._socket.settimeout(within)
        if self._transport == "udp":
            data, peer = self._socket.recvfrom(65_535)
            told = parse(data)
            self._socket.sendto(_answer(told, status), peer)
            return told
        connection, _ = self._socket.accept()
        with connection:
            connection.settimeout(WITHIN)
            data = b""
            while not _is_whole(data):
                piece = connection.recv(65_535)
                assert piece
                data += piece
            told = parse(data)
            connection.sendall(_answer(told, status))
            return told


def _is_whole(data: bytes) -> bool:
    head, blank, body = data.partition(b"\r\n\r\n")
    length = head.rpartition(b"Content-Length: ")[2].partition(b"\r\n")[0]
    return bool(blank) and len(body) >= int(length)


def _answer(told: Message, status: int = 200) -> bytes:
    assert told.start.startswith("NOTIFY ")
    names = ("via", "from", "to", "call-id", "cseq")
    lines = [line for line in told.lines if line.partition(":")[0].lower() in names]
    return "\r\n".join([f"SIP/2.0 {status} X", *lines, "Content-Length: 0", "", ""]).encode()


@contextlib.contextmanager
def _served(folder: Path, *records: str, **sip: Any) -> Iterator[Server]:
    """A server that asks dnsmasq."""
    listen = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]
    with (
        dnsmasq(folder, *records) as resolver,
        serve(folder, {"sip": {"listen": listen, "resolver": [resolver], **sip}}) as server,
    ):
        yield server


def _count(server: Server, name: str) -> int:
    group = name.partition(":")[0]
    reply = server.mi("get_statistics", statistics=[f"{group}:"])
    return int(reply["result"].get(name, 0))


def _closed_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@needs_dnsmasq
def test_notify_goes_to_the_next_srv_target_where_nobody_listens(tmp_path: Path) -> None:
    """RFC 3263 §4.3, over UDP by ICMP; the dead one is then left for last."""
    with Listening() as proxy:
        records = (
            f"srv-host=_sip._udp.pbx.test,a.test,{_closed_port()},1",
            f"srv-host=_sip._udp.pbx.test,a.test,{proxy.port},2",
            "host-record=a.test,127.0.0.1",
        )
        with _served(tmp_path, *records) as server, Ua(server.ports["udp"]) as phone:
            phone.accepted(phone.exchange(Contact="<sip:phone@pbx.test;transport=udp>"))
            first = proxy.notify(SOON)
            assert first.start == "NOTIFY sip:phone@pbx.test;transport=udp SIP/2.0"
            phone.accepted(phone.exchange(Contact="<sip:phone@pbx.test;transport=udp>"))
            assert proxy.notify(SOON).cseq == first.cseq + 1
            assert _count(server, "sip:failovers") == 1
            assert _count(server, "presence:notify_answered") == 2


@needs_dnsmasq
def test_notify_goes_to_the_next_srv_target_where_a_connection_is_refused(tmp_path: Path) -> None:
    """RFC 3263 §4.3, over TCP."""
    with Listening("tcp") as proxy:
        records = (
            f"srv-host=_sip._tcp.pbx.test,a.test,{_closed_port(socket.SOCK_STREAM)},1",
            f"srv-host=_sip._tcp.pbx.test,b.test,{proxy.port},2",
            "host-record=a.test,127.0.0.1",
            "host-record=b.test,127.0.0.1",
        )
        with _served(tmp_path, *records) as server, Ua(server.ports["udp"]) as phone:
            phone.accepted(phone.exchange(Contact="<sip:phone@pbx.test;transport=tcp>"))
            assert proxy.notify(SOON).headers["via"].startswith("SIP/2.0/TCP ")
            assert _count(server, "sip:failovers") == 1


@needs_dnsmasq
@pytest.mark.parametrize("is_broken", [True, False])
def test_notify_goes_to_the_next_srv_target_where_one_hangs_up(
    tmp_path: Path, is_broken: bool
) -> None:
    """A proxy that is killed, or a load balancer with nothing behind it; it took 32 s."""
    with socket.create_server(("127.0.0.1", 0)) as killed, Listening("tcp") as proxy:
        records = (
            f"srv-host=_sip._tcp.pbx.test,a.test,{killed.getsockname()[1]},1",
            f"srv-host=_sip._tcp.pbx.test,a.test,{proxy.port},2",
            "host-record=a.test,127.0.0.1",
        )
        with _served(tmp_path, *records) as server, Ua(server.ports["udp"]) as phone:
            phone.accepted(phone.exchange(Contact="<sip:phone@pbx.test;transport=tcp>"))
            killed.settimeout(WITHIN)
            connection, _ = killed.accept()
            with connection:
                told = parse(connection.recv(65_535))
                if is_broken:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            again = proxy.notify(SOON)
            assert (again.cseq, again.body) == (told.cseq, told.body)
            assert again.headers["via"] != told.headers["via"]


@needs_dnsmasq
def test_notify_goes_to_the_next_srv_target_where_one_is_out_of_service(tmp_path: Path) -> None:
    """503 (RFC 3261 §21.5.4): with the same CSeq and another branch."""
    with Listening() as busy, Listening() as proxy:
        records = (
            f"srv-host=_sip._udp.pbx.test,a.test,{busy.port},1",
            f"srv-host=_sip._udp.pbx.test,a.test,{proxy.port},2",
            "host-record=a.test,127.0.0.1",
        )
        with _served(tmp_path, *records) as server, Ua(server.ports["udp"]) as phone:
            phone.accepted(phone.exchange(Contact="<sip:phone@pbx.test;transport=udp>"))
            refused, told = busy.notify(SOON, 503), proxy.notify(SOON)
            assert (refused.cseq, refused.body) == (told.cseq, told.body)
            assert refused.headers["via"] != told.headers["via"]


@needs_dnsmasq
def test_naptr_chooses_tcp(tmp_path: Path) -> None:
    """RFC 3263 §4.1: the name has addresses, too, and SRV records of UDP."""
    with Listening("tcp") as proxy:
        records = (
            "naptr-record=pbx.test,10,10,s,SIP+D2T,,_sip._tcp.pbx.test",
            "naptr-record=pbx.test,20,10,s,SIP+D2U,,_sip._udp.pbx.test",
            f"srv-host=_sip._tcp.pbx.test,a.test,{proxy.port}",
            f"srv-host=_sip._udp.pbx.test,a.test,{proxy.port}",
            "host-record=a.test,127.0.0.1",
            "host-record=pbx.test,127.0.0.9",
        )
        with _served(tmp_path, *records) as server, Ua(server.ports["udp"]) as phone:
            phone.accepted(phone.exchange(Contact="<sip:phone@pbx.test>"))
            assert proxy.notify(SOON).headers["via"].startswith("SIP/2.0/TCP ")


@needs_dnsmasq
def test_time_to_live_is_honoured(tmp_path: Path) -> None:
    """Within it nothing is asked again, after it everything."""
    with Listening() as contact:
        record = "host-record=phone.test,127.0.0.1,2"
        with _served(tmp_path, record) as server, Ua(server.ports["udp"]) as phone:
            begun = time.monotonic()
            for _ in range(5):
                phone.accepted(phone.exchange(Contact=f"<sip:phone@phone.test:{contact.port}>"))
                contact.notify(SOON)
            if time.monotonic() - begun < 2:
                assert _count(server, "transport:lookups") == 1
            deadline = time.monotonic() + WITHIN
            while _count(server, "transport:lookups") < 2:
                assert time.monotonic() < deadline
                phone.accepted(phone.exchange(Contact=f"<sip:phone@phone.test:{contact.port}>"))
                contact.notify(SOON)
                time.sleep(0.1)
            assert time.monotonic() - begun >= 2


@needs_dnsmasq
def test_dead_names_do_not_keep_a_live_one_waiting(tmp_path: Path) -> None:
    """Four of them held all threads of the resolver for seconds, and a hundred took every place."""
    record = "host-record=phone.test,127.0.0.1"
    with (
        Listening() as contact,
        _served(tmp_path, record) as server,
        Ua(server.ports["udp"]) as stranger,
        Ua(server.ports["udp"]) as phone,
    ):
        for number in range(1_000):
            stranger.call_id, stranger.to_tag, stranger.cseq = f"dead-{number}", "", 0
            assert stranger.exchange(Contact=f"<sip:x@n{number}.{DEAD}:5060>").status == 200
        begun = time.monotonic()
        phone.accepted(phone.exchange(Contact=f"<sip:phone@phone.test:{contact.port}>"))
        contact.notify()
        assert time.monotonic() - begun < SOON
        assert _count(server, "transport:lookups") > 50


@needs_dnsmasq
def test_outbound_proxy_is_found_by_its_records(tmp_path: Path) -> None:
    """RFC 3261 §8.1.2, RFC 3263: Route names it, the Request-URI stays the phone's."""
    with Listening() as proxy:
        records = (
            f"srv-host=_sip._udp.proxy.test,a.test,{proxy.port}",
            "host-record=a.test,127.0.0.1",
        )
        with (
            _served(tmp_path, *records, outbound_proxy="sip:proxy.test;lr") as server,
            Ua(server.ports["udp"]) as phone,
            Ua(server.ports["tcp"], transport="tcp") as connected,
        ):
            phone.accepted(phone.exchange())
            told = proxy.notify(SOON)
            assert told.start == f"NOTIFY {phone.contact} SIP/2.0"
            assert told.headers["route"] == "<sip:proxy.test;lr>"
            # A phone that has connected is told there.
            assert "route" not in connected.subscribe().headers


def test_name_in_etc_hosts_is_found_without_dns(tmp_path: Path) -> None:
    """`localhost` stands there on every machine; nobody is asked at 127.0.0.1:9."""
    config = {"sip": {"listen": ["udp:127.0.0.1:0"], "resolver": ["127.0.0.1:9"]}}
    with (
        Listening() as contact,
        serve(tmp_path, config) as server,
        Ua(server.ports["udp"]) as phone,
    ):
        phone.accepted(phone.exchange(Contact=f"<sip:phone@localhost:{contact.port}>"))
        contact.notify(SOON)
        assert _count(server, "transport:lookups") == 0


def test_phone_by_name_is_told_that_the_server_stops(tmp_path: Path) -> None:
    """Its NOTIFY has to be looked up when the sockets are about to be closed."""
    config = {"sip": {"listen": ["udp:127.0.0.1:0"]}}
    with (
        Listening() as contact,
        serve(tmp_path, config) as server,
        Ua(server.ports["udp"]) as phone,
    ):
        phone.accepted(phone.exchange(Contact=f"<sip:phone@localhost:{contact.port}>"))
        contact.notify(SOON)
        assert server.stop() == 0
        assert contact.notify(SOON).state.startswith("terminated")


@pytest.mark.parametrize("is_strict", [False, True])
def test_two_proxies_are_passed_in_their_order(tmp_path: Path, *, is_strict: bool) -> None:
    """RFC 3261 §12.1.1, §12.2.1.1: the nearest first; a strict router gets the request itself."""
    with (
        Listening() as near,
        serve(tmp_path) as server,
        Ua(server.ports["udp"]) as phone,
    ):
        first = f"<sip:127.0.0.1:{near.port}{'' if is_strict else ';lr'}>"
        last = "<sip:192.0.2.1;lr>"
        response = phone.exchange(Record_Route=f"{first}, {last}")
        assert response.headers["record-route"] == f"{first}, {last}"
        told = near.notify(SOON)
        routes = [line[7:] for line in told.lines if line.startswith("Route: ")]
        if is_strict:
            assert told.start.split()[1] == first.strip("<>")
            assert routes == [last, f"<{phone.contact}>"]
        else:
            assert told.start.split()[1] == phone.contact
            assert routes == [first, last]


_ALL = ["udp:127.0.0.1:0", "udp:[::1]:0", "tcp:127.0.0.1:0", "tcp:[::1]:0"]
_WILDCARD = ["udp:0.0.0.0:0", "udp:[::]:0", "tcp:0.0.0.0:0", "tcp:[::]:0"]


def _port(server: Server, number: int) -> int:
    lines = [line for line in server.banner.splitlines() if line.startswith("  sip ")]
    return int(lines[number].rpartition(":")[2])


@pytest.mark.parametrize("listen", [_ALL, _WILDCARD], ids=["addresses", "wildcards"])
def test_phones_are_served_over_both_ip_versions(tmp_path: Path, listen: list[str]) -> None:
    """Also one whose Contact names the other version than its SUBSCRIBE came by."""
    config = {"sip": {"listen": listen}, "auth": {"insecure": True}}
    with serve(tmp_path, config) as server:
        for number, address in enumerate(_ALL):
            transport, host = address[:3], "::1" if "[" in address else "127.0.0.1"
            port = _port(server, number)
            with Ua(port, transport=transport, host=host) as phone:
                response = phone.exchange()
                written = f"[{host}]" if ":" in host else host
                assert f"<sip:{written}:{port}" in response.headers["contact"]
                phone.accepted(response)
                assert phone.notify().told
                assert phone.subscribe(dnd(True)).told == {"DoNotDisturb": "on"}
            other = "127.0.0.1" if host == "::1" else "::1"
            with (
                Listening(host=other) as contact,
                Ua(_port(server, number % 2), host=host) as phone,
            ):
                where = f"[{other}]" if ":" in other else other
                phone.accepted(phone.exchange(Contact=f"<sip:phone@{where}:{contact.port}>"))
                assert contact.notify(SOON).told


def test_phone_whose_tls_connection_broke_is_told_over_another_one(tmp_path: Path) -> None:
    """By a Contact with `transport=tls`; the server opens it."""
    tls = authority().files(tmp_path, "localhost")
    config = {
        "sip": {
            "listen": ["tls:127.0.0.1:0"],
            "tls": {"certificate": str(tls[0]), "key": str(tls[1])},
        }
    }
    with serve(tmp_path, config) as server, Listening("tcp") as contact:
        with Ua(server.ports["tls"], transport="tls", tls=authority().trusting()) as phone:
            where = f"<sip:phone@127.0.0.1:{contact.port};transport=tls>"
            phone.accepted(phone.exchange(Contact=where))
            phone.notify()
        shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shown.load_cert_chain(*tls)
        contact._socket = shown.wrap_socket(contact._socket, server_side=True)
        server.mi("dfks_set_feature", presentity=phone.aor, feature="DoNotDisturb", status=1)
        assert contact.notify().told == {"DoNotDisturb": "on"}


def test_phone_whose_tcp_connection_broke_is_told_by_datagram_where_contact_names_none(
    tmp_path: Path,
) -> None:
    """RFC 3263 §4.1: a Contact without transport means UDP, once nobody takes a connection."""
    with serve(tmp_path) as server, Listening() as contact:
        with Ua(server.ports["tcp"], transport="tcp") as phone:
            phone.accepted(phone.exchange(Contact=f"<sip:phone@127.0.0.1:{contact.port}>"))
            phone.notify()
        server.mi("dfks_set_feature", presentity=phone.aor, feature="DoNotDisturb", status=1)
        told = contact.notify()
        assert told.headers["via"].startswith("SIP/2.0/UDP ")


def test_malformed_outbound_proxy_is_found_by_config_check(tmp_path: Path) -> None:
    """Not by the first phone that is not told."""
    config = {"sip": {"listen": ["udp:127.0.0.1:0"], "outbound_proxy": "sip:proxy.test"}}
    with pytest.raises(AssertionError, match="no banner"), serve(tmp_path, config):
        pass
    assert "must have the parameter `lr`" in (tmp_path / "server.log").read_text()
