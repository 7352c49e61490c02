"""Phones that none of us wrote get on with the server, alone and behind proxies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.ua import dnd, forward
from tests.long.phones.conftest import WAYS
from tests.long.phones.phone import ALICE, PROGRAMS, Phone, Program, liblinphone, phone, sofia_sip
from tests.long.phones.sites import Site

pytestmark = [pytest.mark.e2e, pytest.mark.long]

ALL_OFF = {
    "DoNotDisturb": "off",
    "CallForwardingAlways": "off",
    "CallForwardingBusy": "off",
    "CallForwardingNoAnswer": "off",
}
SERVED = [
    pytest.param(program, way, id=f"{program.__name__}-{way}")
    for program in PROGRAMS
    for way in WAYS
    if (program, way) != (sofia_sip, "sha256")  # it knows MD5 only
]


@pytest.fixture
def desk(program: Program, transport: str, site: Site, tmp_path: Path) -> Iterator[Phone]:
    """A phone of Alice's."""
    # Of an address, the TLS of liblinphone does not look for the certificate.
    host = "localhost" if (program, transport) == (liblinphone, "tls") else "127.0.0.1"
    home, proxy = tmp_path / "phone", f"{host}:{site.ports[transport]}"
    home.mkdir()
    with phone(program, home, proxy, transport) as running:
        yield running


@pytest.mark.parametrize(("program", "site"), SERVED, indirect=["site"])
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
    answered = counts["sip:responses_200"] + counts["auth:challenged"]
    assert answered == counts["sip:requests_subscribe"]
    assert counts["auth:failed"] == 0


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
@pytest.mark.parametrize("site", ["kamailio", "opensips"], indirect=True)
@pytest.mark.parametrize("transport", ["udp"])
def test_a_phone_begins_again_when_the_server_was_killed(
    desk: Phone, site: Site, program: Program
) -> None:
    """The standby answers its next refresh by 481; liblinphone then begins again by itself."""
    assert site.standby is not None
    assert desk.subscribe(dnd(True)).told["DoNotDisturb"] == "on"
    site.server.kill()
    desk.say("subscribe")
    if program is sofia_sip:
        assert desk.expect("failed")[0].startswith("481 ")
        desk.say("subscribe")
    assert desk.notified() == ("active;expires=3600", ALL_OFF)
    # Behind OpenSIPS, liblinphone begins once more with the set, and is told everything.
    assert desk.subscribe(dnd(True)).told["DoNotDisturb"] == "on"
    off = site.standby.mi("dfks_set_feature", presentity=ALICE, feature="DoNotDisturb", status=0)
    assert off["result"] == "OK"
    assert desk.notified().told == {"DoNotDisturb": "off"}
