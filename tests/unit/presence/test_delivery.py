"""One outstanding NOTIFY for each dialog, and nothing lost."""

import pytest

from dfks_rules.presence.display import QUIET
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.logins import Logins
from dfks_rules.presence.package import Limits, OnNotifyTimeout, SubscriptionLimits
from dfks_rules.presence.profile import Profile, Profiles
from dfks_rules.presence.proof import Proof
from dfks_rules.presence.subscription import Subscription, Termination
from dfks_rules.sip.digest import Algorithm, ha1_of
from dfks_rules.sip.digest_client import Secret
from dfks_rules.sip.flow import Flow
from tests.helpers.playbook import LISTENER, Playbook, Sent, default_policies, message
from tests.helpers.policy import CFA, DND, ON
from tests.helpers.states import forwarding

_DND: Documents = ((DND, ON),)
_CFA: Documents = ((CFA, ON),)


def _watched(
    limits: Limits | None = None, expires: bytes = b"600", profile: Profile | None = None
) -> tuple[Playbook, Subscription, Sent]:
    """A subscription whose first NOTIFY is outstanding."""
    profiles = None if profile is None else Profiles(default=profile)
    book = Playbook(default_policies(), limits, profiles=profiles)
    _, notify = book.receive(message(expires=expires))
    (subscription,) = book.notifier.subscriptions
    return book, subscription, notify


def _told(notify: Sent) -> tuple[int, int]:
    """How many documents of DND and of forwarding."""
    return notify.body.count(b"<DoNotDisturbEvent"), notify.body.count(b"<ForwardingEvent")


@pytest.mark.parametrize("now", [0.0, 0.1, 12345.678, 1e6 / 3, 5000.3, 260000.1])
def test_duration_right_after_a_grant_is_the_whole_of_it(now: float) -> None:
    """(5000.3 + 3600) - 5000.3 is less than 3600; a phone compares it with Expires."""
    book = Playbook(default_policies())
    book.now = now
    response, notify = book.receive(message(expires=b"3600"))
    assert response.headers[b"Expires"] == b"3600"
    assert notify.headers[b"Subscription-State"] == b"active;expires=3600"


def test_changes_wait_for_the_outstanding_notify_and_become_one() -> None:
    """A slow phone is sent the newest state, not each step."""
    book, subscription, first = _watched()
    book.notifier._delivery.change(subscription, _DND, book.now)
    book.notifier._delivery.change(subscription, _CFA, book.now)
    assert book.sent() == []
    (second,) = book.answer(first)
    assert (_told(second), second.cseq) == ((1, 1), 2)
    assert book.answer(second) == []
    assert subscription.unconfirmed == ()


def test_answer_does_not_wait_and_takes_along_what_was_not_confirmed() -> None:
    """RFC 6665 §4.2.1.2: a SUBSCRIBE is followed by its NOTIFY; the older one is given up."""
    book, subscription, first = _watched()
    assert book.answer(first) == []
    for documents in (_DND, _CFA):
        book.notifier._delivery.answer(subscription, documents, book.now)
    one, both = book.sent()
    assert (_told(one), _told(both)) == ((1, 0), (1, 1))
    assert book.answer(one) == []
    assert subscription.outstanding is not None
    book.answer(both)
    assert subscription.outstanding is None


def test_complete_answer_replaces_what_was_not_confirmed() -> None:
    """The states of all features are all that matters."""
    book, subscription, _ = _watched()
    book.notifier._delivery.tell_all(subscription, _DND, book.now)
    assert subscription.unconfirmed == _DND


@pytest.mark.parametrize(
    ("status", "extra", "lives"),
    [
        (200, b"", True),
        (202, b"", True),
        (302, b"", False),
        (401, b"", True),
        (407, b"", True),
        (503, b"Retry-After: 5\r\n", True),
        (408, b"", True),
        (481, b"", False),
        (489, b"", False),
        (481, b"Retry-After: 5\r\n", False),
        (500, b"", True),
        (603, b"", True),
        (604, b"", False),
    ],
)
def test_error_response_ends_the_subscription_unless_it_may_pass(
    status: int, extra: bytes, lives: bool
) -> None:
    """RFC 6665 §4.2.2: 481 is a phone that knows nothing of us."""
    book, _, notify = _watched()
    assert book.answer(notify, status, extra) == []
    assert (len(book.notifier.subscriptions) == 1) is lives


