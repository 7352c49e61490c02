"""PUBLISH: a trusted peer sets features (RFC 3903)."""

import pytest

from dfks_rules.model.requests import Origin
from dfks_rules.presence import publish as module
from dfks_rules.presence.gate import Gate
from dfks_rules.presence.package import Limits
from dfks_rules.sip.flow import Flow
from tests.helpers.digest import TRUSTED, gate
from tests.helpers.playbook import (
    DND_ON,
    FLOW,
    LISTENER,
    TYPE,
    Playbook,
    Sent,
    default_policies,
    message,
)
from tests.helpers.policy import ALICE, CFA, DND, policies
from tests.helpers.stores import FULL, SlowStore

_OFF = DND_ON.replace(b"true", b"false")
_FORWARD = (
    b"<SetForwarding><forwardDN>2</forwardDN><forwardingType>forwardImmediate</forwardingType>"
    b"<activateForward>true</activateForward></SetForwarding>"
)
_BOTH = b"--b\r\nContent-Type: %b\r\n\r\n%b\r\n--b\r\nContent-Type: %b\r\n\r\n%b\r\n--b--\r\n" % (
    TYPE,
    DND_ON,
    TYPE,
    _FORWARD,
)
_MULTIPART = b"multipart/mixed;boundary=b"
_STRANGER = Flow(LISTENER, ("198.51.100.9", 5060))
_DENY = "- {id: no, when: {op: set, feature: %s}, then: {deny: {reason: no, text: Not today}}}"


def _publish(number: int, body: bytes = b"", **changes: bytes | None) -> bytes:
    usual: dict[str, bytes | None] = {
        "from": b"<sip:pbx@example.com>;tag=p",
        "call_id": b"publish-%d" % number,
        "via": b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bKp%d" % number,
        "contact": None,
    }
    return message(b"PUBLISH", body, **usual | changes)


def _book(rules: str | None = None, limits: Limits | None = None) -> Playbook:
    return Playbook(default_policies() if rules is None else policies(rules), limits)


def _is_on(book: Playbook) -> bool:
    return book.stored(ALICE).state(DND).status


def _published(book: Playbook, number: int, body: bytes = b"", **changes: bytes) -> bytes:
    """A PUBLISH that is accepted; its entity-tag."""
    answer, *_ = book.receive(_publish(number, body, **changes))
    assert answer.status == 200, answer.start
    return answer.headers[b"SIP-ETag"]


def test_a_publication_sets_a_feature_and_tells_every_watcher() -> None:
    """RFC 3903 §6: 200 with Expires and SIP-ETag, without Contact; watchers get the change."""
    book = _book()
    _, notify = book.receive(message())
    book.answer(notify)
    answer, change = book.receive(_publish(1, DND_ON, record_route=b"<sip:p;lr>"))
    assert (answer.status, answer.headers[b"Expires"]) == (200, b"600")
    assert answer.headers[b"SIP-ETag"]
    assert not {b"Contact", b"Record-Route"} & set(answer.headers)
    assert change.start.startswith(b"NOTIFY")
    assert b"<doNotDisturbOn>true<" in change.body
    assert _is_on(book)
    assert len(book.notifier.subscriptions) == 1


def test_for_policies_it_is_an_operator_who_came_by_sip() -> None:
    """Its facts say from where; there is no watcher."""
    book = _book(
        "- {id: x, when: {op: set, origin: operator, transport: udp}, then: {notify: true}}"
    )
    _published(book, 1, DND_ON.replace(b"<device/>", b"<device>d</device>"))
    (outcome,) = book.log.outcomes
    who = outcome.request.requester
    assert (who.origin, who.watcher, who.device) == (Origin.OPERATOR, None, "d")
    assert (who.transport, who.source_ip) == ("udp", "192.0.2.7")
    assert outcome.decision.matched == ("p/x",)


def test_a_repeat_sets_nothing_again() -> None:
    """RFC 3261 §17.2.2: the same answer, and one decision."""
    book = _book()
    (first,) = book.receive(_publish(1, DND_ON))
    (again,) = book.receive(_publish(1, DND_ON))
    assert first == again
    assert len(book.log.outcomes) == 1


def test_several_sets_in_one_body_are_all_carried_out() -> None:
    """One commit, one NOTIFY."""
    book = _book()
    _, notify = book.receive(message())
    book.answer(notify)
    _, change = book.receive(_publish(1, _BOTH, content_type=_MULTIPART))
    assert change.body.count(b"Event xmlns") == 2
    snapshot = book.stored(ALICE)
    assert (snapshot.revision, snapshot.state(CFA).status, _is_on(book)) == (1, True, True)


