"""SUBSCRIBE in, responses and NOTIFY out."""

import gc
from typing import Any

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Decision
from dfks_rules.model.features import Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, FeatureRequest, Operation
from dfks_rules.presence.package import Limits, OnNotifyTimeout
from dfks_rules.presence.profile import Profile, Profiles, Row
from tests.helpers.playbook import (
    DND_ON,
    Playbook,
    Sent,
    default_policies,
    message,
    tag_of,
)
from tests.helpers.policy import ALICE, DND, NOON, OPERATOR, PHONE, policies
from tests.helpers.states import agent
from tests.helpers.stores import SlowStore

_FORWARD_TO_BOB = (
    b"<SetForwarding><forwardDN>sip:bob@example.com</forwardDN>"
    b"<forwardingType>forwardBusy</forwardingType><activateForward>true</activateForward>"
    b"</SetForwarding>"
)


def _playbook(limits: Limits | None = None) -> Playbook:
    return Playbook(default_policies(), limits)


def _subscribed(book: Playbook, number: int = 1) -> Sent:
    """Subscribe one phone and confirm its first NOTIFY; the 200."""
    response, notify = book.receive(_subscribe(number))
    book.answer(notify)
    return response


def _subscribe(number: int, **changes: bytes | None) -> bytes:
    via = b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bKs%d" % number
    headers = {"via": via, "call_id": b"call-%d" % number, **changes}
    return message(b"SUBSCRIBE", b"", **headers)


def _again(response: Sent, cseq: int, body: bytes = b"", **changes: bytes | None) -> bytes:
    """A SUBSCRIBE in the dialog that `response` made."""
    call_id = response.headers[b"Call-ID"]
    dialog = {
        "via": b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK%b-%d" % (call_id, cseq),
        "to": response.headers[b"To"],
        "call_id": call_id,
        "cseq": b"%d SUBSCRIBE" % cseq,
    }
    return message(b"SUBSCRIBE", body, **{**dialog, **changes})


def test_subscribe_is_answered_before_its_notify_with_all_features() -> None:
    """RFC 6665 §4.2.1.2: 200 at once, then the whole state in the dialog that it made."""
    response, notify = _playbook().receive(message())
    assert response.status == 200
    assert response.headers[b"Expires"] == b"600"
    assert notify.start == b"NOTIFY sip:alice@192.0.2.7:5062 SIP/2.0"
    assert notify.headers[b"From"].endswith(b";tag=" + tag_of(response))
    assert notify.headers[b"Subscription-State"] == b"active;expires=600"
    assert notify.body.count(b"<DoNotDisturbEvent") == 1
    assert notify.body.count(b"<ForwardingEvent") == 3


@pytest.mark.parametrize(
    ("request_", "status", "header"),
    [
        (message(event=b"presence"), 489, b"Allow-Events"),
        (message(event=None), 489, b"Allow-Events"),
        (message(expires=b"59"), 423, b"Min-Expires"),
        (message(expires=b"soon"), 400, b"Call-ID"),
        (message(event=b"presence, as-feature-event"), 489, b"Allow-Events"),
        (message(event=b"as-feature-event, presence"), 400, b"Call-ID"),
        (message(event=b"as-feature-event;id=1, presence"), 400, b"Call-ID"),
        (message(event=b"as-feature-event\r\nEvent: presence"), 400, b"Call-ID"),
        (message(accept=b"application/sdp"), 406, b"Call-ID"),
        (message(require=b"100rel, x"), 420, b"Unsupported"),
        (message(contact=None), 400, b"Call-ID"),
        (message(uri=b"sip:example.com"), 404, b"Call-ID"),
        (message(to=b"<sip:alice@example.com>;tag=gone"), 481, b"Call-ID"),
        (message(**{"from": b"<sip:mallory@example.com>;tag=m"}), 403, b"Call-ID"),
        (message(body=b"<broken"), 400, b"Call-ID"),
        (message(body=b"x", content_type=b"text/plain"), 415, b"Accept"),
        (message(body=DND_ON, content_encoding=b"gzip"), 415, b"Accept-Encoding"),
        (message(b"INVITE"), 405, b"Allow"),
        (message(b"DANCE"), 501, b"Allow"),
        (message(b"OPTIONS"), 200, b"Accept"),
        (message(b"BYE", to=b"<sip:alice@example.com>;tag=gone"), 481, b"Call-ID"),
    ],
)
def test_requests_that_cannot_be_served_get_their_status(
    request_: bytes, status: int, header: bytes
) -> None:
    """A peer learns what was wrong and, where the RFCs have it, what would be right."""
    book = _playbook()
    (response,) = book.receive(request_)
    assert response.status == status
    assert header in response.headers
    assert len(book.notifier.subscriptions) == 0


@pytest.mark.parametrize(
    ("wish", "granted"), [(None, b"3600"), (b"60", b"60"), (b"4294967296", b"86400")]
)
def test_duration_is_granted_within_the_limits(wish: bytes | None, granted: bytes) -> None:
    """RFC 6665 §4.2.1.1: shorter than asked is fine, longer is not."""
    response, _ = _playbook().receive(message(expires=wish))
    assert response.headers[b"Expires"] == granted


def test_repeated_subscribe_is_answered_again_without_a_second_notify() -> None:
    """RFC 3261 §17.2.2: a lost 200 must not press a key twice."""
    book = _playbook()
    first, _ = book.receive(message(body=DND_ON))
    assert book.receive(message(body=DND_ON)) == [first]
    assert book.stored(ALICE).revision == 1