@pytest.mark.parametrize(("on_timeout", "left"), [("keep", 1), ("drop", 0)])
def test_notify_without_response_is_a_setting(on_timeout: str, left: int) -> None:
    """A bad link or a phone that is gone: the operator knows which is more likely."""
    book, _, _ = _watched(Limits(on_notify_timeout=OnNotifyTimeout(on_timeout)))
    for _ in range(12):
        book.pass_time(4.0)
    assert len(book.notifier.subscriptions) == left


def test_what_a_failed_notify_said_goes_with_the_next_one() -> None:
    """The phone must not miss a key because one datagram was refused."""
    book, subscription, first = _watched()
    book.notifier._delivery.change(subscription, _DND, book.now)
    assert book.answer(first, 500) == []
    book.notifier._delivery.change(subscription, _CFA, book.now)
    (notify,) = book.sent()
    assert _told(notify) == (1, 3)


@pytest.mark.parametrize(
    "why", [Termination.TIMEOUT, Termination.REJECTED, Termination.DEACTIVATED]
)
def test_last_notify_says_why_and_ends_it(why: Termination) -> None:
    """RFC 6665 §4.1.3: the phone learns whether to subscribe again."""
    book, subscription, _ = _watched()
    book.notifier._delivery.terminate(subscription, why, (), book.now)
    (last,) = book.sent()
    assert last.headers[b"Subscription-State"] == b"terminated;reason=" + why.value.encode()
    assert (len(book.notifier.subscriptions), last.body) == (0, b"")
    assert book.answer(last, 481) == []
    ended = {name: n for name, n in book.notifier.counts.items() if "ended" in name and n}
    assert ended == {f"ended_{why.value}": 1}, "an error response does not end it again"


def test_a_last_notify_that_nobody_answers_is_not_said_again() -> None:
    """The phone is told once that it is over; a subscription that ended has no future."""
    book, subscription, first = _watched()
    book.answer(first)
    book.notifier._delivery.terminate(subscription, Termination.TIMEOUT, _DND, book.now)
    sent = [one for _ in range(2000) for one in book.pass_time(0.5)]
    assert {one.cseq for one in sent} == {2}
    assert book.notifier.next_deadline() is None or book.now > 600


def _lost(book: Playbook) -> None:
    """The outstanding NOTIFY times out."""
    for _ in range(64):
        book.pass_time(0.5)


def test_what_was_not_answered_is_said_again_ever_more_rarely() -> None:
    """A phone that was out of reach for a minute does not wait for its next refresh."""
    book, _, first = _watched(expires=b"86400")
    _lost(book)
    failed_at = book.now
    waits: list[float] = []
    for _ in range(6):
        while not (sent := book.pass_time(1.0)):
            pass
        waits.append(book.now - failed_at)
        assert [one.body for one in sent] == [first.body]
        _lost(book)
        failed_at = book.now
    assert waits == [64, 128, 256, 512, 600, 600]
    assert book.notifier.counts["notify_repeated"] == 6
    assert book.notifier.counts["notify_timed_out"] == 7


def test_a_confirmed_repeat_is_the_last_and_the_next_wait_is_short_again() -> None:
    """Nothing is said again that a phone has heard."""
    book, subscription, _ = _watched(expires=b"86400")
    _lost(book)
    (again,) = book.pass_time(64)
    assert book.answer(again) == []
    assert book.pass_time(1000) == []
    book.notifier._delivery.change(subscription, _DND, book.now)
    book.sent()
    _lost(book)
    assert book.pass_time(63) == []
    (again,) = book.pass_time(1)
    assert _told(again) == (1, 0)


def test_a_subscription_expires_also_after_a_repeat() -> None:
    """Nobody refreshed it meanwhile."""
    book, _, _ = _watched()
    _lost(book)
    (again,) = book.pass_time(64)
    assert book.answer(again) == []
    (last,) = book.pass_time(600)
    assert last.headers[b"Subscription-State"] == b"terminated;reason=timeout"


def test_a_phone_that_says_when_is_not_bothered_before() -> None:
    """RFC 3261 §20.33: Retry-After."""
    book, _, first = _watched()
    book.answer(first, 503, b"Retry-After: 200 (busy);duration=60\r\n")
    assert book.pass_time(199) == []
    assert len(book.pass_time(1)) == 1


