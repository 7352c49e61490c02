"""A phone that goes to another node is served there in its dialog."""

from collections.abc import Callable
from functools import partial

import pytest

from dfks_rules.presence import adopting
from dfks_rules.presence.adopting import MOVES
from tests.helpers.lives import subscribe
from tests.helpers.nodes import Cluster, Node
from tests.helpers.playbook import DND_ON, Sent, tag_of
from tests.helpers.policy import ALICE, DND, ON

DND_OFF = DND_ON.replace(b"true", b"false")


def _subscribed(node: Node, number: int = 1) -> Sent:
    sent = node.receive(subscribe(number))
    node.confirm(sent)
    return sent[0]


def _in_dialog(response: Sent, cseq: int, body: bytes = b"", **changes: bytes | None) -> bytes:
    number = int(response.headers[b"Call-ID"][5:])
    return subscribe(number, cseq, body, to=response.headers[b"To"], **changes)


def test_a_refresh_at_another_node_is_answered_there_with_all_states() -> None:
    """The phone notices nothing: the same dialog, and a higher CSeq."""
    one, other = (cluster := Cluster()).nodes
    response, first = one.receive(subscribe(1))
    one.confirm([first])
    answer, notify = other.receive(_in_dialog(response, 2))
    assert (answer.status, answer.headers[b"Expires"]) == (200, b"600")
    assert notify.body.count(b"<ForwardingEvent") == 3
    for name in (b"Call-ID", b"To", b"From", b"Event"):
        assert notify.headers[name] == first.headers[name]
    assert notify.cseq > first.cseq
    assert other.counts["adopted"] == 1
    other.confirm([notify])
    assert cluster.hear() == []
    assert [len(node.book.notifier.subscriptions) for node in cluster.nodes] == [0, 1]
    assert cluster.pass_time(2.0) == []


def test_a_set_at_another_node_is_stored_and_all_states_are_told() -> None:
    """Somebody else may have changed another key meanwhile."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    answer, notify = other.receive(_in_dialog(response, 2, DND_ON))
    assert answer.status == 200
    assert notify.body.count(b"<ForwardingEvent") == 3
    assert b"<doNotDisturbOn>true<" in notify.body
    assert cluster.engine.state(ALICE).state(DND) == ON


def test_while_a_dialog_is_asked_for_repeats_are_ignored_and_others_wait() -> None:
    """Each is answered once, in order."""
    one, other = Cluster().nodes
    response = _subscribed(one)
    refresh = _in_dialog(response, 2)
    assert other.book.receive(refresh) == []
    assert other.book.receive(refresh) == []
    assert other.book.receive(_in_dialog(response, 3)) == []
    assert len(other.store.waiting) == 1
    answers = [one for one in other.run() if one.status]
    assert [(one.status, one.cseq) for one in answers] == [(200, 2), (200, 3)]
    assert [one.status for one in other.book.receive(refresh)] == [200], "its transaction knows it"


def test_a_dialog_that_nobody_has_is_answered_481() -> None:
    """Its phone has to begin anew."""
    node = Cluster().nodes[0]
    stranger = subscribe(9, 2, to=b"<sip:alice@example.com>;tag=never")
    assert [one.status for one in node.receive(stranger)] == [481]


def test_in_doubt_nobody_is_told_481() -> None:
    """The engine is away: the dialog may live at another node."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    cluster.engine.is_away = True
    (answer,) = other.receive(_in_dialog(response, 2))
    assert (answer.status, answer.headers[b"Retry-After"]) == (503, b"10")
    assert other.counts["adoptions_failed"] == 1
    cluster.engine.is_away = False
    assert other.receive(_in_dialog(response, 3))[0].status == 200