def test_set_is_stored_then_told_to_the_phone_and_to_the_others() -> None:
    """What the system is for; the phone that set hears of that feature only."""
    book = _playbook()
    dialog = _subscribed(book, 1)
    _subscribed(book, 2)
    response, own, other = book.receive(_again(dialog, 2, DND_ON))
    assert response.status == 200
    assert book.stored(ALICE).state(DND).status
    for notify in (own, other):
        assert b"<doNotDisturbOn>true<" in notify.body
        assert b"<ForwardingEvent" not in notify.body
    assert (own.headers[b"Call-ID"], other.headers[b"Call-ID"]) == (
        b"call-1",
        b"call-2",
    )


def test_set_in_a_new_dialog_is_answered_with_all_features() -> None:
    """A phone that lost its dialog needs to learn its other keys, too."""
    _, notify = _playbook().receive(message(body=DND_ON))
    assert b"<doNotDisturbOn>true<" in notify.body
    assert notify.body.count(b"<ForwardingEvent") == 3


def test_set_that_changes_nothing_is_told_to_nobody_else() -> None:
    """No NOTIFY storm from phones that press a key that is already on."""
    book = _playbook()
    dialog = _subscribed(book, 1)
    _subscribed(book, 2)
    for notify in book.receive(_again(dialog, 2, DND_ON))[1:]:
        book.answer(notify)
    sent = book.receive(_again(dialog, 3, DND_ON))
    assert [one.headers[b"Call-ID"] for one in sent[1:]] == [b"call-1"]


def test_request_with_an_old_cseq_is_refused() -> None:
    """RFC 3261 §12.2.2: an overtaken SUBSCRIBE must not set an older state."""
    book = _playbook()
    dialog = _subscribed(book)
    book.receive(_again(dialog, 3))
    (response,) = book.receive(_again(dialog, 2, DND_ON))
    assert response.status == 500
    assert book.stored(ALICE).revision == 0


def test_a_refresh_moves_the_cseq_and_the_target_of_its_dialog() -> None:
    """RFC 3261 §12.2.2: what is older than it is refused, and NOTIFYs go to its Contact."""
    book = _playbook()
    dialog = _subscribed(book)
    _, notify = book.receive(_again(dialog, 5, contact=b"<sip:alice@192.0.2.99>"))
    assert notify.start == b"NOTIFY sip:alice@192.0.2.99 SIP/2.0"
    (response,) = book.receive(_again(dialog, 4, via=b"SIP/2.0/UDP b;branch=z9hG4bK4"))
    assert response.start == b"SIP/2.0 500 CSeq out of order"


def test_unsubscribe_gets_a_last_notify_with_the_states() -> None:
    """RFC 6665 §4.2.1.4: Expires 0 ends with a NOTIFY that says so."""
    book = _playbook()
    dialog = _subscribed(book)
    response, notify = book.receive(_again(dialog, 2, expires=b"0"))
    assert response.headers[b"Expires"] == b"0"
    assert notify.headers[b"Subscription-State"] == b"terminated;reason=timeout"
    assert notify.body
    assert len(book.notifier.subscriptions) == 0


def test_fetch_leaves_no_subscription_behind() -> None:
    """RFC 6665 §4.4.3: Expires 0 in a new dialog asks once."""
    book = _playbook()
    _, notify = book.receive(message(expires=b"0"))
    assert notify.headers[b"Subscription-State"] == b"terminated;reason=timeout"
    assert len(book.notifier.subscriptions) == 0


def test_subscription_ends_at_its_deadline_and_not_before() -> None:
    """RFC 6665 §4.2.2; a refresh moves the deadline."""
    book = _playbook()
    dialog = _subscribed(book)
    book.pass_time(400)
    _, notify = book.receive(_again(dialog, 2))
    book.answer(notify)
    assert book.pass_time(599) == []
    assert book.notifier.next_deadline() is not None
    (last,) = book.pass_time(1)
    assert last.headers[b"Subscription-State"] == b"terminated;reason=timeout"


def test_changes_wait_for_the_outstanding_notify_and_become_one() -> None:
    """One outstanding NOTIFY for each dialog: none overtakes another."""
    book = _playbook()
    dialog = _subscribed(book, 1)
    _, first = book.receive(_subscribe(2))
    off = DND_ON.replace(b"true", b"false")
    for cseq, body in ((2, DND_ON), (3, off), (4, DND_ON)):
        sent = book.receive(_again(dialog, cseq, body))
        assert b"call-2" not in [one.headers[b"Call-ID"] for one in sent]
    (merged,) = book.answer(first)
    assert merged.headers[b"Call-ID"] == b"call-2"
    assert merged.cseq == 2
    assert merged.body.count(b"<doNotDisturbOn>true<") == 1


@pytest.mark.parametrize(
    ("setting", "left"), [(OnNotifyTimeout.KEEP, 1), (OnNotifyTimeout.DROP, 0)]
)
def test_unanswered_notify_is_repeated_for_32_seconds(setting: OnNotifyTimeout, left: int) -> None:
    """RFC 3261 §17.1.2.2: timers E and F; then the setting decides."""
    book = _playbook(Limits(on_notify_timeout=setting))
    _, notify = book.receive(message())
    repeats = [one for _ in range(64) for one in book.pass_time(0.5)]
    assert repeats == [notify] * 10
    assert len(book.notifier.subscriptions) == left
    assert book.endpoint.next_deadline() is None