def test_a_queue_that_failed_is_said_once_and_newest() -> None:
    """What waited joins what failed, and is not kept beside it."""
    book, subscription, first = _watched()
    book.notifier._delivery.change(subscription, ((CFA, forwarding(True, "2")),), book.now)
    book.answer(first, 500)
    assert subscription.queued == ()
    book.notifier._delivery.change(subscription, ((CFA, forwarding(True, "3")),), book.now)
    (notify,) = book.sent()
    assert b"<forwardTo>3<" in notify.body
    assert book.answer(notify) == [], "the older value must not come after"


def test_the_newest_of_three_values_wins_wherever_it_waits() -> None:
    """Unconfirmed, queued and answered: on, off, on would hide which of them is told."""
    one, two, three = (((CFA, forwarding(True, to)),) for to in ("1", "2", "3"))
    book, subscription, first = _watched()
    book.answer(first)
    delivery = book.notifier._delivery
    delivery.change(subscription, one, book.now)
    delivery.change(subscription, two, book.now)
    delivery.change(subscription, three, book.now)
    (sent,) = book.sent()
    (merged,) = book.answer(sent)
    assert b"<forwardTo>3<" in merged.body, "queued: the newest wins"
    delivery.change(subscription, one, book.now)
    delivery.answer(subscription, two, book.now)
    (sent,) = book.sent()
    assert b"<forwardTo>2<" in sent.body, "an answer is newer than what is queued"
    book.answer(sent, 500)
    delivery.change(subscription, three, book.now)
    (sent,) = book.sent()
    assert b"<forwardTo>3<" in sent.body, "a change is newer than what is unconfirmed"
    delivery.change(subscription, one, book.now)
    book.answer(sent, 503, b"Retry-After: 5\r\n")
    (again,) = book.pass_time(128)
    assert b"<forwardTo>1<" in again.body, "what waited is newer than what failed"


def test_each_notify_is_counted_with_what_became_of_it() -> None:
    """An operator sees that phones do not answer."""
    book, subscription, first = _watched()
    book.answer(first)
    book.notifier._delivery.change(subscription, _DND, book.now)
    (second,) = book.sent()
    book.answer(second, 481)
    counts = book.notifier.counts
    assert counts["notify_sent"] == 2
    assert (counts["notify_answered"], counts["notify_refused"]) == (1, 1)
    assert counts["ended_refused"] == 1


def test_a_redirection_counts_as_a_refusal() -> None:
    """It is not followed: what the NOTIFY said has not arrived."""
    book, _, first = _watched()
    book.answer(first, 300)
    assert book.notifier.counts["notify_refused"] == 1
    assert len(book.notifier.subscriptions) == 0


def test_one_notify_for_each_feature_comes_after_another() -> None:
    """The next one when the phone has answered; in the order of the features."""
    book, _, notify = _watched(profile=Profile("single", multipart=False))
    kinds = []
    while True:
        assert notify.headers[b"Content-Type"] == b"application/x-as-feature-event+xml"
        kinds.append(notify.body.partition(b"<forwardingType>")[2].partition(b"<")[0])
        answered = book.answer(notify)
        if not answered:
            break
        (notify,) = answered
    assert kinds == [b"", b"forwardImmediate", b"forwardBusy", b"forwardNoAns"]


def test_what_is_left_to_say_is_said_in_its_newest_state() -> None:
    """A change while the parts are under way takes its place among them."""
    book, subscription, first = _watched(profile=Profile("single", multipart=False))
    book.notifier._delivery.change(subscription, _CFA, book.now)
    (second,) = book.answer(first)
    assert b"forwardImmediate" in second.body
    assert b"<forwardStatus>true<" in second.body


def test_a_body_is_no_longer_than_a_phone_takes() -> None:
    """The rest follows."""
    book, _, notify = _watched(profile=Profile("small", max_body=900))
    bodies = []
    while True:
        bodies.append(notify.body)
        answered = book.answer(notify)
        if not answered:
            break
        (notify,) = answered
    assert len(bodies) > 1
    assert all(len(body) <= 900 for body in bodies)
    assert b"".join(bodies).count(b"<device>") == 4


def test_the_last_notify_of_a_subscription_says_all() -> None:
    """Nothing can follow it: a fetch is answered with one."""
    profile = Profile("single", multipart=False)
    book = Playbook(default_policies(), profiles=Profiles(default=profile))
    _, notify = book.receive(message(expires=b"0"))
    assert _told(notify) == (1, 3)


