"""Phones that none of us wrote get on with the server, alone and behind Kamailio."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.ua import dnd, forward
from tests.long.phones.phone import PROGRAMS, Phone, phone
from tests.long.phones.sites import Site

pytestmark = [pytest.mark.e2e, pytest.mark.long]

ALICE = "sip:alice@example.com"
ALL_OFF = {
    "DoNotDisturb": "off",
    "CallForwardingAlways": "off",
    "CallForwardingBusy": "off",
    "CallForwardingNoAnswer": "off",
}


@pytest.fixture(params=PROGRAMS, ids=lambda program: program.__name__)
def desk(
    request: pytest.FixtureRequest, transport: str, site: Site, tmp_path: Path
) -> Iterator[Phone]:
    """A phone of Alice's."""
    home, proxy = tmp_path / "phone", f"127.0.0.1:{site.ports[transport]}"
    home.mkdir()
    with phone(request.param, home, ALICE, proxy, transport) as running:
        yield running


def test_a_phone_subscribes_sets_refreshes_and_unsubscribes(desk: Phone, site: Site) -> None:
    """Each step is judged by what the phone read, and by what the server stored and counted."""
    assert desk.subscribe() == ("active;expires=3600", ALL_OFF)
    assert desk.subscribe(dnd(True)).told == {"DoNotDisturb": "on"}
    no_answer = forward(True, "2424", "forwardNoAns")
    assert desk.subscribe(no_answer).told == {"CallForwardingNoAnswer": "on 2424"}
    both = {"DoNotDisturb": "on", "CallForwardingNoAnswer": "on 2424"}
    assert desk.subscribe() == ("active;expires=3600", ALL_OFF | both)

    off = site.server.mi("dfks_set_feature", presentity=ALICE, feature="DoNotDisturb", status=0)
    assert off["result"] == "OK"
    assert desk.notified().told == {"DoNotDisturb": "off"}

    desk.say("unsubscribe")
    desk.expect("ended")
    counts = site.once_all_have_ended()
    assert counts["presence:subscriptions_made"] == 1
    assert counts["presence:ended_timeout"] == 1
    assert counts["sip:responses_200"] == counts["sip:requests_subscribe"]
