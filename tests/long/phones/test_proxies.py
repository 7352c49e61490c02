"""A proxy stands before the server as its how-to has it."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dfks_rules.cli.phone_auth import Answerer
from tests.helpers.certificates import authority
from tests.helpers.server import Server
from tests.helpers.ua import WITHIN, Message, Ua, dnd, parse
from tests.long.phones.phone import ALICE, PASSWORD
from tests.long.phones.proxies import KAMAILIO, OPENSIPS, Proxy, behind
from tests.long.phones.sites import Site

pytestmark = [pytest.mark.e2e, pytest.mark.long]


class Desk(Ua):
    """A phone that answers what the proxy asks."""

    def __init__(self, site: Site, transport: str, user: str = "alice") -> None:
        tls = authority().trusting() if transport == "tls" else None
        super().__init__(site.ports[transport], ALICE, transport, tls=tls)
        self.answerer = Answerer(user, PASSWORD)

    def exchange(self, method: str = "SUBSCRIBE", body: bytes = b"", **rest: Any) -> Message:
        """Gives the response to the request with credentials."""
        response = super().exchange(method, body, **rest)
        if response.status == 407:
            assert self.answerer.take(response.headers["proxy-authenticate"].encode())
            line = self.answerer.authorization(method.encode(), self.target.encode())
            value = line.decode().partition(": ")[2].rstrip()
            response = super().exchange(method, body, **{**rest, "Proxy_Authorization": value})
            self.answerer = Answerer("alice", PASSWORD)  # as if each challenge were the first
        return response


@pytest.fixture(params=[KAMAILIO, OPENSIPS], ids=lambda proxy: proxy.name)
def proxy(request: pytest.FixtureRequest) -> Proxy:
    """Which."""
    made: Proxy = request.param
    return made


@pytest.fixture
def hop() -> str:
    """What the proxy speaks to the server."""
    return "tcp"


@pytest.fixture
def site(proxy: Proxy, hop: str, tmp_path: Path) -> Iterator[Site]:
    """The proxy and the server."""
    with behind(proxy, tmp_path, hop) as running:
        yield running


@pytest.fixture
def desk(site: Site, transport: str) -> Iterator[Desk]:
    """A phone that has not subscribed yet."""
    with Desk(site, transport) as ua:
        yield ua


over_udp = pytest.mark.parametrize("transport", ["udp"])


@pytest.mark.parametrize(
    ("proxy", "hop"), [(KAMAILIO, "udp"), (KAMAILIO, "tcp"), (KAMAILIO, "tls"), (OPENSIPS, "tcp")]
)
def test_notifies_come_by_the_route_that_the_subscribe_went(desk: Desk, site: Site) -> None:
    """A phone behind NAT hears nothing that comes another way."""
    for notify in (desk.subscribe(), desk.subscribe(dnd(True)), desk.subscribe(expires=0)):
        vias = [line for line in notify.raw.split(b"\r\n") if line.startswith(b"Via: ")]
        assert len(vias) == 2
        assert f":{site.ports[desk.transport]};".encode() in vias[0]
    assert notify.state == "terminated;reason=timeout"
    assert site.counts()["presence:subscriptions"] == 0


@over_udp
def test_an_event_in_its_compact_form_is_ours_too(desk: Desk) -> None:
    """RFC 6665 §8.4 lets a phone write `o` for Event."""
    assert desk.exchange(Event=None, o="as-feature-event;id=1").status == 200
    assert desk.notify().told["DoNotDisturb"] == "off"


@over_udp
@pytest.mark.parametrize("event", ["presence", "as-feature-events", "dialog;x=as-feature-event"])
def test_what_is_not_ours_goes_to_the_pbx(desk: Desk, site: Site, event: str) -> None:
    """The server would refuse it, and the phone would show no lamps of others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
        pbx.bind(("127.0.0.1", site.pbx))
        pbx.settimeout(WITHIN)
        desk.request(Event=event)
        assert parse(pbx.recv(65_535)).headers["event"] == event
    assert site.counts()["sip:requests_subscribe"] == 0