def test_so_many_wait_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes tags up must not fill the memory."""
    monkeypatch.setattr(adopting, "AT_MOST", 1)
    node = Cluster().nodes[0]
    first, second = (subscribe(n, 2, to=b"<sip:a@example.com>;tag=t%d" % n) for n in (1, 2))
    assert node.book.receive(first) == []
    (answer,) = node.book.receive(second)
    assert (answer.status, answer.headers[b"Retry-After"]) == (503, b"10")
    assert [one.status for one in node.run()] == [481]
    assert [one.status for one in node.receive(second)] == [481]


def test_a_set_that_made_its_dialog_and_is_repeated_elsewhere_is_applied_once() -> None:
    """Its 200 was lost, and an operator has switched the key off since."""
    one, other = (cluster := Cluster()).nodes
    response, first = one.receive(subscribe(1, 1, DND_ON))
    one.confirm([first])
    revision = cluster.engine.state(ALICE).revision
    answer, notify = other.receive(subscribe(1, 1, DND_ON))
    assert (answer.status, answer.headers[b"To"]) == (200, response.headers[b"To"])
    assert notify.cseq > first.cseq
    assert cluster.engine.state(ALICE).revision == revision
    assert other.counts["requests_repeated"] == 1
    assert len(cluster.engine.rows) == 1


def test_a_set_in_a_dialog_that_was_taken_away_is_stored_once_it_is_back() -> None:
    """Its phone went to the other node and came back, before this one heard of it."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    other.confirm(other.receive(_in_dialog(response, 2)))
    sent = one.receive(_in_dialog(response, 3, DND_ON))
    assert [one.status for one in sent] == [200, 0]
    assert cluster.engine.state(ALICE).state(DND) == ON
    assert cluster.engine.state(ALICE).revision == 1
    one.confirm(sent)
    cluster.settle()
    assert [len(node.book.notifier.subscriptions) for node in cluster.nodes] == [1, 0]


def test_a_set_that_is_decided_again_after_its_dialog_has_ended_is_applied_once() -> None:
    """Its phone has refused a NOTIFY; and it repeats the set at another node."""
    one, other = (cluster := Cluster()).nodes
    response, notify = one.receive(subscribe(1))
    one.store.held = []
    press = _in_dialog(response, 2, DND_ON)
    assert one.book.receive(press) == []
    other.receive(subscribe(2, 1, DND_ON))
    other.receive(subscribe(3, 1, DND_OFF))
    one.book.answer(notify, 481)
    one.store.release()
    assert [one.status for one in one.run()] == [481]
    assert cluster.engine.state(ALICE).revision == 2
    assert other.receive(press)[0].status == 200
    assert cluster.engine.state(ALICE).revision == 3


def test_a_set_under_way_while_its_dialog_is_taken_is_applied_once() -> None:
    """It was stored before the other node took the dialog; its phone gets its 200 all the same."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    one.store.is_slow_to_settle = True
    assert one.book.receive(_in_dialog(response, 2, DND_ON)) == []
    other.confirm(other.receive(_in_dialog(response, 3)))
    cluster.hear()
    one.store.release()
    assert [one.status for one in one.run()] == [200]
    assert cluster.engine.state(ALICE).revision == 1
    (told,) = cluster.settle()
    assert b"<doNotDisturbOn>true<" in told.body
    assert [len(node.book.notifier.subscriptions) for node in cluster.nodes] == [0, 1]


def test_a_subscribe_that_comes_late_leaves_its_dialog_where_a_later_one_was_served() -> None:
    """It is refused as on a single server, also before the later one is in the dialog's row."""
    one, other, third = (cluster := Cluster(3)).nodes
    response = _subscribed(one)
    third.confirm(third.receive(_in_dialog(response, 3)))
    for seconds in (0.0, 2.0):
        third.book.pass_time(seconds)
        (answer,) = other.receive(_in_dialog(response, 2))
        assert answer.start == b"SIP/2.0 500 CSeq out of order"
    cluster.settle()
    assert [len(node.book.notifier.subscriptions) for node in cluster.nodes] == [0, 0, 1]
    assert other.counts["adoptions_failed"] == 0


def test_a_later_subscribe_that_waits_behind_a_late_one_is_served() -> None:
    """The dialog is asked for again by it."""
    one, other, third = (cluster := Cluster(3)).nodes
    response = _subscribed(one)
    third.confirm(third.receive(_in_dialog(response, 3, DND_ON)))
    for cseq in (2, 4):
        assert other.book.receive(_in_dialog(response, cseq)) == []
    answers = [one for one in other.run() if one.status]
    assert [(one.status, one.cseq) for one in answers] == [(500, 2), (200, 4)]
    cluster.settle()
    assert [len(node.book.notifier.subscriptions) for node in cluster.nodes] == [0, 1, 0]