def test_lost_state_is_told_with_the_next_change() -> None:
    """A NOTIFY that nobody confirmed must not leave a key wrong forever."""
    book = _playbook()
    dialog = _subscribed(book, 1)
    _subscribed(book, 2)
    own, _lost = book.receive(_again(dialog, 2, DND_ON))[1:]
    book.answer(own)
    for _ in range(64):
        book.pass_time(0.5)
    _, _, other = book.receive(_again(dialog, 3, _FORWARD_TO_BOB))
    assert b"<doNotDisturbOn>true<" in other.body
    assert b"sip:bob@example.com" in other.body


def test_refresh_watchers_tells_all_features_to_each() -> None:
    """The MI command `refreshWatchers`."""
    book = _playbook()
    _subscribed(book, 1)
    _subscribed(book, 2)
    assert book.notifier.refresh_watchers(ALICE, NOON, 0.0) == 2
    assert [one.body.count(b"<ForwardingEvent") for one in book.sent()] == [3, 3]


def test_deactivation_ends_every_subscription() -> None:
    """Phones subscribe again at once when the server stops (RFC 6665 §4.1.3)."""
    book = _playbook()
    _subscribed(book, 1)
    _subscribed(book, 2)
    assert book.notifier.deactivate(book.now, 2) == 0
    states = [one.headers[b"Subscription-State"] for one in book.sent()]
    assert states == [b"terminated;reason=deactivated"] * 2


def test_refused_set_is_answered_as_the_policy_says() -> None:
    """`reject-403` answers 403 and puts the key right by a NOTIFY in a dialog that lives."""
    rule = (
        "- {id: no, when: {op: set}, then: {deny: {reason: no, answer: reject-403, text: Never}}}"
    )
    book = Playbook(policies(rule))
    assert [one.start for one in book.receive(message(body=DND_ON))] == [b"SIP/2.0 403 Never"]
    dialog = _subscribed(book, 2)
    response, notify = book.receive(_again(dialog, 2, DND_ON))
    assert response.status == 403
    assert b"<doNotDisturbOn>false<" in notify.body
    assert len(book.notifier.subscriptions) == 1


def test_subscription_that_is_no_longer_admitted_ends_as_rejected() -> None:
    """RFC 6665 §4.1.3: the phone must not try again."""
    book = _playbook()
    dialog = _subscribed(book)
    rule = "- {id: no, when: {op: subscribe}, then: {deny: gone}}"
    book.live.activate(policies(rule))
    sent = book.receive(_again(dialog, 2))
    assert sorted(one.status for one in sent) == [0, 403]
    (notify,) = (one for one in sent if one.status == 0)
    assert notify.headers[b"Subscription-State"] == b"terminated;reason=rejected"


def test_store_that_fails_is_answered_503_while_a_phone_is_admitted() -> None:
    """Bad disks get a clear error: no crash, no silence; and the phone comes back."""
    store = SlowStore()
    store.is_broken = True
    book = Playbook(default_policies(), store=store)
    (response,) = book.receive(message())
    assert (response.status, response.headers[b"Retry-After"]) == (503, b"10")
    assert book.log.failures == [(ALICE, "store_unavailable")]


def test_all_of_a_request_is_decided_by_the_policies_it_began_with() -> None:
    """They may be replaced while the disk works, and their memory is gone then."""
    store = SlowStore()
    book = Playbook(default_policies(), store=store)
    assert book.receive(message(body=DND_ON)) == []
    book.live.active.close()
    book.live.activate(policies("- {id: off, when: {op: get}, then: {assigned: false}}"))
    store.settle()
    response, notify = book.sent()
    assert response.status == 200
    assert b"<doNotDisturbOn>true<" in notify.body
    assert notify.body.count(b"<ForwardingEvent") == 3


def test_a_commit_that_fails_refuses_a_new_dialog_once() -> None:
    """A set and a get wait for it; the phone gets one answer."""
    store = SlowStore()
    book = Playbook(default_policies(), store=store)
    book.receive(message(body=DND_ON))
    store.settle(StoreError("store_unavailable", "disk is full"))
    (response,) = book.sent()
    assert (response.status, response.headers[b"Retry-After"]) == (503, b"10")
    assert len(book.notifier.subscriptions) == 0


def test_no_request_leaves_reference_cycles_behind() -> None:
    """The server has the garbage collector look rarely: what requests make must go by itself."""
    book = _playbook()
    gc.collect()
    gc.disable()
    try:
        dialog, other = _subscribed(book), _subscribed(book, 2)
        book.receive(_again(dialog, 2, DND_ON))
        book.receive(_again(other, 2, expires=b"0"))
        for refused in (
            _subscribe(3, event=None),
            _subscribe(4, expires=b"1"),
            message(to=b"?"),
        ):
            book.receive(refused)
        book.receive(_again(dialog, 3, b"<broken"))
        book.pass_time(3600.0)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_subscription_that_has_ended_leaves_no_reference_cycle_behind() -> None:
    """It and its last NOTIFY knew each other: 2 KB for each, until the collector came."""
    book = _playbook()
    gc.collect()
    gc.disable()
    try:
        for number, status in enumerate((200, 481)):
            dialog = _subscribed(book, number)
            _, last = book.receive(_again(dialog, 2, expires=b"0"))
            book.answer(last, status)
        _subscribed(book, 3)
        book.receive(_subscribe(4, expires=b"0"))  # Nobody answers this one.
        for _ in range(700):
            book.pass_time(1.0)
        del dialog, last
        assert len(book.notifier.subscriptions) == 0
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_shortened_refresh_expires_on_time() -> None:
    """3600, then 60: the phone has to hear that it is over after a minute."""
    book = _playbook()
    response, notify = book.receive(_subscribe(1, expires=b"3600"))
    book.answer(notify)
    _, notify = book.receive(_again(response, 2, expires=b"60"))
    book.answer(notify)
    assert book.notifier.next_deadline() == 60
    assert book.pass_time(59) == []
    (last,) = book.pass_time(1)
    assert last.headers[b"Subscription-State"] == b"terminated;reason=timeout"
    assert len(book.notifier.subscriptions) == 0


