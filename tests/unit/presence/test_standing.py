"""How far a node serves that may have lost its dialogs to others."""

import pytest

from dfks_rules.model.requests import Asked
from dfks_rules.presence.notifier import LOOK
from dfks_rules.presence.restoring import PAUSE
from dfks_rules.presence.standing import FIRST_RETRY, LAST_RETRY, Standing
from tests.helpers.lives import subscribe
from tests.helpers.nodes import Cluster, Node
from tests.helpers.playbook import DND_ON, Sent, message
from tests.helpers.policy import ALICE, DND, NOON, ON, OPERATOR

OPTIONS = message(b"OPTIONS", contact=None, event=None, expires=None)


def _subscribed(node: Node, number: int = 1) -> Sent:
    sent = node.receive(subscribe(number))
    node.confirm(sent)
    return sent[0]


def _refresh(node: Node, response: Sent, cseq: int, body: bytes = b"", **more: bytes) -> list[Sent]:
    number = int(response.headers[b"Call-ID"][5:])
    return node.receive(subscribe(number, cseq, body, to=response.headers[b"To"], **more))


def _set(node: Node) -> None:
    """An operator sets Alice's DND, by this node."""
    node.book.features.set(ALICE, [Asked(DND, ON)], OPERATOR, NOON, node.now, lambda *_: None)


@pytest.mark.parametrize(
    ("standing", "refresh", "set_", "new", "options"),
    [
        (Standing.SERVING, 200, 200, 200, 200),
        (Standing.DRAINING, 200, 200, 503, 503),
        (Standing.BLIND, 200, 503, 503, 503),
        (Standing.CUT_OFF, 503, 503, 503, 503),
    ],
)
def test_what_is_served_depends_on_how_a_node_stands(
    standing: Standing, refresh: int, set_: int, new: int, options: int
) -> None:
    """What it cannot serve another node may: 503 has a phone try the next one."""
    node = Cluster(1).nodes[0]
    response = _subscribed(node)
    node.standing = standing
    assert _refresh(node, response, 2)[0].status == refresh
    assert _refresh(node, response, 3, DND_ON)[0].status == set_
    assert node.receive(subscribe(2))[0].status == new
    assert node.receive(OPTIONS)[0].status == options


def test_a_blind_node_answers_a_refresh_from_memory() -> None:
    """The NOTIFY has what it knew last; it neither ends subscriptions nor asks whose they are."""
    node = (cluster := Cluster(1)).nodes[0]
    response = _subscribed(node)
    _set(node)
    node.confirm(node.book.sent())
    node.standing = Standing.BLIND
    cluster.engine.is_away = True
    answer, notify = _refresh(node, response, 2)
    assert (answer.status, answer.headers[b"Expires"]) == (200, b"600")
    assert b"<doNotDisturbOn>true<" in notify.body
    assert _refresh(node, response, 3, expires=b"0")[0].status == 503
    stranger = subscribe(9, 2, to=b"<sip:alice@example.com>;tag=never")
    assert node.receive(stranger)[0].status == 503


def test_phones_that_are_refused_come_back_at_moments_of_their_own() -> None:
    """All at once they would be too many."""
    node = Cluster(1).nodes[0]
    node.standing = Standing.BLIND
    waits = {int(node.receive(subscribe(n))[0].headers[b"Retry-After"]) for n in range(200)}
    assert waits == set(range(FIRST_RETRY, LAST_RETRY + 1))


@pytest.mark.parametrize("standing", [Standing.BLIND, Standing.CUT_OFF])
def test_a_node_that_may_not_speak_begins_nothing(standing: Standing) -> None:
    """No change is told, nothing is repeated and nothing expires: another node may do it all."""
    node = Cluster(1).nodes[0]
    _subscribed(node, 1)
    node.receive(subscribe(2))
    node.standing = standing
    node.book.notifier.expire(NOON, node.now)
    _set(node)
    assert node.book.notifier.refresh_watchers(ALICE, NOON, node.now) == 2
    assert node.book.sent() == []
    for _ in range(20):
        assert node.book.pass_time(100.0) == []
    assert len(node.book.notifier.subscriptions) == 2
    assert node.book.notifier.next_deadline() == node.now + LOOK


def test_a_node_that_may_speak_again_tells_what_it_could_not() -> None:
    """Whoever was not told, and whoever has not confirmed, is told all states in its turn."""
    node = Cluster(1).nodes[0]
    _subscribed(node, 1)
    node.receive(subscribe(2))
    node.standing = Standing.BLIND
    node.book.pass_time(LOOK)
    _set(node)
    assert node.book.pass_time(10.0) == []
    node.standing = Standing.SERVING
    told = node.book.pass_time(PAUSE)
    assert {notify.headers[b"Call-ID"] for notify in told} == {b"call-1", b"call-2"}
    assert all(notify.body.count(b"<ForwardingEvent") == 3 for notify in told)
    assert all(b"<doNotDisturbOn>true<" in notify.body for notify in told)


def test_a_change_that_is_confirmed_while_a_node_is_blind_brings_on_nothing() -> None:
    """What was queued behind it is told later."""
    node = Cluster(1).nodes[0]
    _, notify = node.receive(subscribe(1))
    _set(node)
    node.standing = Standing.BLIND
    assert node.book.answer(notify) == []
    node.standing = Standing.SERVING
    (notify,) = node.book.pass_time(PAUSE)
    assert b"<doNotDisturbOn>true<" in notify.body


def test_a_draining_node_tells_changes_and_adopts() -> None:
    """Its phones are served until they are somebody else's."""
    one, other = Cluster().nodes
    response = _subscribed(one)
    other.standing = Standing.DRAINING
    sent = _refresh(other, response, 2)
    assert [answer.status for answer in sent] == [200, 0]
    other.confirm(sent)
    _set(other)
    assert len(other.book.sent()) == 1