def test_the_last_notify_says_all_when_it_is_challenged_as_well() -> None:
    """The same is sent again, with the password."""
    secret = Secret(b"us", {Algorithm.MD5: ha1_of(Algorithm.MD5, "us", "phones", "secret")})
    logins = Logins({b"phones": secret}, lambda: b"token")
    profiles = Profiles(default=Profile("single", multipart=False))
    book = Playbook(default_policies(), logins=logins, profiles=profiles)
    _, notify = book.receive(message(expires=b"0"))
    challenge = b'WWW-Authenticate: Digest realm="phones", nonce="n", qop="auth"\r\n'
    (again,) = book.answer(notify, 401, challenge)
    assert again.body == notify.body


@pytest.mark.parametrize(
    ("profile", "device"),
    [
        (Profile("echo"), b"<device>desk</device>"),
        (Profile("user", device_is_user=True), b"<device>alice</device>"),
        (Profile("empty", device=""), b"<device></device>"),
        (Profile("fixed", device="99"), b"<device>99</device>"),
    ],
)
def test_device_is_what_the_profile_says(profile: Profile, device: bytes) -> None:
    """Or what the phone sent last."""
    book = Playbook(default_policies(), profiles=Profiles(default=profile))
    body = b"<SetDoNotDisturb><device>desk</device><doNotDisturbOn>true</doNotDisturbOn>"
    _, notify = book.receive(message(body=body + b"</SetDoNotDisturb>"))
    assert notify.body.count(device) == 4


def _fails(book: Playbook) -> None:
    """Nobody answers until the transaction is over."""
    for _ in range(80):
        book.pass_time(0.5)


@pytest.mark.parametrize("limits", [Limits(on_notify_timeout=one) for one in OnNotifyTimeout])
@pytest.mark.parametrize("choice", [None, *OnNotifyTimeout])
def test_a_profile_may_say_what_silence_means(
    limits: Limits, choice: OnNotifyTimeout | None
) -> None:
    """Otherwise the settings do."""
    book, _, _ = _watched(limits, profile=Profile("x", on_notify_timeout=choice))
    _fails(book)
    dropped = (choice or limits.on_notify_timeout) is OnNotifyTimeout.DROP
    assert len(book.notifier.subscriptions) == (not dropped)


def test_so_many_notifies_in_a_row_may_fail() -> None:
    """An answer begins the count anew."""
    limits = Limits(on_notify_timeout=OnNotifyTimeout.DROP)
    book, subscription, _ = _watched(limits, b"86400", Profile("x", notify_timeouts=2))
    _fails(book)
    assert subscription.failures == 1
    again = next(sent for _ in range(80) for sent in book.pass_time(1))
    book.answer(again)
    assert subscription.failures == 0
    book.notifier._delivery.change(subscription, _DND, book.now)
    _fails(book)
    assert len(book.notifier.subscriptions) == 1
    for _ in range(6):
        _fails(book)
    assert len(book.notifier.subscriptions) == 0
    assert book.notifier.counts["ended_unanswered"] == 1


ECHOING = Profile("echoing", echoes_ignored=True)


def _next(book: Playbook) -> Sent:
    """The first NOTIFY that time brings."""
    return next(sent for _ in range(1_000) for sent in book.pass_time(0.1))


def test_a_phone_that_echoes_is_told_the_newest_state_when_it_is_ready() -> None:
    """Two changes meanwhile are one; a third, much later, is told at once."""
    book, subscription, first = _watched(profile=ECHOING)
    book.pass_time(0.1)
    assert book.answer(first) == []
    for documents in (_DND, _CFA):
        book.notifier._delivery.change(subscription, documents, book.now)
    assert book.sent() == []
    told = _next(book)
    assert _told(told) == (1, 1)
    assert QUIET < book.now < QUIET + 3
    assert book.notifier.counts["notify_repeated"] == 0
    book.answer(told)
    book.pass_time(QUIET + 1)
    book.notifier._delivery.change(subscription, _DND, book.now)
    assert [_told(sent) for sent in book.sent()] == [(1, 0)]


def test_a_phone_that_echoes_is_answered_at_once_and_told_later() -> None:
    """RFC 6665 §4.2.1.2 wants a NOTIFY; this one says nothing that could meet an echo."""
    book, subscription, first = _watched(profile=ECHOING)
    book.pass_time(0.1)
    book.answer(first)
    book.notifier._delivery.answer(subscription, _DND, book.now)
    (empty,) = book.sent()
    assert (empty.body, b"Content-Type" in empty.headers) == (b"", False)
    assert book.answer(empty) == []
    assert _told(_next(book)) == (1, 0)