@pytest.mark.parametrize("denied", ["DoNotDisturb", "CallForwardingAlways"])
def test_where_one_of_several_sets_is_denied_none_is_carried_out(denied: str) -> None:
    """RFC 3903 §6: either processed completely or not at all; nobody is told."""
    book = _book(_DENY % denied)
    _, notify = book.receive(message())
    book.answer(notify)
    (answer,) = book.receive(_publish(1, _BOTH, content_type=_MULTIPART))
    assert answer.start == b"SIP/2.0 403 Not today"
    assert book.stored(ALICE).revision == 0
    denials = [one for one in book.log.outcomes if one.request.asked is not None]
    assert [one.request.feature and one.request.feature.value for one in denials] == [denied]


# --- The four operations of RFC 3903 §4.1, table 1, for a state that does not expire ---


def test_a_refresh_replaces_the_tag_and_sets_nothing() -> None:
    """RFC 3903 §4.3, §6: a new entity-tag for each successful publication."""
    book = _book()
    first = _published(book, 1, DND_ON)
    second = _published(book, 2, sip_if_match=first)
    assert first != second
    (answer,) = book.receive(_publish(3, sip_if_match=first))
    assert answer.start == b"SIP/2.0 412 Conditional Request Failed"
    assert len(book.log.outcomes) == 1


def test_a_modification_sets_and_replaces_the_tag() -> None:
    """RFC 3903 §4.4."""
    book = _book()
    first = _published(book, 1, DND_ON)
    second = _published(book, 2, _OFF, sip_if_match=first)
    assert not _is_on(book)
    (answer,) = book.receive(_publish(3, DND_ON, sip_if_match=first))
    assert (answer.status, _is_on(book)) == (412, False)
    _published(book, 4, DND_ON, sip_if_match=second)
    assert _is_on(book)


def test_a_removal_ends_the_publication_and_leaves_the_feature() -> None:
    """RFC 3903 §4.5; what a key shows is hard state, and nobody else would set it back."""
    book = _book()
    tag = _published(book, 1, DND_ON)
    (answer,) = book.receive(_publish(2, sip_if_match=tag, expires=b"0"))
    assert (answer.status, answer.headers[b"Expires"]) == (200, b"0")
    for gone in (tag, answer.headers[b"SIP-ETag"]):
        (refused,) = book.receive(_publish(3, sip_if_match=gone))
        assert refused.status == 412
    assert (_is_on(book), len(book.notifier.publications)) == (True, 0)


def test_a_publication_ends_in_time_and_leaves_the_feature() -> None:
    """Its tag is unknown then."""
    book = _book()
    tag = _published(book, 1, DND_ON)
    book.pass_time(600)
    (answer,) = book.receive(_publish(2, sip_if_match=tag))
    assert (answer.status, _is_on(book), len(book.notifier.publications)) == (412, True, 0)


def test_a_tag_is_good_for_its_presentity_only() -> None:
    """RFC 3903 §6: against those for this resource."""
    book = _book()
    tag = _published(book, 1, DND_ON)
    (answer,) = book.receive(_publish(2, sip_if_match=tag, uri=b"sip:bob@example.com"))
    assert answer.status == 412
    _published(book, 3, sip_if_match=tag)


@pytest.mark.parametrize(
    ("request_", "status", "header"),
    [
        (_publish(1, DND_ON, event=b"presence"), 489, b"Allow-Events"),
        (_publish(1, DND_ON, event=None), 489, b"Allow-Events"),
        (_publish(1, DND_ON, uri=b"sip:example.com"), 404, b"Call-ID"),
        (_publish(1, DND_ON, expires=b"59"), 423, b"Min-Expires"),
        (_publish(1, DND_ON, expires=b"soon"), 400, b"Call-ID"),
        (_publish(1, DND_ON, expires=b"0"), 400, b"Call-ID"),
        (_publish(1), 400, b"Call-ID"),
        (_publish(1, b"x", content_type=b"application/pidf+xml"), 415, b"Accept"),
        (_publish(1, DND_ON, content_encoding=b"gzip"), 415, b"Accept-Encoding"),
        (_publish(1, b"<broken"), 400, b"Call-ID"),
        (_publish(1, DND_ON, sip_if_match=b"unknown"), 412, b"Call-ID"),
        (_publish(1, DND_ON, sip_if_match=b"a, b"), 400, b"Call-ID"),
        (_publish(1, DND_ON, sip_if_match=b""), 400, b"Call-ID"),
        (_publish(1, DND_ON, sip_if_match=b"*"), 412, b"Call-ID"),
        (_publish(1, DND_ON, require=b"x"), 420, b"Unsupported"),
        (_publish(1, DND_ON, to=b"<sip:alice@example.com>;tag=t"), 481, b"Call-ID"),
    ],
)
def test_what_cannot_be_published_gets_its_status(
    request_: bytes, status: int, header: bytes
) -> None:
    """RFC 3903 §6, step by step; nothing is set."""
    book = _book()
    (answer,) = book.receive(request_)
    assert (answer.status, header in answer.headers) == (status, True), answer.start
    assert book.notifier.counts[f"refused_{status}"] == 1
    assert (book.stored(ALICE).revision, len(book.notifier.publications)) == (0, 0)


