"""What the phone of a subscription is still to be told."""

from math import inf

from dfks_rules.presence.documents import Documents
from dfks_rules.presence.proof import UNPROVED_SENDINGS, Proof
from dfks_rules.presence.subscription import (
    Subscription,
)
from dfks_rules.sip.client_transaction import ClientTransaction, Outgoing
from tests.helpers.playbook import FLOW
from tests.helpers.policy import CFA, DND, ON
from tests.helpers.states import forwarding
from tests.helpers.subscription import active

_DND: Documents = ((DND, ON),)
_ONE, _TWO, _THREE = (((CFA, forwarding(True, to)),) for to in ("1", "2", "3"))


def _send(subscription: Subscription, documents: Documents) -> None:
    transaction = ClientTransaction(Outgoing(b"b", b"NOTIFY", FLOW), subscription, 0.0)
    subscription.sent(documents, transaction)


def test_a_change_is_told_at_once_or_waits_for_what_is_outstanding() -> None:
    """None overtakes another; the newest of what waits wins."""
    subscription = active()
    assert subscription.to_tell(_ONE, inf) == _ONE
    _send(subscription, _ONE)
    assert subscription.to_tell(_TWO, inf) == ()
    assert subscription.to_tell(_DND + _THREE, inf) == ()
    assert dict(subscription.confirmed()) == dict(_DND + _THREE)
    assert (subscription.unconfirmed, subscription.queued) == ((), ())


def test_an_answer_says_all_that_is_unconfirmed_and_itself_has_the_last_word() -> None:
    """Unconfirmed, then queued, then the answer: the newest of three values."""
    subscription = active()
    _send(subscription, _DND + _ONE)
    assert dict(subscription.to_answer(())) == dict(_DND + _ONE)
    subscription.to_tell(_TWO, inf)
    assert dict(subscription.to_answer(())) == dict(_DND + _TWO)
    assert dict(subscription.to_answer(_THREE)) == dict(_DND + _THREE)


def test_what_an_answer_took_along_is_not_said_again_after_it() -> None:
    """The queued value is older than the answer, and would undo it on the phone."""
    subscription = active()
    _send(subscription, _ONE)
    subscription.to_tell(_TWO, inf)
    _send(subscription, subscription.to_answer(_THREE))
    assert subscription.queued == ()
    assert subscription.confirmed() == ()


def test_what_failed_is_said_again_after_waits_that_double() -> None:
    """64 s, and ten minutes at most."""
    subscription = active(deadline=100_000.0)
    now, waits = 0.0, []
    for _ in range(6):
        _send(subscription, _ONE)
        assert subscription.next_deadline() == 100_000.0
        subscription.failed(now)
        waits.append(subscription.next_deadline() - now)
        now = subscription.next_deadline()
    assert waits == [64, 128, 256, 512, 600, 600]
    _send(subscription, _ONE)
    subscription.confirmed()
    _send(subscription, _ONE)
    subscription.failed(now)
    assert subscription.next_deadline() - now == 64


def test_what_failed_is_joined_by_what_waited_which_is_newer() -> None:
    """And the queue is empty: it is told once."""
    subscription = active()
    _send(subscription, _DND + _ONE)
    subscription.to_tell(_TWO, inf)
    subscription.failed(0.0)
    assert (dict(subscription.unconfirmed), subscription.queued) == (
        dict(_DND + _TWO),
        (),
    )
    assert dict(subscription.to_tell(_THREE, inf)) == dict(_DND + _THREE)


def test_a_notify_that_said_nothing_is_not_said_again() -> None:
    """There is nothing that the phone has missed."""
    subscription = active()
    _send(subscription, ())
    subscription.failed(0.0)
    assert subscription.next_deadline() == 10.0


def test_a_phone_is_not_bothered_before_it_wants_to_be() -> None:
    """Retry-After counts where it is later."""
    subscription = active(deadline=1000.0)
    _send(subscription, _ONE)
    subscription.failed(0.0, not_before=200.0)
    assert subscription.next_deadline() == 200.0


def _unproved() -> Subscription:
    subscription = active(deadline=1000.0)
    subscription.moved()
    return subscription


def test_while_it_is_unproved_one_notify_is_sent_and_all_else_is_held() -> None:
    """Where the answer to its SUBSCRIBE says nothing, it is the first change."""
    subscription = _unproved()
    assert (subscription.is_held, subscription.sendings) == (False, UNPROVED_SENDINGS)
    assert subscription.to_tell(_ONE, inf) == _ONE
    _send(subscription, subscription.to_answer(_DND))
    assert subscription.is_held
    subscription.failed(0.0)
    assert subscription.next_deadline() == 1000.0, "it is not said again"
    assert subscription.to_tell(_TWO, inf) == ()
    subscription.hold(_THREE)
    assert dict(subscription.unconfirmed) == dict(_DND + _THREE)
    assert subscription.queued == ()


def test_what_waited_is_due_once_it_is_proved() -> None:
    """The newest values, unless it is told something before."""
    subscription = _unproved()
    _send(subscription, _DND + _ONE)
    subscription.failed(0.0)
    subscription.to_tell(_TWO, inf)
    subscription.proved(Proof.PROVED, 5.0)
    assert (subscription.is_held, subscription.sendings) == (False, 0)
    assert subscription.next_deadline() == 5.0
    assert dict(subscription.unconfirmed) == dict(_DND + _TWO)
    _send(subscription, subscription.unconfirmed)
    assert subscription.next_deadline() > 5.0


def test_one_that_is_proved_by_its_outstanding_notify_goes_on_with_what_is_queued() -> None:
    """Its confirmation sends that."""
    subscription = _unproved()
    _send(subscription, _ONE)
    subscription.to_tell(_TWO, inf)
    subscription.proved(Proof.PROVED, 5.0)
    assert subscription.next_deadline() > 5.0
    assert subscription.confirmed() == _TWO


def test_one_that_answers_is_told_all_but_sent_each_only_twice() -> None:
    """And it ends when it does not answer."""
    subscription = active()
    subscription.proved(Proof.ANSWERS, 0.0)
    _send(subscription, _ONE)
    assert (subscription.is_held, subscription.sendings) == (False, UNPROVED_SENDINGS)
    assert subscription.lives_by_answers
    assert not active().lives_by_answers
