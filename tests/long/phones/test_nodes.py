"""Two nodes behind Kamailio, as the page on several nodes has them; one of them is killed."""

import asyncio
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from dfks_rules.store.postgres.schema import migrate
from tests.helpers.fleet import happens
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.server import ROOT, Server
from tests.helpers.ua import dnd
from tests.long.phones.desk import Desk
from tests.long.phones.proxies import KAMAILIO, behind
from tests.long.phones.sites import Site

pytestmark = [pytest.mark.e2e, pytest.mark.long, needs_postgres]

_CHANGES = re.compile(r"```diff\n(.*?)```", re.DOTALL)
_CHANGE = re.compile(r"((?:^-.*\n)+)((?:^\+.*\n)+)", re.MULTILINE)


def _as_nodes(url: str, page: str) -> str:
    """The page on Kamailio with the changes that the one on several nodes shows."""
    nodes = (ROOT / "docs/howto/several-nodes.md").read_text("utf-8")
    (changes,) = _CHANGES.findall(nodes)
    for before, after in _CHANGE.findall(changes):
        old, new = (re.sub(r"^[-+]", "", text, flags=re.MULTILINE) for text in (before, after))
        assert page.count(old) == 1, old
        page = page.replace(old, new)
    assert page.count("postgresql://") == 2
    return re.sub(r"postgresql://[^\"]*", url, page)


@pytest.fixture
def site(hop: str, tmp_path: Path, empty_database: Database) -> Iterator[Site]:
    """The proxy, and two nodes that it speaks this transport to."""
    asyncio.run(migrate(empty_database.url))
    with behind(KAMAILIO, tmp_path, hop, partial(_as_nodes, empty_database.url)) as running:
        yield running


@pytest.fixture
def desk(site: Site, transport: str) -> Iterator[Desk]:
    """A phone that has not subscribed yet."""
    with Desk(site, transport) as ua:
        yield ua


def _owner(site: Site) -> tuple[Server, Server]:
    """The node that has the phone's subscription, and the other one."""
    assert site.standby is not None
    nodes = site.server, site.standby
    return nodes if _count(site.server, "subscriptions") else nodes[::-1]


def _count(node: Server, name: str) -> int:
    found = node.mi("get_statistics", statistics=[f"presence:{name}"])["result"]
    return int(found.get(f"presence:{name}", 0))


@pytest.mark.parametrize(
    ("hop", "transport"), [("tcp", "udp"), ("tcp", "tcp"), ("tcp", "tls"), ("udp", "udp")]
)
def test_phone_does_not_notice_that_its_node_is_killed(desk: Desk, site: Site) -> None:
    """It presses a key just then, is told of what others change, and refreshes: one dialog."""
    before = desk.subscribe()
    victim, other = _owner(site)
    victim.kill()
    desk.accepted(desk.exchange(body=dnd(True)))
    told = desk.notify()
    while told.told.get("DoNotDisturb") != "on":
        told = desk.notify()
    assert told.headers["from"] == before.headers["from"]
    assert told.cseq > before.cseq
    _press(other, desk.aor)
    while told.told.get("DoNotDisturb") != "off":
        told = desk.notify()
    assert desk.subscribe().told["DoNotDisturb"] == "off"
    assert (_count(other, "subscriptions"), _count(other, "subscriptions_made")) == (1, 0)


@pytest.mark.parametrize(("hop", "transport"), [("tcp", "udp"), ("tcp", "tcp")])
def test_phone_that_only_listens_is_told_by_the_other_node(desk: Desk, site: Site) -> None:
    """By the same way through the proxy, and the same NAT."""
    before = desk.subscribe()
    victim, other = _owner(site)
    victim.kill()
    happens(lambda: _count(other, "subscriptions") == 1)
    reply = other.mi("dfks_set_feature", presentity=desk.aor, feature="DoNotDisturb", status=1)
    assert reply["result"] == "OK"
    told = desk.notify()
    while told.told.get("DoNotDisturb") != "on":
        told = desk.notify()
    assert told.headers["from"] == before.headers["from"]
    assert told.cseq > before.cseq


def _press(node: Server, aor: str) -> None:
    """An operator turns the feature off."""
    reply = node.mi("dfks_set_feature", presentity=aor, feature="DoNotDisturb", status=0)
    assert reply["result"] == "OK"
