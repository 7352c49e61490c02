"""Kamailio forwards calls as its how-to has it."""

import time
from collections.abc import Iterator

import pytest

from tests.helpers.server import serve
from tests.long.calls.switches import MS_PER_RING, Site, kamailio
from tests.long.calls.telephones import Called, Caller

pytestmark = [pytest.mark.e2e, pytest.mark.long]

VIEW, HTTP = "From the view", "Over HTTP"


@pytest.fixture(scope="module", params=[VIEW, HTTP], ids=["view", "http"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Kamailio, by where it asks; tests share it, with a user each."""
    with kamailio(request.param) as running:
        yield running


@pytest.fixture
def caller(site: Site) -> Iterator[Caller]:
    """Somebody outside."""
    with Caller(site.proxy) as telephone:
        yield telephone


@pytest.fixture
def pbx(site: Site) -> Iterator[Called]:
    """Where calls arrive that are not forwarded."""
    with Called(site.pbx) as telephone:
        yield telephone


def test_a_user_without_features_is_called(site: Site, caller: Caller, pbx: Called) -> None:
    """Of whom the view has no row."""
    caller.invite("sip:nobody@example.com")
    assert pbx.refuse("486 Busy Here") == "sip:nobody@example.com"
    assert caller.answer().status == 486


@pytest.mark.parametrize(
    ("user", "target", "uri"),
    [
        ("a1", "201", "sip:201@example.com"),
        ("a2", '"Carol" <sip:carol@other.example;transport=tcp>', None),
        ("a3", "tel:+49-30-12", "sip:+493012@example.com"),
        ("o'brien", "bob", "sip:bob@example.com"),
    ],
)
def test_all_calls_are_forwarded_to_the_target(
    site: Site, caller: Caller, pbx: Called, user: str, target: str, uri: str | None
) -> None:
    """However the phone wrote it; and only while it is on."""
    site.set(user, "CallForwardingAlways", 1, forwardTo=target)
    answer = caller.call(f"sip:{user}@example.com")
    assert (answer.status, answer.contact) == (302, uri or "sip:carol@other.example;transport=tcp")
    assert pbx.has_nothing()
    site.set(user, "CallForwardingAlways", 0)
    caller.invite(f"sip:{user}@EXAMPLE.com")
    pbx.refuse("404 Not Found")
    assert caller.answer().status == 404


def test_no_name_of_a_user_is_taken_for_sql(site: Site, caller: Caller, pbx: Called) -> None:
    """A quote is allowed in a SIP URI (RFC 3261 §25.1), and strangers write the URI."""
    site.set("s1", "CallForwardingAlways", 1, forwardTo="201")
    caller.invite("sip:x'or'1'='1@example.com")
    pbx.refuse("404 Not Found")
    assert caller.answer().status == 404


def test_do_not_disturb_rings_no_phone(site: Site, caller: Caller, pbx: Called) -> None:
    """The caller hears so, rather than ringing."""
    site.set("d1", "DoNotDisturb", 1)
    assert caller.call("sip:d1@example.com").status == 480
    assert pbx.has_nothing()


def test_a_forward_comes_before_do_not_disturb(site: Site, caller: Caller) -> None:
    """Somebody else is to be disturbed."""
    site.set("d2", "DoNotDisturb", 1)
    site.set("d2", "CallForwardingAlways", 1, forwardTo="201")
    assert caller.call("sip:d2@example.com").status == 302


@pytest.mark.parametrize("answer", ["486 Busy Here", "600 Busy Everywhere"])
def test_a_busy_user_is_forwarded(site: Site, caller: Caller, pbx: Called, answer: str) -> None:
    """The phone says that it is busy."""
    site.set("b1", "CallForwardingBusy", 1, forwardTo="202")
    site.set("b1", "CallForwardingNoAnswer", 1, forwardTo="203", ringCount="9")
    caller.invite("sip:b1@example.com")
    pbx.refuse(answer)
    forwarded = caller.answer()
    assert (forwarded.status, forwarded.contact) == (302, "sip:202@example.com")


def test_a_call_is_forwarded_after_so_many_rings(site: Site, caller: Caller, pbx: Called) -> None:
    """Not sooner; and the phone stops ringing."""
    site.set("n1", "CallForwardingNoAnswer", 1, forwardTo="203", ringCount="5")
    site.set("n1", "CallForwardingBusy", 1, forwardTo="202")
    caller.invite("sip:n1@example.com")
    began = time.monotonic()
    pbx.rings()
    cancel, source = pbx.request("CANCEL")
    # Kamailio's timers go by sixteenths of a second.
    assert time.monotonic() - began > 5 * MS_PER_RING / 1000 - 0.125
    pbx.say(cancel, source, "200 OK")
    forwarded = caller.answer()
    assert (forwarded.status, forwarded.contact) == (302, "sip:203@example.com")


def test_a_phone_that_is_not_there_is_forwarded(site: Site, caller: Caller, pbx: Called) -> None:
    """The PBX says so at once; nobody rings."""
    site.set("n2", "CallForwardingNoAnswer", 1, forwardTo="203")
    caller.invite("sip:n2@example.com")
    pbx.refuse("480 Temporarily Unavailable")
    assert caller.answer().status == 302


def test_a_call_that_is_answered_is_not_forwarded(site: Site, caller: Caller, pbx: Called) -> None:
    """Whatever is on."""
    site.set("n3", "CallForwardingNoAnswer", 1, forwardTo="203", ringCount="1")
    site.set("n3", "CallForwardingBusy", 1, forwardTo="202")
    caller.invite("sip:n3@example.com")
    pbx.refuse("200 OK")
    assert caller.answer().status == 200


def test_a_caller_who_gives_up_is_not_forwarded(site: Site, caller: Caller, pbx: Called) -> None:
    """The call has ended."""
    site.set("n4", "CallForwardingNoAnswer", 1, forwardTo="203", ringCount="20")
    caller.invite("sip:n4@example.com")
    invite, source = pbx.rings()
    caller.cancel()
    cancel, _ = pbx.request("CANCEL")
    pbx.say(cancel, source, "200 OK")
    pbx.say(invite, source, "487 Request Terminated")
    assert caller.answer().status == 487


def test_a_target_that_cannot_be_called_forwards_nothing(
    site: Site, caller: Caller, pbx: Called
) -> None:
    """The phone rings, rather than nothing."""
    site.set("a4", "CallForwardingAlways", 1, forwardTo="http://x.example")
    caller.invite("sip:a4@example.com")
    pbx.refuse("486 Busy Here")
    assert caller.answer().status == 486


def test_a_killed_server_forwards_on_from_the_view() -> None:
    """What it had stored; what it stores when it is back counts, too."""
    with kamailio(VIEW) as site, Caller(site.proxy) as caller:
        site.set("alice", "CallForwardingAlways", 1, forwardTo="201")
        assert caller.call("sip:alice@example.com").contact == "sip:201@example.com"
        site.server.kill()
        assert caller.call("sip:alice@example.com").contact == "sip:201@example.com"
        with serve(site.folder, site.config) as again:
            back = site._replace(server=again)
            back.set("alice", "CallForwardingAlways", 1, forwardTo="202")
            assert caller.call("sip:alice@example.com").contact == "sip:202@example.com"
            assert again.stop() == 0
        assert caller.call("sip:alice@example.com").contact == "sip:202@example.com"


def test_a_server_that_is_gone_lets_calls_through_over_http() -> None:
    """Until it is back."""
    with kamailio(HTTP) as site, Caller(site.proxy) as caller, Called(site.pbx) as pbx:
        site.set("alice", "DoNotDisturb", 1)
        assert caller.call("sip:alice@example.com").status == 480
        site.server.kill()
        caller.invite("sip:alice@example.com")
        pbx.refuse("486 Busy Here")
        assert caller.answer().status == 486
        with serve(site.folder, site.config) as again:
            site._replace(server=again).set("alice", "DoNotDisturb", 1)
            assert caller.call("sip:alice@example.com").status == 480


def test_kamailio_calls_the_target_itself_if_it_is_told_to() -> None:
    """For callers that follow no 302; the features of the target count, too."""
    with kamailio(VIEW, follow=True) as site, Caller(site.proxy) as caller, Called(site.pbx) as pbx:
        site.set("alice", "CallForwardingAlways", 1, forwardTo="bob")
        site.set("bob", "CallForwardingBusy", 1, forwardTo="carol")
        caller.invite("sip:alice@example.com")
        invite, source = pbx.request("INVITE")
        assert invite.start == "INVITE sip:bob@example.com SIP/2.0"
        assert invite.header("Diversion") == "<sip:alice@example.com>"
        pbx.say(invite, source, "486 Busy Here")
        pbx.request("ACK")
        assert pbx.refuse("200 OK") == "sip:carol@example.com"
        assert caller.answer().status == 200


def test_a_target_elsewhere_is_called_there() -> None:
    """Where its URI leads, not at the PBX; at once and after a busy phone."""
    with (
        kamailio(VIEW, follow=True) as site,
        Caller(site.proxy) as caller,
        Called(site.pbx) as pbx,
        Called() as elsewhere,
    ):
        there = f"sip:carol@127.0.0.1:{elsewhere.port}"
        site.set("alice", "CallForwardingAlways", 1, forwardTo=there)
        caller.invite("sip:alice@example.com")
        assert elsewhere.refuse("200 OK") == there
        assert caller.answer().status == 200
        site.set("bob", "CallForwardingBusy", 1, forwardTo=there)
        caller.invite("sip:bob@example.com")
        pbx.refuse("486 Busy Here")
        assert elsewhere.refuse("200 OK") == there
        assert caller.answer().status == 200


def test_what_is_not_for_us_goes_to_the_pbx(site: Site, caller: Caller, pbx: Called) -> None:
    """Kamailio is no open relay."""
    caller.invite("sip:carol@192.0.2.1")
    assert pbx.refuse("404 Not Found") == "sip:carol@192.0.2.1"
    assert caller.answer().status == 404


def test_forwards_in_a_circle_end() -> None:
    """Max-Forwards counts them."""
    with kamailio(VIEW, follow=True) as site, Caller(site.proxy) as caller:
        site.set("alice", "CallForwardingAlways", 1, forwardTo="bob")
        site.set("bob", "CallForwardingAlways", 1, forwardTo="alice")
        assert caller.call("sip:alice@example.com").status == 483