@pytest.mark.parametrize("proxy", [KAMAILIO])
def test_a_pbx_reaches_a_phone_by_its_path(desk: Desk, site: Site) -> None:
    """Over the connection that the phone registered with, whatever its Contact says."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
        pbx.bind(("127.0.0.1", site.pbx))
        pbx.settimeout(WITHIN)
        desk.request("REGISTER", Contact="<sip:alice@192.0.2.1>", Event=None)
        register, address = pbx.recvfrom(65_535)
        registered = parse(register)
        (path,) = [line for line in registered.lines if line.startswith("Path: ")]
        names = ("via:", "from:", "to:", "call-id:", "cseq:")
        kept = [one for one in registered.lines if one.lower().startswith(names)]
        answer = ["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]
        pbx.sendto("\r\n".join(answer).encode(), address)
        assert desk.response().status == 200
        lines = [
            "INFO sip:alice@192.0.2.1 SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{site.pbx};branch=z9hG4bKpbx",
            path.replace("Path", "Route"),
            "Max-Forwards: 70",
            "From: <sip:pbx@example.com>;tag=1",
            f"To: <{ALICE}>",
            "Call-ID: pbx",
            "CSeq: 1 INFO",
            "Content-Length: 0",
        ]
        pbx.sendto("\r\n".join([*lines, "", ""]).encode(), address)
        assert parse(desk.read(time.monotonic() + WITHIN)).start == lines[0]


@over_udp
def test_who_does_not_know_a_password_does_not_reach_the_server(site: Site, desk: Desk) -> None:
    """Neither at the beginning nor within a dialog of another."""
    desk.answerer = Answerer("alice", "guess")
    assert desk.exchange().status == 407
    assert site.counts()["sip:requests_subscribe"] == 0
    desk.subscribe()
    desk.request(body=dnd(True))
    assert desk.response().status == 407
    assert site.counts()["sip:requests_subscribe"] == 1


@over_udp
def test_a_user_gets_at_no_other(site: Site, transport: str) -> None:
    """Whatever a phone says in From and P-Asserted-Identity, the proxy says who it is."""
    with Desk(site, transport, "sipp1") as desk:
        assert desk.exchange(P_Asserted_Identity=f"<{ALICE}>").status == 403


@over_udp
@pytest.mark.parametrize("proxy", [KAMAILIO])  # OpenSIPS begins to do so after 30 s
def test_a_copy_of_a_set_is_not_made_again(desk: Desk, site: Site) -> None:
    """Kamailio takes each count of a nonce once; the copy has another branch."""
    desk.subscribe()
    desk.subscribe(dnd(True))
    made = site.counts()["features:sets"]
    desk.send(desk.sent.replace(b"branch=z9hG4bK", b"branch=z9hG4bKcopy"))
    assert desk.response().status == 407
    assert site.counts()["features:sets"] == made == 1


@pytest.mark.parametrize(
    ("hop", "transport"), [("tcp", "udp"), ("tcp", "tcp"), ("tcp", "tls"), ("udp", "udp")]
)
def test_phones_move_to_the_standby_and_back(desk: Desk, site: Site) -> None:
    """The first instance is killed with a set on its way; then it comes back."""
    standby, revive = site.standby, site.revive
    assert standby is not None
    assert revive is not None
    assert desk.subscribe(dnd(True)).told["DoNotDisturb"] == "on"
    site.server.kill()
    assert desk.exchange(body=dnd(False)).status == 481
    _begin_again(desk)
    assert desk.subscribe().told["DoNotDisturb"] == "off"  # the standby has a store of its own
    assert desk.subscribe(dnd(True)).told == {"DoNotDisturb": "on"}
    _press(standby, 0)
    assert desk.notify().told == {"DoNotDisturb": "off"}

    with revive() as first:
        deadline = time.monotonic() + WITHIN
        while desk.exchange().status == 200:
            desk.notify()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        _begin_again(desk)
        assert desk.subscribe().told["DoNotDisturb"] == "on"  # stored before it was killed
        _press(first, 0)
        assert desk.notify().told == {"DoNotDisturb": "off"}


def _begin_again(desk: Desk) -> None:
    """What a phone does after 481 (RFC 6665 §4.1.2.2)."""
    desk.to_tag, desk.route, desk.target = "", None, ALICE
    desk.call_id += "again"


def _press(server: Server, status: int) -> None:
    reply = server.mi("dfks_set_feature", presentity=ALICE, feature="DoNotDisturb", status=status)
    assert reply["result"] == "OK"
