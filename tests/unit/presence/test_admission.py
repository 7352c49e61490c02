"""A SUBSCRIBE, and what it wishes."""

import pytest

from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin, Requester
from dfks_rules.model.values import MAX_TEXT
from dfks_rules.presence.admission import (
    Wish,
    check_request,
    event_of,
    refuse_method,
    wish_of,
)
from dfks_rules.presence.package import ALLOW, Limits
from dfks_rules.presence.responses import RefusedError
from dfks_rules.presence.subscription import Subscription
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.incoming import Incoming
from tests.helpers.playbook import DND_ON, FLOW, message
from tests.helpers.policy import ALICE, DND
from tests.helpers.subscription import active

_TYPE = b"application/x-as-feature-event+xml"


def _incoming(data: bytes) -> Incoming:
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    incoming = endpoint.receive(data, FLOW, 0.0)
    assert isinstance(incoming, Incoming)
    return incoming


def _wish_in(known: Subscription | None, **changes: bytes | None) -> Wish:
    body = changes.pop("body", None) or b""
    return wish_of(_incoming(message(b"SUBSCRIBE", body, **changes)), Limits(), known)


def _wish(**changes: bytes | None) -> Wish:
    return _wish_in(None, **changes)


def _status(**changes: bytes | None) -> int:
    """The refusal; 0 for none."""
    try:
        _wish_in(None, **changes)
    except RefusedError as refused:
        return refused.status
    return 0


def test_a_subscribe_without_a_body_wishes_to_be_told_everything() -> None:
    """Who asks, of whom, and for how long."""
    wish = _wish(user_agent=b"desk/1")
    assert (wish.presentity, wish.expires, wish.asked) == (ALICE, 600, [])
    phone = Requester(Origin.WATCHER, ALICE, None, "desk/1", "udp", "192.0.2.7")
    assert wish.requester == phone


def test_a_body_has_sets_and_says_which_device() -> None:
    """Its `<device>` is a fact of the request."""
    wish = _wish(body=DND_ON.replace(b"<device/>", b"<device>d1</device>"))
    assert [(one.feature, one.state.status) for one in wish.asked] == [(DND, True)]
    assert wish.requester.device == "d1"


def test_in_a_dialog_it_is_about_the_same() -> None:
    """The Request-URI of a refresh is our Contact: it says nothing of the presentity."""
    wish = _wish_in(active(), uri=b"sip:192.0.2.1:5060", to=b"<sip:alice@example.com>;tag=t")
    assert (wish.presentity, wish.requester.watcher) == (ALICE, ALICE)


def test_of_a_message_alone_the_presentity_of_a_dialog_is_in_to() -> None:
    """Who looks at a captured refresh has no subscription."""
    wish = _wish(uri=b"sip:192.0.2.1:5060", to=b"<sip:alice@example.com>;tag=t")
    assert wish.presentity == ALICE


def test_a_watcher_that_is_no_sip_uri_is_nobodys_presentity() -> None:
    """Its text is a fact, cut to the usual length."""
    wish = _wish(**{"from": b"<tel:" + b"1" * 600 + b">;tag=p"})
    assert wish.requester.watcher == Aor("tel:" + "1" * (MAX_TEXT - 4), "")


def test_texts_that_subscriptions_keep_are_short_and_shared() -> None:
    """There are as many as subscriptions."""
    one, two = (_wish(user_agent=b"x" * 600).requester.user_agent for _ in range(2))
    assert one is two
    assert one == "x" * MAX_TEXT


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 0),
        (_TYPE, 0),
        (_TYPE.upper(), 0),
        (_TYPE + b";q=0.5", 0),
        (b"text/plain, " + _TYPE, 0),
        (b"multipart/mixed", 0),
        (b"multipart/*", 0),
        (b"application/*", 0),
        (b"*/*", 0),
        (b"*/*;q=0.1", 0),
        (_TYPE + b";q=0, */*", 0),
        (b"application/sdp", 406),
        (b"text/*", 406),
        (b"", 406),
        (_TYPE + b";q=0", 406),
        (_TYPE + b"; q=0.000", 406),
        (b"*/*;q=0", 406),
        (b"*/*, application/*;q=0, multipart/mixed;q=0.0", 406),
    ],
)
def test_a_phone_that_takes_none_of_our_types_is_told_so(accept: bytes | None, status: int) -> None:
    """RFC 3261 §20.1: the most specific range counts, and q=0 excludes."""
    assert _status(accept=accept) == status


@pytest.mark.parametrize(
    ("event", "line", "id_"),
    [
        (b"as-feature-event", b"Event: as-feature-event\r\n", b""),
        (b"as-feature-event;id=7", b"Event: as-feature-event;id=7\r\n", b"7"),
        (
            b"as-feature-event ; x ; ID=a",
            b"Event: as-feature-event ; x ; ID=a\r\n",
            b"a",
        ),
    ],
)
def test_an_event_is_echoed_with_its_id(event: bytes, line: bytes, id_: bytes) -> None:
    """RFC 6665 §8.2.1."""
    read = event_of(_incoming(message(event=event)).request)
    assert (read.line, read.id) == (line, id_)


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (None, 489),
        (b"presence", 489),
        (b"as-feature-events", 489),
        (b"presence, as-feature-event", 489),
        (b"as-feature-event, presence", 400),
        (b"as-feature-event;id=1, presence", 400),
        (b"as-feature-event;", 400),
    ],
)
def test_one_event_of_our_package_is_served(event: bytes | None, status: int) -> None:
    """RFC 6665 §8.4: there is one in the header."""
    with pytest.raises(RefusedError) as refused:
        event_of(_incoming(message(event=event)).request)
    assert refused.value.status == status


def test_what_is_for_proxies_is_none_of_our_business() -> None:
    """RFC 3261 §16.3, §20.29: an endpoint serves the request all the same."""
    check_request(_incoming(message(proxy_require=b"x", max_forwards=b"0")).request)


def test_what_is_required_of_us_is_named() -> None:
    """RFC 3261 §8.2.2.3."""
    with pytest.raises(RefusedError) as refused:
        check_request(_incoming(message(require=b"100rel, x")).request)
    assert (refused.value.status, refused.value.headers) == (
        420,
        b"Unsupported: 100rel, x\r\n",
    )


@pytest.mark.parametrize(
    ("method", "to", "status"),
    [
        (b"INVITE", None, 405),
        (b"BYE", None, 405),
        (b"BYE", b"<sip:alice@example.com>;tag=t", 481),
        (b"DANCE", None, 501),
    ],
)
def test_other_methods_are_refused(method: bytes, to: bytes | None, status: int) -> None:
    """Known, unknown, and in a dialog that is not theirs."""
    changes = {} if to is None else {"to": to}
    with pytest.raises(RefusedError) as refused:
        refuse_method(_incoming(message(method, **changes)), ALLOW)
    assert refused.value.status == status
    assert refused.value.headers == (b"" if status == 481 else ALLOW)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"expires": b"59"}, 423),
        ({"uri": b"sip:example.com"}, 404),
        ({"body": DND_ON, "content_encoding": b"gzip"}, 415),
    ],
)
def test_what_cannot_be_served_is_refused(changes: dict[str, bytes], status: int) -> None:
    """Before any policy is asked."""
    assert _status(**changes) == status


def test_what_cannot_be_read_is_malformed() -> None:
    """It is answered 400 with what is wrong."""
    with pytest.raises(MalformedMessageError):
        _wish(body=b"<broken")