def _refreshing(store: SlowStore) -> tuple[Playbook, Sent]:
    """A subscription of 600 s whose set waits for its commit while its time runs out."""
    book = Playbook(default_policies(), store=store)
    dialog = _subscribed(book)
    book.pass_time(599)
    assert book.receive(_again(dialog, 2, DND_ON)) == []
    (trying,) = book.pass_time(30)
    assert trying.status == 100, "the old deadline does not hold"
    return book, dialog


def test_a_refresh_that_waits_for_its_commit_is_not_ended_by_its_old_deadline() -> None:
    """The phone asked in time; that the disk is slow is not its fault."""
    store = SlowStore()
    book, _ = _refreshing(store)
    store.settle(now=book.now)
    response, notify = book.sent()
    assert (response.status, response.headers[b"Expires"]) == (200, b"600")
    assert notify.headers[b"Subscription-State"] == b"active;expires=600"
    book.answer(notify)
    assert book.pass_time(599) == []
    assert len(book.pass_time(1)) == 1


def test_a_refresh_that_fails_leaves_the_old_deadline() -> None:
    """It has passed meanwhile: the subscription ends, with its NOTIFY."""
    store = SlowStore()
    book, _ = _refreshing(store)
    store.settle(StoreError("store_unavailable", "disk is full"), book.now)
    (response,) = book.sent()
    assert response.status == 503
    (last,) = book.pass_time(1)
    assert last.headers[b"Subscription-State"] == b"terminated;reason=timeout"


def test_a_request_whose_subscription_ended_meanwhile_is_answered_481() -> None:
    """Its phone refused a NOTIFY: it begins anew, and learns all that holds."""
    store = SlowStore()
    book = Playbook(default_policies(), store=store)
    dialog, first = book.receive(_subscribe(1))
    assert book.receive(_again(dialog, 2, DND_ON)) == []
    book.answer(first, 481)
    store.settle()
    (response,) = book.sent()
    assert response.status == 481
    assert len(book.notifier.subscriptions) == 0


def test_another_event_id_would_be_another_subscription_in_the_same_dialog() -> None:
    """RFC 6665 §4.5.2: dialogs are not shared, and that is what it is told; the dialog lives on."""
    book = _playbook()
    response, notify = book.receive(_subscribe(1, event=b"as-feature-event;id=1"))
    assert notify.headers[b"Event"] == b"as-feature-event;id=1"
    book.answer(notify)
    for other in (b"as-feature-event;id=2", b"as-feature-event"):
        (refused,) = book.receive(_again(response, 2, event=other))
        assert refused.start == b"SIP/2.0 403 Dialog sharing is not supported"
    assert len(book.notifier.subscriptions) == 1
    accepted, _ = book.receive(_again(response, 3, event=b"as-feature-event;id=1"))
    assert accepted.status == 200


def test_what_is_for_proxies_does_not_keep_a_phone_from_subscribing() -> None:
    """RFC 3261 §16.3: Max-Forwards 0 has arrived, and Proxy-Require is for proxies."""
    sent = _playbook().receive(message(max_forwards=b"0", proxy_require=b"x"))
    assert [one.status for one in sent] == [200, 0]


_HIDE = (
    "- {id: hide, when: {op: get, feature: DoNotDisturb, userAgent: bob}, then: {assigned: false}}"
)
_FORWARD = (
    b"<SetForwarding><forwardDN>%d</forwardDN><forwardingType>forwardBusy</forwardingType>"
    b"<activateForward>true</activateForward></SetForwarding>"
)


def _dnd(notify: Sent) -> bool:
    return b"<doNotDisturbOn>" in notify.body


def _two_phones(book: Playbook) -> Sent:
    """Phones of the User-Agents `alice` and `bob`; the dialog of the first."""
    dialogs = []
    for number, user_agent in ((1, b"alice"), (2, b"bob")):
        response, notify = book.receive(_subscribe(number, user_agent=user_agent))
        assert _dnd(notify) is (user_agent == b"alice")
        book.answer(notify)
        dialogs.append(response)
    return dialogs[0]


def test_a_watcher_is_told_of_a_change_what_a_get_by_it_would_tell() -> None:
    """A rule that hides a key on get hides it when somebody else presses it, too."""
    book = Playbook(policies(_HIDE))
    dialog = _two_phones(book)
    response, own = book.receive(_again(dialog, 2, DND_ON, user_agent=b"alice"))
    assert (response.status, own.headers[b"Call-ID"], _dnd(own)) == (
        200,
        b"call-1",
        True,
    )
    sent = book.receive(_again(dialog, 3, _FORWARD % 7, user_agent=b"alice"))
    assert [one.headers[b"Call-ID"] for one in sent] == [
        b"call-1",
        b"call-1",
        b"call-2",
    ]
    assert b"<forwardTo>7<" in sent[2].body
    assert not _dnd(sent[2])


def test_refresh_watchers_asks_as_the_watcher() -> None:
    """An operator may not have a phone told what is not for it."""
    book = Playbook(policies(_HIDE))
    _two_phones(book)
    assert book.notifier.refresh_watchers(ALICE, NOON, book.now) == 2
    assert [_dnd(one) for one in book.sent()] == [True, False]