def _unproved() -> tuple[Playbook, Subscription]:
    """A phone that echoes and has answered; but others of its user took its place meanwhile."""
    limits = Limits(subscriptions=SubscriptionLimits(per_user=1))
    book = Playbook(default_policies(), limits, profiles=Profiles(default=ECHOING), strangers=True)
    notifies = []
    for host in (8, 9):
        lines = {"via": b"SIP/2.0/UDP 192.0.2.%d;branch=z9hG4bK%d" % (host, host)}
        contact = b"<sip:alice@192.0.2.%d>" % host
        flow = Flow(LISTENER, (f"192.0.2.{host}", 5060))
        data = message(contact=contact, call_id=b"call-%d" % host, **lines)
        notifies.append(book.receive(data, flow)[-1])
    for notify in notifies:
        book.answer(notify)
    _, second = book.notifier.subscriptions
    assert second.proof is Proof.UNPROVED
    return book, second


def test_what_may_not_be_told_is_not_tried_again_and_again() -> None:
    """Nothing is due before it is proved: otherwise the server would do nothing else."""
    book, subscription = _unproved()
    book.notifier._delivery.change(subscription, _DND, book.now)
    for _ in range(20):
        assert book.pass_time(1.0) == []
    deadline = book.notifier.next_deadline()
    assert deadline is not None
    assert deadline > book.now
    assert subscription.unconfirmed == _DND


def test_of_what_may_not_be_told_the_newest_is_kept() -> None:
    """Also where one change was to wait for the quiet to end, and the other for the proof."""
    book, subscription = _unproved()
    delivery = book.notifier._delivery
    delivery.change(subscription, ((CFA, forwarding(True, "1")),), book.now)
    book.pass_time(QUIET)
    delivery.change(subscription, ((CFA, forwarding(True, "2")),), book.now)
    assert subscription.to_answer(()) == ((CFA, forwarding(True, "2")),)


def test_a_phone_that_echoes_and_asks_for_all_is_told_all() -> None:
    """It has begun anew, or its connection has."""
    book, subscription, _ = _watched(profile=ECHOING)
    book.notifier._delivery.tell_all(subscription, _DND, book.now)
    assert [_told(sent) for sent in book.sent()] == [(1, 0)]


def test_nothing_is_lost_when_a_notify_to_a_phone_that_echoes_fails() -> None:
    """What waited for it is repeated with it."""
    book, subscription, first = _watched(profile=ECHOING)
    book.notifier._delivery.change(subscription, _DND, book.now)
    assert book.answer(first, 503, b"Retry-After: 1\r\n") == []
    assert dict(subscription.unconfirmed)[DND] == ON
    again = _next(book)
    assert _told(again) == (1, 3)
    assert b"<doNotDisturbOn>true<" in again.body


def test_changes_wait_until_a_phone_wants_to_be_bothered_again() -> None:
    """RFC 3261 §21.5.4: no request to it before Retry-After has passed, and the newest then."""
    book, subscription, first = _watched()
    assert book.answer(first) == []
    delivery = book.notifier._delivery
    delivery.change(subscription, ((CFA, forwarding(True, "1")),), book.now)
    (notify,) = book.sent()
    book.answer(notify, 503, b"Retry-After: 20\r\n")
    delivery.change(subscription, ((CFA, forwarding(True, "2")),), book.now)
    assert book.pass_time(19) == []
    (notify,) = book.pass_time(1)
    assert b"<forwardTo>2<" in notify.body
    assert book.answer(notify) == []
    delivery.change(subscription, _DND, book.now)
    assert len(book.sent()) == 1, "from then on they do not wait"


def test_a_subscribe_of_a_phone_that_wants_quiet_is_answered_all_the_same() -> None:
    """It is there, and asks."""
    book, subscription, first = _watched()
    book.answer(first, 503, b"Retry-After: 300\r\n")
    book.notifier._delivery.answer(subscription, _DND, book.now)
    (notify,) = book.sent()
    assert book.answer(notify) == []
    book.notifier._delivery.change(subscription, _CFA, book.now)
    assert len(book.sent()) == 1


def test_answers_to_notifys_are_measured() -> None:
    """From the sending to the answer, whatever it says; silence is no answer."""
    book = Playbook(default_policies())
    _, notify = book.receive(message())
    book.pass_time(0.2)
    book.answer(notify)
    answered = book.notifier.answered
    assert (sum(answered.counts), round(answered.total, 6)) == (1, 0.2)
