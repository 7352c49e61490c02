"""One outstanding NOTIFY for each dialog, and nothing lost."""

import pytest

from dfks_rules.presence.documents import Documents
from dfks_rules.presence.package import Limits, OnNotifyTimeout
from dfks_rules.presence.subscription import Subscription, Termination
from tests.helpers.playbook import Playbook, Sent, default_policies, message
from tests.helpers.policy import CFA, DND, ON
from tests.helpers.states import forwarding

_DND: Documents = ((DND, ON),)
_CFA: Documents = ((CFA, ON),)


def _watched(
    limits: Limits | None = None, expires: bytes = b"600"
) -> tuple[Playbook, Subscription, Sent]:
    """A subscription whose first NOTIFY is outstanding."""
    book = Playbook(default_policies(), limits)
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