def test_a_refused_modification_leaves_its_publication() -> None:
    """RFC 3903 §6: it must not succeed in part; the old tag is still good."""
    book = _book(_DENY % "CallForwardingAlways")
    tag = _published(book, 1, DND_ON)
    (answer,) = book.receive(_publish(2, _FORWARD, sip_if_match=tag))
    assert answer.status == 403
    _published(book, 3, sip_if_match=tag)


def test_it_is_answered_when_it_is_stored_and_not_before() -> None:
    """A 2xx is a promise; a store that fails is 503, and the publication is as it was."""
    store = SlowStore()
    book = Playbook(default_policies(), store=store)
    assert book.receive(_publish(1, DND_ON)) == []
    store.settle(now=book.now)
    (answer,) = book.sent()
    assert answer.status == 200
    tag = answer.headers[b"SIP-ETag"]
    dnd_off = DND_ON.replace(b"true", b"false")
    assert book.receive(_publish(2, dnd_off, sip_if_match=tag)) == []
    (second,) = book.receive(_publish(3, DND_ON, sip_if_match=tag))
    assert second.status == 412, "of two at once with one tag, the second is too late"
    store.settle(FULL, book.now)
    (answer,) = book.sent()
    assert (answer.status, b"Retry-After" in answer.headers) == (503, True)
    _published(book, 4, sip_if_match=tag)


def test_no_more_publications_are_known_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten, and counted; its peer publishes anew (RFC 3903 §5)."""
    monkeypatch.setattr(module, "AT_MOST", 2)
    book = _book()
    tags = [_published(book, number, DND_ON) for number in range(3)]
    publications = book.notifier.publications
    assert (len(publications), publications.counts) == (2, {"accepted": 3, "forgotten": 1})
    answers = [book.receive(_publish(10 + n, sip_if_match=tag)) for n, tag in enumerate(tags)]
    assert [answer.status for (answer,) in answers] == [412, 200, 200]


# --- Who may publish ---


def _allowed(book: Playbook, flow: Flow = FLOW) -> bytes:
    (answer,) = book.receive(message(b"OPTIONS"), flow)
    return answer.headers[b"Allow"]


def _told(book: Playbook, flow: Flow) -> Sent:
    (answer,) = book.receive(_publish(1, DND_ON), flow)
    return answer


def test_without_authentication_everybody_may_publish() -> None:
    """As everybody may set; the mode is for hosts that are all trusted."""
    book = _book()
    assert _told(book, _STRANGER).status == 200
    assert _allowed(book) == b"SUBSCRIBE, PUBLISH, OPTIONS, CANCEL"


def test_only_trusted_peers_may_publish() -> None:
    """A stranger learns so, whatever it asks; a password does not help."""
    book = Playbook(default_policies(), gate=Gate(None, TRUSTED))
    assert _allowed(book) == b"SUBSCRIBE, PUBLISH, OPTIONS, CANCEL"
    refused = _told(book, _STRANGER)
    assert refused.start == b"SIP/2.0 403 Only trusted peers may publish"
    assert not _is_on(book)
    assert _told(book, FLOW).status == 200
    assert _is_on(book)


def test_where_nobody_is_trusted_publish_is_no_method_of_ours() -> None:
    """405 names those that are; so does OPTIONS (RFC 3903 §7)."""
    book = Playbook(default_policies(), gate=gate())
    refused = _told(book, FLOW)
    assert (refused.status, refused.headers[b"Allow"]) == (405, b"SUBSCRIBE, OPTIONS, CANCEL")
    assert _allowed(book) == b"SUBSCRIBE, OPTIONS, CANCEL"