def test_refresh_watchers_says_nothing_to_one_that_ended_meanwhile() -> None:
    """The get waits for a commit; after its last NOTIFY a phone is told nothing."""
    store = SlowStore()
    book = Playbook(default_policies(), store=store)
    dialog, other = _subscribed(book, 1), _subscribed(book, 2)
    assert book.receive(_again(dialog, 2, DND_ON)) == []
    assert book.notifier.refresh_watchers(ALICE, NOON, book.now) == 2
    book.live.activate(policies("- {id: no, when: {op: subscribe}, then: {deny: gone}}"))
    book.receive(_again(other, 2))
    store.settle()
    assert {one.headers[b"Call-ID"] for one in book.sent()} == {b"call-1"}


@pytest.mark.parametrize(
    ("rules", "decisions"),
    [
        ("[]", 0),
        ("- {id: r, when: {op: get}, then: {log: asked, status: stored}}", 0),
        ("- {id: r, when: {op: get}, then: {status: 1}}", 1),
        ("- {id: r, when: {op: get, stored.status: 1}, then: {status: 1}}", 1),
        ("- {id: r, when: {op: get, userAgent: x}, then: {assigned: false}}", 3),
    ],
)
def test_one_decision_serves_all_unless_a_get_rule_reads_who_asks(
    rules: str, decisions: int
) -> None:
    """A thousand phones of one user cost one decision."""
    book = Playbook(policies(rules))
    dialog = _subscribed(book, 1)
    for number in (2, 3, 4):
        _subscribed(book, number)
    looks: list[FeatureRequest] = []
    active = book.live.active

    class _Counting:
        reads = active.reads
        reads_on_get = active.reads_on_get
        timing = active.timing
        decide_gets = active.decide_gets
        pinned = active
        reads_counts = active.reads_counts
        members_of = active.members_of
        target_of = active.target_of

        def decide(self, request: FeatureRequest, *args: Any) -> Decision:
            if request.operation is Operation.GET:
                looks.append(request)
            return active.decide(request, *args)

    book.features._policies = _Counting()
    sent = book.receive(_again(dialog, 2, DND_ON))
    assert len(sent) == 2 + 3
    assert len(looks) == decisions


def test_a_change_is_shown_as_of_the_moment_when_it_is_told() -> None:
    """A rule about the time of day counts when the phone is told, not when another asked."""
    rule = """
        - id: night
          when: {op: get, time: {ge: "12:00", lt: "12:01"}}
          then: {assigned: false}
    """
    store = SlowStore()
    book = Playbook(policies(rule), store=store)
    dialog = _subscribed(book, 1)
    _subscribed(book, 2)
    book.receive(_again(dialog, 2, DND_ON))
    store.settle(now=book.now + 90)
    assert [one.headers[b"Call-ID"] for one in book.sent()] == [
        b"call-1",
        b"call-1",
        b"call-2",
    ]


def test_two_presses_that_wait_for_the_disk_are_told_once_each_to_their_phone() -> None:
    """The phone that asked is not told again as one that watches."""
    store = SlowStore()
    book = Playbook(default_policies(), store=store)
    dialog = _subscribed(book)
    book.receive(_again(dialog, 2, DND_ON))
    book.receive(_again(dialog, 3, DND_ON.replace(b"true", b"false")))
    store.settle()
    store.settle()
    sent = book.sent()
    assert [one.status for one in sent] == [200, 0, 200, 0]
    assert book.answer(sent[3]) == []


def test_of_a_refused_request_what_it_did_change_is_not_told_to_its_phone_twice() -> None:
    """One body, two sets: one is stored, the other is answered 403."""
    rule = (
        "- {id: no, when: {op: set, feature: CallForwardingBusy},"
        " then: {deny: {reason: no, answer: reject-403}}}"
    )
    book = Playbook(policies(rule))
    dialog = _subscribed(book, 1)
    _subscribed(book, 2)
    parts = b"".join(
        b"--x\r\nContent-Type: application/x-as-feature-event+xml\r\n\r\n%b\r\n" % part
        for part in (DND_ON, _FORWARD % 1)
    )
    body = parts + b"--x--\r\n"
    sent = book.receive(_again(dialog, 2, body, content_type=b"multipart/mixed;boundary=x"))
    assert [one.status for one in sent] == [403, 0, 0]
    assert [one.headers[b"Call-ID"] for one in sent[1:]] == [b"call-1", b"call-2"]
    assert book.answer(sent[1]) == []


def test_a_stop_ends_so_many_at_a_time() -> None:
    """What paces it says how many; what is left is told."""
    book = _playbook()
    for number in (1, 2, 3):
        _subscribed(book, number)
    assert [book.notifier.deactivate(book.now, 2) for _ in range(3)] == [1, 0, 0]
    assert len(book.sent()) == 3
    assert book.notifier.counts["ended_deactivated"] == 3


def test_what_happens_is_counted() -> None:
    """An operator sees how subscriptions come and go, and what is refused."""
    book = _playbook()
    dialog = _subscribed(book, 1)
    _, notify = book.receive(_again(dialog, 2))
    book.answer(notify)
    book.receive(_subscribe(2, expires=b"0"))
    book.receive(_subscribe(3, event=b"presence"))
    book.receive(_subscribe(4, event=b"presence"))
    book.receive(_again(dialog, 3, expires=b"0"))
    counts = {name: count for name, count in book.notifier.counts.items() if count}
    assert counts == {
        "subscriptions_made": 1,
        "subscriptions_refreshed": 2,
        "subscriptions_fetched": 1,
        "ended_timeout": 2,
        "notify_sent": 4,
        "notify_answered": 2,
        "refused_489": 2,
    }


