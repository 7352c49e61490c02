"""Kamailio stands before the server as docs/howto/behind-kamailio.md has it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.ua import WITHIN, Ua, dnd, parse
from tests.long.phones.sites import Site, behind_kamailio

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@pytest.fixture(params=["udp", "tcp"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Kamailio speaks either to the server."""
    with behind_kamailio(tmp_path, request.param) as running:
        yield running


@pytest.fixture
def desk(site: Site, transport: str) -> Iterator[Ua]:
    """A phone that has not subscribed yet."""
    with Ua(site.ports[transport], transport=transport) as ua:
        yield ua


def test_notifies_come_by_the_route_that_the_subscribe_went(desk: Ua, site: Site) -> None:
    """A phone behind NAT hears nothing that comes another way."""
    for notify in (desk.subscribe(), desk.subscribe(dnd(True)), desk.subscribe(expires=0)):
        vias = [line for line in notify.raw.split(b"\r\n") if line.startswith(b"Via: ")]
        assert len(vias) == 2
        assert f":{site.ports[desk.transport]};".encode() in vias[0]
    assert notify.state == "terminated;reason=timeout"
    assert site.counts()["presence:subscriptions"] == 0


def test_an_event_in_its_compact_form_is_ours_too(desk: Ua) -> None:
    """RFC 6665 §8.4 lets a phone write `o` for Event."""
    assert desk.exchange(Event=None, o="as-feature-event;id=1").status == 200
    assert desk.notify().told["DoNotDisturb"] == "off"


@pytest.mark.parametrize("event", ["presence", "as-feature-events", "dialog;x=as-feature-event"])
def test_what_is_not_ours_goes_to_the_pbx(desk: Ua, site: Site, event: str) -> None:
    """The server would refuse it, and the phone would show no lamps of others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
        pbx.bind(("127.0.0.1", site.pbx))
        pbx.settimeout(WITHIN)
        desk.request(Event=event)
        assert parse(pbx.recv(65_535)).headers["event"] == event
    assert site.counts()["transport:messages_received"] == 0
