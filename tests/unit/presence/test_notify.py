"""One outstanding NOTIFY for each dialog, and nothing lost."""

import pytest

from dfks_rules.presence.documents import Documents
from dfks_rules.presence.package import Limits, OnNotifyTimeout
from dfks_rules.presence.subscription import Subscription, Termination
from tests.helpers.playbook import Playbook, Sent, default_policies, message
from tests.helpers.policy import CFA, DND, ON

_DND: Documents = ((DND, ON),)
_CFA: Documents = ((CFA, ON),)


def _watched(limits: Limits | None = None) -> tuple[Playbook, Subscription, Sent]:
    """A subscription whose first NOTIFY is outstanding."""
    book = Playbook(default_policies(), limits)
    _, notify = book.receive(message())
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
    book.notifier._notify.change(subscription, _DND, book.now)
    book.notifier._notify.change(subscription, _CFA, book.now)
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
        book.notifier._notify.answer(subscription, documents, book.now, complete=False)
    one, both = book.sent()
    assert (_told(one), _told(both)) == ((1, 0), (1, 1))
    assert book.answer(one) == []
    assert subscription.outstanding is not None
    book.answer(both)
    assert subscription.outstanding is None


def test_complete_answer_replaces_what_was_not_confirmed() -> None:
    """The states of all features are all that matters."""
    book, subscription, _ = _watched()
    book.notifier._notify.answer(subscription, _DND, book.now, complete=True)
    assert subscription.unconfirmed == _DND


@pytest.mark.parametrize(
    ("status", "extra", "lives"),
    [
        (200, b"", True),
        (202, b"", True),
        (401, b"", True),
        (407, b"", True),
        (503, b"Retry-After: 5\r\n", True),
        (408, b"", True),
        (481, b"", False),
        (489, b"", False),
        (500, b"", False),
        (603, b"", False),
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
    book.notifier._notify.change(subscription, _DND, book.now)
    assert book.answer(first, 503, b"Retry-After: 5\r\n") == []
    book.notifier._notify.change(subscription, _CFA, book.now)
    (notify,) = book.sent()
    assert _told(notify) == (1, 3)


@pytest.mark.parametrize("why", Termination)
def test_last_notify_says_why_and_ends_it(why: Termination) -> None:
    """RFC 6665 §4.1.3: the phone learns whether to subscribe again."""
    book, subscription, _ = _watched()
    book.notifier._notify.terminate(subscription, why, (), book.now)
    (last,) = book.sent()
    assert last.headers[b"Subscription-State"] == b"terminated;reason=" + why.value
    assert (len(book.notifier.subscriptions), last.body) == (0, b"")
    assert book.answer(last, 481) == []
    assert subscription.outstanding is None