def test_a_watcher_whose_view_cannot_be_read_is_not_told_and_counted() -> None:
    """Of two evils: what it may not see is not guessed."""
    store = SlowStore()
    rule = "- {id: loop, when: {op: get, target.loop: true}, then: {assigned: false}}"
    book = Playbook(policies(rule), store=store)
    dialog = _subscribed(book, 1)
    _subscribed(book, 2)
    book.receive(_again(dialog, 2, _FORWARD % 1))
    store.is_broken = True
    store.settle()
    assert [one.headers[b"Call-ID"] for one in book.sent()] == [b"call-1", b"call-1"]
    assert book.notifier.counts["changes_untold"] == 1


@pytest.mark.parametrize("rule", ["target.loop: true", "userAgent: x, target.loop: true"])
def test_a_watcher_whose_view_is_not_known_yet_is_told_once_it_is(rule: str) -> None:
    """It can be read, if somebody asks for it: whether all are shown the same, or each its own."""
    store = SlowStore()
    never = f"- {{id: loop, when: {{op: get, {rule}}}, then: {{assigned: false}}}}"
    book = Playbook(policies(never), store=store)
    dialog = _subscribed(book, 1)
    for number in (2, 3):
        _subscribed(book, number)
    book.receive(_again(dialog, 2, _FORWARD % 1))
    store.unknown.add(ALICE)
    store.is_fetched_at_once = False
    store.settle()
    assert {one.headers[b"Call-ID"] for one in book.sent()} == {b"call-1"}
    while store.fetches:
        store.answer_fetch()
    told = book.sent()
    assert [one.headers[b"Call-ID"] for one in told] == [b"call-2", b"call-3"]
    assert all(b"<forwardTo>1<" in one.body for one in told)
    assert book.notifier.counts["changes_untold"] == 0


