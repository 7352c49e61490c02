"""An instance is killed behind a proxy, and comes back."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.server import Server
from tests.helpers.ua import WITHIN, dnd
from tests.long.phones.desk import Desk
from tests.long.phones.proxies import KAMAILIO, OPENSIPS, Proxy, behind
from tests.long.phones.sites import Site

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@pytest.fixture(params=[KAMAILIO, OPENSIPS], ids=lambda proxy: proxy.name)
def proxy(request: pytest.FixtureRequest) -> Proxy:
    """Which."""
    made: Proxy = request.param
    return made


@pytest.fixture
def site(proxy: Proxy, hop: str, tmp_path: Path) -> Iterator[Site]:
    """The proxy, and two instances that it speaks this transport to."""
    with behind(proxy, tmp_path, hop) as running:
        yield running


@pytest.fixture
def desk(site: Site, transport: str) -> Iterator[Desk]:
    """A phone that has not subscribed yet."""
    with Desk(site, transport) as ua:
        yield ua


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
    _press(standby, desk.aor)
    assert desk.notify().told == {"DoNotDisturb": "off"}

    with revive() as first:
        deadline = time.monotonic() + WITHIN
        while desk.exchange().status == 200:
            desk.notify()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        _begin_again(desk)
        # It was stored before the kill, and so was the first dialog: the phone has given it up.
        assert desk.subscribe().told["DoNotDisturb"] == "on"
        _press(first, desk.aor)
        assert desk.notify().told == {"DoNotDisturb": "off"}


def _begin_again(desk: Desk) -> None:
    """What a phone does after 481 (RFC 6665 §4.1.2.2)."""
    desk.to_tag, desk.route, desk.target = "", None, desk.aor
    desk.call_id += "again"


def _press(server: Server, aor: str) -> None:
    """An operator turns the feature off."""
    reply = server.mi("dfks_set_feature", presentity=aor, feature="DoNotDisturb", status=0)
    assert reply["result"] == "OK"
