"""A proxy stands before the server as its how-to has it."""

import socket
import time
from collections.abc import Iterator

import pytest

from tests.helpers.ua import WITHIN, dnd, parse
from tests.long.phones.desk import Desk
from tests.long.phones.phone import PASSWORD
from tests.long.phones.proxies import KAMAILIO, OPENSIPS, Proxy, behind
from tests.long.phones.sites import Site

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A proxy, by what it speaks to the server; tests share it."""
    proxy, hop = request.param
    with behind(proxy, tmp_path_factory.mktemp("site"), hop) as running:
        yield running


def at(*sites: tuple[Proxy, str]) -> pytest.MarkDecorator:
    """Run the test with each of these sites."""
    names = [f"{proxy.name}-{hop}" for proxy, hop in sites]
    return pytest.mark.parametrize("site", sites, indirect=True, ids=names)


@pytest.fixture
def desk(site: Site, transport: str) -> Iterator[Desk]:
    """A phone that has not subscribed yet."""
    with Desk(site, transport) as ua:
        yield ua


over_udp = pytest.mark.parametrize("transport", ["udp"])
by_both = at((KAMAILIO, "tcp"), (OPENSIPS, "tcp"))


@at((KAMAILIO, "udp"), (KAMAILIO, "tcp"), (KAMAILIO, "tls"), (OPENSIPS, "tcp"))
def test_notifies_come_by_the_route_that_the_subscribe_went(desk: Desk, site: Site) -> None:
    """A phone behind NAT hears nothing that comes another way."""
    for notify in (desk.subscribe(), desk.subscribe(dnd(True)), desk.subscribe(expires=0)):
        vias = [line for line in notify.raw.split(b"\r\n") if line.startswith(b"Via: ")]
        assert len(vias) == 2
        assert f":{site.ports[desk.transport]};".encode() in vias[0]
    assert notify.state == "terminated;reason=timeout"


@by_both
@over_udp
def test_an_event_in_its_compact_form_is_ours_too(desk: Desk) -> None:
    """RFC 6665 §8.4 lets a phone write `o` for Event."""
    assert desk.exchange(Event=None, o="as-feature-event;id=1").status == 200
    assert desk.notify().told["DoNotDisturb"] == "off"


@by_both
@over_udp
@pytest.mark.parametrize("event", ["presence", "as-feature-events", "dialog;x=as-feature-event"])
def test_what_is_not_ours_goes_to_the_pbx(desk: Desk, site: Site, event: str) -> None:
    """The server would refuse it, and the phone would show no lamps of others."""
    asked = site.counts()["sip:requests_subscribe"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
        pbx.bind(("127.0.0.1", site.pbx))
        pbx.settimeout(WITHIN)
        desk.request(Event=event)
        assert parse(pbx.recv(65_535)).headers["event"] == event
    assert site.counts()["sip:requests_subscribe"] == asked


@at((KAMAILIO, "tcp"))
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
            f"Via: SIP/2.0/UDP 127.0.0.1:{site.pbx};branch=z9hG4bK{desk.call_id}",
            path.replace("Path", "Route"),
            "Max-Forwards: 70",
            "From: <sip:pbx@example.com>;tag=1",
            f"To: <{desk.aor}>",
            f"Call-ID: {desk.call_id}",
            "CSeq: 1 INFO",
            "Content-Length: 0",
        ]
        pbx.sendto("\r\n".join([*lines, "", ""]).encode(), address)
        assert parse(desk.read(time.monotonic() + WITHIN)).start == lines[0]


@by_both
@over_udp
def test_who_does_not_know_a_password_does_not_reach_the_server(site: Site, desk: Desk) -> None:
    """Neither at the beginning nor within a dialog of another."""
    asked = site.counts()["sip:requests_subscribe"]
    desk.knows = "guess"
    assert desk.exchange().status == 407
    assert site.counts()["sip:requests_subscribe"] == asked
    desk.knows = PASSWORD
    desk.subscribe()
    desk.request(body=dnd(True))
    assert desk.response().status == 407
    assert site.counts()["sip:requests_subscribe"] == asked + 1


@by_both
@over_udp
def test_a_user_gets_at_no_other(desk: Desk) -> None:
    """Whatever a phone says in From and P-Asserted-Identity, the proxy says who it is."""
    other = desk.aor = desk.target = "sip:somebody@example.com"
    assert desk.exchange(P_Asserted_Identity=f"<{other}>").status == 403


@over_udp
@at((KAMAILIO, "tcp"))  # OpenSIPS begins to do so after 30 s
def test_a_copy_of_a_set_is_not_made_again(desk: Desk, site: Site) -> None:
    """Kamailio takes each count of a nonce once; the copy has another branch."""
    desk.subscribe()
    made = site.counts()["features:sets"]
    desk.subscribe(dnd(True))
    desk.send(desk.sent.replace(b"branch=z9hG4bK", b"branch=z9hG4bKcopy"))
    assert desk.response().status == 407
    assert site.counts()["features:sets"] == made + 1