def test_a_subscribe_that_waits_while_its_dialog_is_asked_back_in_vain_brings_it_back() -> None:
    """What was answered here is older than what the other node has; what waits is not."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    one.confirm(one.receive(_in_dialog(response, 2)))
    other.confirm(other.receive(_in_dialog(response, 3)))
    subscription = one.book.notifier.subscriptions.at(tag_of(response))
    assert subscription is not None
    one.book.notifier.lose(tag_of(response), subscription.row, one.now)
    one.store.held = []
    assert one.book.receive(_in_dialog(response, 4, DND_ON)) == []
    one.store.release()
    assert [sent.status for sent in one.run() if sent.status] == [200]
    cluster.settle()
    assert [len(node.book.notifier.subscriptions) for node in cluster.nodes] == [1, 0]


def test_a_dialog_that_has_gone_on_elsewhere_and_begins_again_here_is_a_new_one() -> None:
    """Its phone has lost it, and knows no better than the same CSeq."""
    one, other = (cluster := Cluster()).nodes
    response = one.receive(subscribe(1, 1, DND_ON))[0]
    one.confirm(one.receive(_in_dialog(response, 2))[1:])
    one.book.pass_time(2.0)
    revision = cluster.engine.state(ALICE).revision
    answer, _ = other.receive(subscribe(1, 1, DND_OFF))
    assert answer.status == 200
    assert answer.headers[b"To"] != response.headers[b"To"]
    assert cluster.engine.state(ALICE).revision == revision
    assert [len(node.book.notifier.subscriptions) for node in cluster.nodes] == [1, 1]


def test_who_loses_its_dialog_again_and_again_is_told_to_come_later() -> None:
    """Two nodes must not go on for ever."""
    one, other = Cluster().nodes
    response = _subscribed(one)
    assert one.book.receive(_in_dialog(response, 2)) != []
    other.book.receive(_in_dialog(response, 3, DND_ON))
    answers: list[Sent] = []
    for _ in range(MOVES + 2):
        other.store.held = []
        other.run()
        # Somebody takes it away before the set is stored.
        tag = response.headers[b"To"].partition(b"tag=")[2]
        one.store.adopt(tag, 3, lambda *_: None)
        one.store.waiting.pop()()
        other.store.release()
        answers += [one for one in other.book.sent() if one.status]
    assert [one.status for one in answers] == [500]
    assert b"Retry-After" in answers[0].headers


def test_a_fetch_with_sets_that_is_repeated_elsewhere_is_a_fetch_without() -> None:
    """There is no dialog, but a row to know it by."""
    one, other = (cluster := Cluster()).nodes
    one.confirm(one.receive(subscribe(1, 1, DND_ON, expires=b"0")))
    revision = cluster.engine.state(ALICE).revision
    sent = other.receive(subscribe(1, 1, DND_ON, expires=b"0"))
    assert [one.status for one in sent] == [200, 0]
    assert b"<doNotDisturbOn>true<" in sent[1].body
    assert cluster.engine.state(ALICE).revision == revision
    other.confirm(sent)
    cluster.pass_time(100.0)
    cluster.pass_time(2.0)
    assert not cluster.engine.rows


def test_a_dialog_that_ended_elsewhere_and_whose_beginning_comes_late_is_a_new_one() -> None:
    """Its sets were applied; the new dialog has a tag of its own."""
    one, other = (cluster := Cluster()).nodes
    response = one.receive(subscribe(1, 1, DND_ON))[0]
    for notify in one.receive(_in_dialog(response, 2, expires=b"0"))[1:]:
        one.book.answer(notify)
    one.book.pass_time(2.0)
    revision = cluster.engine.state(ALICE).revision
    answer, notify = other.receive(subscribe(1, 1, DND_OFF))
    assert answer.status == 200
    assert answer.headers[b"To"] != response.headers[b"To"]
    assert cluster.engine.state(ALICE).revision == revision


def test_a_dialog_that_has_just_ended_here_is_not_asked_back() -> None:
    """Its row is there for a second more; its CSeqs are used."""
    one, _ = (cluster := Cluster()).nodes
    response = _subscribed(one)
    one.confirm(one.receive(_in_dialog(response, 2, expires=b"0")))
    assert cluster.engine.rows
    assert [one.status for one in one.receive(_in_dialog(response, 3))] == [481]


def test_a_dialog_that_comes_another_way_and_ends_meanwhile_is_not_begun_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was asked for is its row as it was; a set that waited for it was never stored."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    held: list[Callable[[], None]] = []
    fetch = other.store.fetch
    monkeypatch.setattr(
        other.store, "fetch", lambda who, done: held.append(partial(fetch, who, done))
    )
    assert other.receive(_in_dialog(response, 2, DND_ON)) == []
    monkeypatch.undo()
    other.claim(one)
    other.confirm(other.receive(_in_dialog(response, 3, expires=b"0")))
    (answer_late,) = held
    answer_late()
    assert [(sent.status, sent.cseq) for sent in other.run()] == [(481, 2)]
    assert cluster.engine.state(ALICE).state(DND) != ON
    assert len(other.book.notifier.subscriptions) == 0