def test_refresh_that_fails_by_a_bug_is_answered_and_its_subscription_still_expires(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It once waited for its outcome for good: never answered, and never forgotten."""
    rule = "- {id: loop, when: {op: set, target.loop: true}, then: {deny: loop}}"
    book = Playbook(policies(rule))
    subscribed = _subscribed(book)
    known = book.store.known

    def broken(presentity: Aor) -> Snapshot | None:
        if presentity != ALICE:
            raise ZeroDivisionError
        return known(presentity)

    monkeypatch.setattr(book.store, "known", broken)
    with pytest.raises(ZeroDivisionError):
        book.receive(_again(subscribed, 2, _FORWARD_TO_BOB))
    (answer,) = book.sent()
    assert answer.status == 500
    (notify,) = book.pass_time(601)
    assert notify.headers[b"Subscription-State"] == b"terminated;reason=timeout"
    book.pass_time(64)
    assert len(book.endpoint.servers) == 0


def _profiled(profile: Profile) -> Playbook:
    """A notifier that treats phones of Acme in a way of their own."""
    return Playbook(default_policies(), profiles=Profiles([Row(("Acme*",), profile)]))


def _acme(response: Sent, cseq: int, body: bytes = b"", **changes: bytes | None) -> bytes:
    return _again(response, cseq, body, **{"user_agent": b"Acme/1", **changes})


DND_OFF = DND_ON.replace(b"true", b"false")


def test_an_echo_is_neither_decided_nor_told() -> None:
    """It gets its 200, a NOTIFY without a body, and longer life."""
    book = _profiled(Profile("echoing", echoes_ignored=True))
    response, notify = book.receive(_subscribe(1, user_agent=b"Acme/1"))
    book.answer(notify)
    outcomes = len(book.log.outcomes)
    answer, empty = book.receive(_acme(response, 2, DND_OFF))
    assert (answer.status, answer.headers[b"Expires"], empty.body) == (200, b"600", b"")
    assert len(book.log.outcomes) == outcomes
    assert book.notifier.counts["sets_echoed"] == 1
    book.answer(empty)
    book.receive(_acme(response, 3, DND_ON))
    assert [one.after.status for one in book.log.outcomes[outcomes:]] == [True]


def test_an_echo_may_end_its_subscription() -> None:
    """Expires: 0 counts, whatever its body is worth."""
    book = _profiled(Profile("echoing", echoes_ignored=True))
    response, notify = book.receive(_subscribe(1, user_agent=b"Acme/1"))
    book.answer(notify)
    _, last = book.receive(_acme(response, 2, DND_OFF, expires=b"0"))
    assert last.headers[b"Subscription-State"] == b"terminated;reason=timeout"
    assert len(book.notifier.subscriptions) == 0


def test_phones_without_the_profile_set_what_they_say() -> None:
    """The same messages of another User-Agent."""
    book = _profiled(Profile("echoing", echoes_ignored=True))
    response = _subscribed(book)
    _, notify = book.receive(_again(response, 2, DND_OFF))
    assert b"<DoNotDisturbEvent" in notify.body
    assert book.notifier.counts["sets_echoed"] == 0


def test_a_phone_that_repeats_its_set_refreshes() -> None:
    """What an operator has changed stays, and it is told all states as at any refresh."""
    book = _profiled(Profile("repeating", refreshes_from=0.5))
    response, notify = book.receive(_subscribe(1, user_agent=b"Acme/1"))
    book.answer(notify)
    _, notify = book.receive(_acme(response, 2, DND_ON))
    book.answer(notify)
    book.features.set(
        ALICE, [Asked(DND, FeatureState(False))], OPERATOR, NOON, book.now, lambda *_: None
    )
    (notify,) = book.sent()
    book.answer(notify)
    book.pass_time(400)
    answer, notify = book.receive(_acme(response, 3, DND_ON))
    assert (answer.status, answer.headers[b"Expires"]) == (200, b"600")
    assert b"<doNotDisturbOn>false<" in notify.body
    assert notify.body.count(b"<device>") == 4
    assert book.notifier.counts["sets_repeated"] == 1
    book.answer(notify)
    _, notify = book.receive(_acme(response, 4, DND_ON))
    assert b"<doNotDisturbOn>true<" in notify.body


def test_sets_in_the_first_subscribe_may_be_repeated_too() -> None:
    """A phone that lost its dialog begins with them."""
    book = _profiled(Profile("repeating", refreshes_from=0.5))
    response, notify = book.receive(
        message(b"SUBSCRIBE", DND_ON, user_agent=b"Acme/1", call_id=b"call-1")
    )
    book.answer(notify)
    book.pass_time(400)
    book.receive(_acme(response, 2, DND_ON))
    assert book.notifier.counts["sets_repeated"] == 1


def test_a_profile_that_is_gone_no_longer_holds() -> None:
    """A reload counts from the next SUBSCRIBE of the phone on."""
    profiles = Profiles(default=Profile("echoing", echoes_ignored=True))
    book = Playbook(default_policies(), profiles=profiles)
    response = _subscribed(book)
    profiles.use(())
    _, notify = book.receive(_again(response, 2, DND_OFF))
    assert b"<DoNotDisturbEvent" in notify.body
    (subscription,) = book.notifier.subscriptions
    assert subscription.display is None


@pytest.mark.parametrize("is_seen", [True, False])
def test_a_profile_may_send_notify_to_where_the_phone_is_seen(is_seen: bool) -> None:
    """A phone behind NAT that writes a public address of its own, which may be wrong."""
    book = _profiled(Profile("nat", seen=is_seen))
    _, notify = book.receive(
        _subscribe(1, user_agent=b"Acme/1", contact=b"<sip:alice@198.51.100.9:5099>")
    )
    seen, written = ("192.0.2.7", 5062), ("198.51.100.9", 5099)
    assert notify.flow.remote == (seen if is_seen else written)


AGENT_READY = b"<SetAgentState><requestedAgentState>ready</requestedAgentState></SetAgentState>"
ASSIGNED = "[{id: agents, when: {feature: AgentState, user: alice}, then: {assigned: true}}]"
BOB_ASSIGNED = """
    - id: agents
      when: {feature: AgentState, userAgent: {has: headset}}
      then: {assigned: true}
"""


def _of_operator(book: Playbook) -> list[Sent]:
    """What is sent when an operator makes Alice ready."""
    asked = [Asked(Feature.AGENT_STATE, agent(status=True))]
    book.features.set(ALICE, asked, OPERATOR, NOON, book.now, lambda _outcomes, _now: None)
    return book.sent()


def test_agent_state_is_kept_but_told_to_nobody_unless_a_rule_assigns_it() -> None:
    """To a phone outside a call centre it is a document that it does not know."""
    book = _playbook()
    dialog = _subscribed(book, 1)
    _subscribed(book, 2)
    response, notify = book.receive(_again(dialog, 2, AGENT_READY))
    assert (response.status, notify.body) == (200, b"")
    book.answer(notify)
    assert book.features.look(ALICE, [Feature.AGENT_STATE], PHONE, NOON) == ()
    _, whole = book.receive(_again(dialog, 3))
    assert b"Agent" not in whole.body
    assert _of_operator(book) == []
    snapshot = book.stored(ALICE)
    assert snapshot.state(Feature.AGENT_STATE) == agent("ready")


def test_agent_state_is_told_to_all_where_a_rule_assigns_it() -> None:
    """As the first four are: whole, after a set, and after a set by an operator."""
    book = Playbook(policies(ASSIGNED))
    response, whole = book.receive(_subscribe(1))
    assert whole.body.count(b"<AgentLoggedOffEvent") == 1
    book.answer(whole)
    _subscribed(book, 2)
    _, notify, other = book.receive(_again(response, 2, AGENT_READY.replace(b"ready", b"loggedOn")))
    assert [b"<AgentLoggedOnEvent" in one.body for one in (notify, other)] == [True, True]
    book.answer(notify)
    book.answer(other)
    assert [b"<AgentReadyEvent" in one.body for one in _of_operator(book)] == [True, True]


def test_agent_state_is_told_only_to_the_phones_that_a_rule_assigns_it_to() -> None:
    """Alice's desk phone does not know it, her headset does."""
    book = Playbook(policies(BOB_ASSIGNED))
    _, whole = book.receive(_subscribe(1))
    assert b"Agent" not in whole.body
    book.answer(whole)
    headset = {"user_agent": b"headset"}
    response, whole = book.receive(_subscribe(2, **headset))
    assert b"<AgentLoggedOffEvent" in whole.body
    book.answer(whole)
    sent = book.receive(_again(response, 2, AGENT_READY, **headset))
    assert [one.headers[b"Call-ID"] for one in sent] == [b"call-2", b"call-2"]
    assert b"<AgentReadyEvent" in sent[1].body


def test_a_body_that_makes_a_dialog_tells_an_assigned_agent_state_once() -> None:
    """Gets and sets are told apart whatever features the gets are about."""
    for rules, count in ((ASSIGNED, 1), ("[]", 0)):
        book = Playbook(policies(rules))
        _, notify = book.receive(message(body=AGENT_READY))
        assert notify.body.count(b"<AgentReadyEvent") == count
        assert notify.body.count(b"<DoNotDisturbEvent") == 1


def test_user_who_sends_too_much_is_refused_and_others_are_not() -> None:
    """A phone with a stuck key, or a program: each set costs a commit and its NOTIFYs."""
    book = _playbook(Limits(per_user=5))
    statuses = [book.receive(_subscribe(number))[0].status for number in range(20)]
    assert statuses == [200] * 5 + [503] * 15
    refused = book.receive(_subscribe(20))[0]
    assert refused.start == b"SIP/2.0 503 Too many requests of this user"
    assert refused.headers[b"Retry-After"] == b"5"
    assert book.notifier.counts["limit_per_user"] == 16
    bob = b"<sip:bob@example.com>"
    other = _subscribe(21, **{"from": bob + b";tag=b"}, to=bob, uri=b"sip:bob@example.com")
    assert book.receive(other)[0].status == 200
    book.now += 1
    assert book.receive(_subscribe(22))[0].status == 200


def test_who_subscribes_learns_which_packages_are_served() -> None:
    """RFC 6665 §4.4.4: in answers that make a dialog."""
    book = _playbook()
    made = _subscribed(book)
    assert made.headers[b"Allow-Events"] == b"as-feature-event"
    assert not {b"Event", b"Subscription-State"} & set(made.headers), "not in responses: §8.2"
    refreshed, _ = book.receive(_again(made, 2))
    assert b"Allow-Events" not in refreshed.headers


def test_options_say_all_that_is_accepted() -> None:
    """RFC 3261 §11.2."""
    (answer,) = _playbook().receive(message(b"OPTIONS"))
    assert answer.status == 200
    assert {name: answer.headers[name] for name in (b"Allow", b"Allow-Events")} == {
        b"Allow": b"SUBSCRIBE, PUBLISH, OPTIONS, CANCEL",
        b"Allow-Events": b"as-feature-event",
    }
    assert b"application/x-as-feature-event+xml" in answer.headers[b"Accept"]
    assert (answer.headers[b"Accept-Encoding"], answer.headers[b"Accept-Language"]) == (
        *(b"identity", b"*"),
    )
    assert answer.headers[b"Supported"] == b""


def test_a_contact_in_an_answer_to_a_notify_moves_nothing() -> None:
    """Nobody authenticates it: the target moves by SUBSCRIBE only."""
    book = _playbook()
    made, first = book.receive(message())
    book.answer(first, extra=b"Contact: <sip:alice@203.0.113.9>\r\n")
    _, second = book.receive(_again(made, 2))
    assert second.start == b"NOTIFY sip:alice@192.0.2.7:5062 SIP/2.0"
    assert second.flow == first.flow


def test_what_a_subscribe_has_beyond_what_is_needed_is_passed_over() -> None:
    """RFC 3261 §8.2.2: headers that nobody knows, and malformed ones that nobody reads."""
    data = message(x_new=b"<[;", date=b"tomorrow", priority=b"", subject=b'"', response_key=b"%")
    response, notify = _playbook().receive(data)
    assert (response.status, notify.headers[b"Event"]) == (200, b"as-feature-event")


def test_a_phone_of_rfc_2543_without_a_from_tag_has_a_dialog() -> None:
    """RFC 3261 §12.1.1, §12.2.1.1: its tag is empty, and left out."""
    book = _playbook()
    sender = b"<sip:alice@example.com>"
    made, notify = book.receive(message(**{"from": sender}))
    assert (made.status, notify.headers[b"To"]) == (200, sender)
    book.answer(notify)
    refreshed, _ = book.receive(_again(made, 2, **{"from": sender}))
    assert refreshed.status == 200


def test_a_new_dialog_repeats_the_route_that_was_recorded() -> None:
    """RFC 3261 §12.1.1: all values as they came, with parameters that nobody knows."""
    book = _playbook()
    route = b"<sip:192.0.2.50;lr;x=y>;z, <sip:q.example.com;lr>"
    made, notify = book.receive(message(record_route=route))
    assert made.headers[b"Record-Route"] == route
    book.answer(notify)
    assert b"Record-Route" not in book.receive(_again(made, 2, record_route=route))[0].headers


def test_202_to_a_notify_confirms_it_as_200_does() -> None:
    """RFC 6665 §8.3.1: phones of RFC 3265 may send it."""
    book = _playbook()
    _, notify = book.receive(message())
    book.answer(notify, 202)
    assert book.notifier.counts["notify_answered"] == 1
    assert book.pass_time(60) == []


def test_notifies_have_the_contact_of_the_answer_that_made_their_dialog() -> None:
    """RFC 3261 §12.2.1.1: a phone sends its refreshes there."""
    book = _playbook()
    made, first = book.receive(message())
    book.answer(first)
    _, second = book.receive(_again(made, 2))
    contacts = {sent.headers[b"Contact"] for sent in (made, first, second)}
    assert contacts == {b"<sip:192.0.2.1:5060>"}


@pytest.mark.parametrize("to", [b"<tel:+15551234>", b"<sip:bob@elsewhere.example>"])
def test_to_may_name_anybody_by_any_scheme(to: bytes) -> None:
    """RFC 3261 §8.2.2.1: the Request-URI says who is meant."""
    response, notify = _playbook().receive(message(to=to))
    assert (response.status, notify.headers[b"From"]) == (200, to + b";tag=" + tag_of(response))
