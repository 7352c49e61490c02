"""Dialogs come from other nodes, and go to them; their phones notice nothing."""

from collections.abc import Callable
from functools import partial
from itertools import permutations

import pytest

from dfks_rules.presence import rows, taking
from dfks_rules.presence.restoring import GRACE, PAUSE
from dfks_rules.presence.taking import REMEMBERED
from dfks_rules.service.ports import DialogRow, Gone
from tests.helpers.lives import subscribe
from tests.helpers.nodes import Cluster, Moved, Node
from tests.helpers.playbook import DND_ON, Sent, tag_of
from tests.helpers.policy import ALICE, NOON


def _subscribed(node: Node, number: int = 1, body: bytes = b"") -> Sent:
    sent = node.receive(subscribe(number, body=body))
    node.confirm(sent)
    return sent[0]


def _refresh(node: Node, response: Sent, cseq: int, **changes: bytes | None) -> list[Sent]:
    number = int(response.headers[b"Call-ID"][5:])
    return node.receive(subscribe(number, cseq, b"", to=response.headers[b"To"], **changes))


def _numbers(cluster: Cluster) -> list[int]:
    return [len(node.book.notifier.subscriptions) for node in cluster.nodes]


# --- Claims ---


def test_dialogs_of_a_node_that_has_ended_go_on_at_another_one() -> None:
    """Also while that one has its own, and has served for long."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one, 1)
    _subscribed(other, 2)
    cluster.pass_time(100.0)
    other.claim(one)
    assert _numbers(cluster) == [1, 2]
    other.confirm([answer for answer in _refresh(other, response, 2) if not answer.status])
    assert other.counts["rows_restored"] == 1
    assert other.counts["adopted"] == 0


def test_after_a_claim_those_are_told_whose_presentity_has_changed() -> None:
    """The NOTIFY of the node that has ended may be lost; its CSeqs are lower."""
    one, other = (cluster := Cluster()).nodes
    _, first = one.receive(subscribe(1))
    one.confirm([first])
    cluster.pass_time(100.0)
    other.claim(one, changed=[ALICE])
    (notify,) = other.book.pass_time(PAUSE)
    assert notify.body.count(b"<ForwardingEvent") == 3
    assert notify.cseq > first.cseq


def test_what_changes_between_a_planned_end_and_its_claim_is_told() -> None:
    """Who has left heard no more of it; nobody else had the dialog."""
    one, other = (cluster := Cluster()).nodes
    _subscribed(one)
    cluster.pass_time(100.0)
    other.claim(one, is_clean=True, changed=[ALICE])
    assert len(other.book.pass_time(PAUSE)) == 1


def test_shortly_after_a_claim_subscriptions_live_a_minute_longer() -> None:
    """From its own moment on, however long the node has lived; not where the other one left."""
    for is_clean in (False, True):
        one, other = (cluster := Cluster()).nodes
        _subscribed(one)
        cluster.pass_time(590.0)
        other.claim(one, is_clean=is_clean)
        (notify,) = other.book.pass_time(10.0) or other.book.pass_time(GRACE)
        assert notify.headers[b"Subscription-State"] == b"terminated;reason=timeout"
        assert other.now == (600.0 if is_clean else 600.0 + GRACE)


def test_a_row_that_its_living_node_should_have_removed_is_by_another_clock() -> None:
    """The clock of all was set forward by an hour: no phone may be given up for that."""
    one, other = (cluster := Cluster()).nodes
    _subscribed(one)
    cluster.pass_time(100.0)
    [(number, row)] = cluster.engine.rows.items()
    cluster.engine.rows[number] = row._replace(deadline=row.deadline - 3600.0)
    other.claim(one)
    assert _numbers(cluster)[1] == 1
    sent = other.book.pass_time(2 * PAUSE)
    assert [notify.status for notify in sent] == [0]
    other.confirm(sent)
    cluster.pass_time(60.0)
    assert _numbers(cluster)[1] == 1
    assert cluster.engine.rows[number].deadline > row.deadline


def test_two_claims_have_graces_of_their_own() -> None:
    """The second one does not prolong what the first one brought."""
    one, two, other = (cluster := Cluster(3)).nodes
    _subscribed(one, 1)
    _subscribed(two, 2)
    cluster.pass_time(500.0)
    other.claim(one)
    cluster.pass_time(90.0)
    other.claim(two)
    ended = [notify.headers[b"Call-ID"] for notify in other.book.pass_time(10.0)]
    assert ended == [b"call-1"]
    ended = [notify.headers[b"Call-ID"] for notify in other.book.pass_time(GRACE)]
    assert b"call-2" in ended


def test_a_claimed_dialog_that_was_here_before_and_moved_unheard_of_is_not_given_up() -> None:
    """Its row is the only one that there is, though an older one is known here."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one, 1)
    moved = _refresh(other, response, 2)
    other.confirm(moved)
    (row,) = cluster.engine.rows.values()
    one.claim(other)
    cluster.pass_time(5.0)
    assert list(cluster.engine.rows) == [row.row]
    (answer, notify) = _refresh(one, response, 3)
    assert answer.status == 200
    assert notify.cseq > moved[-1].cseq
    assert _numbers(cluster)[0] == 1
    assert one.counts["rows_removed"] == 0


def test_a_dialog_that_was_adopted_before_its_page_came_is_taken_once() -> None:
    """Its phone spoke while rows were read; it is this node's already."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    other.store.owned |= one.store.owned
    sent = _refresh(other, response, 2)
    assert [answer.status for answer in sent] == [200, 0]
    other.confirm(sent)
    other.claim(one)
    assert _numbers(cluster)[1] == 1
    cluster.pass_time(2.0)
    assert len(cluster.engine.rows) == 1


def test_a_page_that_is_older_than_a_move_brings_nothing_back() -> None:
    """It was read before another node adopted one of its dialogs."""
    one, other, third = (cluster := Cluster(3)).nodes
    response = _subscribed(one)
    page = one.store.read(1 << 62, 10)
    third.confirm(_refresh(third, response, 2))
    cluster.hear()
    for seconds, taken in ((0.0, 0), (REMEMBERED, 1)):
        other.book.pass_time(seconds)
        other.claim(one, page=page)
        assert len(other.book.notifier.subscriptions) == taken


def test_a_dialog_whose_adoption_was_not_answered_is_here_once_and_told_all() -> None:
    """Unless another node has it by now."""
    one, other, third = (cluster := Cluster(3)).nodes
    responses = [_subscribed(one, number) for number in (1, 2)]
    found = [_adopted(other, response) for response in responses]
    third.confirm(_refresh(third, responses[1], 2))
    cluster.hear()
    for _ in range(2):
        for row in found:
            other.book.notifier.adopted(row, other.now)
    assert _numbers(cluster) == [0, 1, 1]
    assert other.book.notifier.has(found[0].tag)
    assert not other.book.notifier.has(found[1].tag)
    sent = cluster.pass_time(2 * PAUSE)
    assert [notify.headers[b"From"].endswith(found[0].tag) for notify in sent] == [True]


def _adopted(node: Node, response: Sent) -> DialogRow:
    found: list[DialogRow | Gone] = []
    node.store.adopt(tag_of(response), 1, lambda row, _now: found.append(row))
    node.run()
    assert isinstance(found[0], DialogRow)
    return found[0]


# --- Moves ---


def test_a_dialog_that_has_moved_ends_silently() -> None:
    """No last NOTIFY; the outstanding one is not repeated; the row is the other node's."""
    one, other = (cluster := Cluster()).nodes
    response, _ = one.receive(subscribe(1))
    cluster.pass_time(5.0)
    other.confirm(_refresh(other, response, 2))
    assert cluster.hear() == []
    assert one.book.pass_time(40.0) == []
    assert one.counts["ended_moved"] == 1
    assert _numbers(cluster) == [0, 1]
    assert len(cluster.engine.rows) == 1


def test_it_is_counted_where_it_is_forgotten_how_far_a_dialog_had_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of too many that have left, the ones that left first."""
    monkeypatch.setattr(taking, "MOVED_AT_MOST", 2)
    one, other = (cluster := Cluster()).nodes
    moved = [_subscribed(one, number) for number in (1, 2, 3)]
    for number, response in enumerate(moved):
        other.confirm(_refresh(other, response, 2))
        cluster.hear()
        assert one.counts["left_forgotten"] == max(0, number - 1)


def test_a_dialog_that_nobody_has_looked_at_yet_ends_silently_too() -> None:
    """It is still a row."""
    one, other, third = (cluster := Cluster(3)).nodes
    response = _subscribed(one)
    cluster.pass_time(100.0)
    other.claim(one)
    third.confirm(_refresh(third, response, 2))
    cluster.hear()
    assert other.counts["ended_moved"] == 1
    assert len(other.book.notifier.subscriptions) == 0


def test_an_old_move_ends_nothing() -> None:
    """The dialog was adopted back meanwhile, and has another number."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    cluster.pass_time(5.0)
    other.confirm(_refresh(other, response, 2))
    moves = [told for told in cluster.engine.feed if isinstance(told, Moved)]
    cluster.hear()
    cluster.pass_time(5.0)
    one.confirm(_refresh(one, response, 3))
    for move in moves:
        one.book.notifier.lose(move.tag, move.row, one.now)
    assert len(one.book.notifier.subscriptions) == 1


def test_a_refresh_that_came_after_the_move_brings_the_dialog_back() -> None:
    """It was answered before this node had heard: it must not be lost."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    cluster.pass_time(5.0)
    other.confirm(_refresh(other, response, 2))
    cluster.pass_time(5.0)
    _, late = _refresh(one, response, 3, expires=b"500")
    sent = cluster.settle()
    assert _numbers(cluster) == [1, 0]
    assert one.counts["adopted_again"] == 1
    (notify,) = [notify for notify in sent if notify.body]
    assert notify.body.count(b"<ForwardingEvent") == 3
    assert notify.cseq > late.cseq
    row = cluster.engine.of(tag_of(response))
    assert row is not None
    assert row.cseq == 3


def test_who_answered_last_has_the_dialog_however_late_others_hear_of_moves() -> None:
    """Each has answered its phone within a second, and believes that it has come back."""
    for order in permutations(range(3)):
        one, other, third = nodes = (cluster := Cluster(3)).nodes
        response = _subscribed(one)
        for cseq, node in enumerate((other, third, one, other), 2):
            node.confirm(_refresh(node, response, cseq))
        for _ in range(4):
            for place in order:
                sent = nodes[place].hear()
                nodes[place].confirm(sent)
        cluster.pass_time(2.0)
        cluster.settle()
        assert _numbers(cluster) == [0, 1, 0], order


def test_a_dialog_whose_loss_is_heard_of_late_comes_back_where_its_phone_was_last() -> None:
    """The engine was away, and nothing could be written; it is not given up for that."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    cluster.pass_time(5.0)
    other.confirm(_refresh(other, response, 2))
    other.book.pass_time(5.0)
    cluster.engine.is_away = True
    one.confirm(_refresh(one, response, 3))
    one.book.pass_time(30.0)
    cluster.engine.is_away = False
    cluster.settle()
    assert _numbers(cluster) == [1, 0]


def test_a_dialog_that_moves_on_while_it_is_taken_back_is_asked_for_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its phone has spoken here again meanwhile, which nobody else knows."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    cluster.pass_time(5.0)
    other.confirm(_refresh(other, response, 2))
    one.confirm(_refresh(one, response, 3))
    held: list[Callable[[], None]] = []
    fetch = one.store.fetch
    monkeypatch.setattr(
        one.store, "fetch", lambda who, done: held.append(partial(fetch, who, done))
    )
    one.confirm(one.hear())
    other.confirm(_refresh(other, response, 4))
    other.confirm(other.hear())
    one.confirm(_refresh(one, response, 5))
    one.confirm(one.hear())
    monkeypatch.undo()
    (fetched_late,) = held
    fetched_late()
    one.confirm(one.run())
    cluster.settle()
    assert _numbers(cluster) == [1, 0]


@pytest.mark.parametrize("is_back", [False, True])
def test_of_two_that_have_had_the_same_subscribe_who_asks_for_it_first_keeps_the_dialog(
    is_back: bool,
) -> None:
    """Its phone repeated it elsewhere: neither goes on for ever to take it back."""
    one, other, third = (cluster := Cluster(3)).nodes
    response = _subscribed(one)
    cluster.pass_time(5.0)
    other.confirm(_refresh(other, response, 2))
    one.confirm(_refresh(one, response, 3))
    if not is_back:
        third.confirm(_refresh(third, response, 3))
    cluster.settle()
    assert _numbers(cluster) == [int(is_back), 0, int(not is_back)]


@pytest.mark.parametrize("tells_late", [False, True])
@pytest.mark.parametrize("is_fresh", [False, True])
def test_a_row_written_behind_that_is_not_ours_any_more_brings_it_back_or_ends_it(
    is_fresh: bool, tells_late: bool
) -> None:
    """The write is quicker than what is heard of other nodes."""
    one, other = (cluster := Cluster()).nodes
    one.store.tells_late = tells_late
    response = _subscribed(one)
    cluster.pass_time(5.0)
    other.confirm(_refresh(other, response, 2))
    if is_fresh:
        one.confirm(_refresh(one, response, 3))
    else:
        subscription = one.book.notifier.subscriptions.at(tag_of(response))
        assert subscription is not None
        one.book.notifier._kept.mark(subscription, one.now)  # type: ignore[union-attr]
    one.book.pass_time(1.0)
    one.run()
    assert len(one.book.notifier.subscriptions) == is_fresh
    assert one.counts["adopted_again"] == is_fresh


def test_a_phone_that_refuses_old_cseqs_brings_its_dialog_back() -> None:
    """It has had higher ones from another node (RFC 3261 §12.2.2)."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    cluster.pass_time(5.0)
    _, newer = _refresh(other, response, 2)
    other.confirm([newer])
    _, notify = _refresh(one, response, 3)
    assert notify.cseq < newer.cseq
    assert one.book.answer(notify, 500) == []
    one.run()
    (again,) = one.book.pass_time(PAUSE)
    assert again.cseq > newer.cseq


def test_a_dialog_that_cannot_be_asked_back_is_let_go() -> None:
    """The engine is away, and the other node has it."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    cluster.pass_time(5.0)
    other.confirm(_refresh(other, response, 2))
    cluster.pass_time(5.0)
    one.confirm(_refresh(one, response, 3))
    cluster.engine.is_away = True
    assert cluster.hear() == []
    assert _numbers(cluster) == [0, 1]


def test_a_fenced_node_drops_everything_silently() -> None:
    """It joins anew, and its phones are told by whoever has claimed them."""
    one, other = (cluster := Cluster()).nodes
    _subscribed(one, 1)
    one.receive(subscribe(2))
    other.claim(one)
    one.book.notifier.forget_all(one.now)
    assert one.book.pass_time(100.0) == []
    assert _numbers(cluster) == [0, 2]
    assert len(cluster.engine.rows) == 2


# --- CSeq ---


def test_no_cseq_is_used_by_two_nodes_however_many_notifys_one_has_sent() -> None:
    """An adopter adds one to the term that is stored; who is about to use the next one has stored
    that first.
    """
    for count in (1, 1_023, 1_024, 1_500, 2_046, 2_047, 2_048, 3_072, 5_000):
        one, other = (cluster := Cluster()).nodes
        response = _subscribed(one)
        subscription = one.book.notifier.subscriptions.at(tag_of(response))
        assert subscription is not None
        highest = 0
        while subscription.dialog.local_cseq < count:
            one.book.notifier.refresh_watchers(ALICE, NOON, one.now)
            sent = one.book.sent()
            one.confirm(sent)
            highest = sent[-1].cseq
            # Rows are written behind: not at once.
            if subscription.dialog.local_cseq % 512 == 0:
                one.book.pass_time(2.0)
        sent = _refresh(other, response, 2)
        assert sent[1].cseq > highest
        assert sent[1].cseq == (sent[1].cseq >> rows.TERM << rows.TERM) + 1
        cluster.hear()


def test_a_dialog_that_was_let_go_and_has_not_moved_uses_no_cseq_again() -> None:
    """The engine says that it is this node's, as it was all the time: its term is the same."""
    one, _ = Cluster().nodes
    response, first = one.receive(subscribe(1))
    one.confirm([first])
    taking = one.book.notifier._taking
    assert taking is not None
    taking.drop(tag_of(response), one.now)
    _, again = _refresh(one, response, 2)
    assert again.cseq > first.cseq


def test_a_dialog_whose_terms_are_used_up_begins_anew() -> None:
    """2²⁰ terms; then its phone is told 481."""
    one, other = (cluster := Cluster()).nodes
    response = _subscribed(one)
    (number,) = cluster.engine.rows
    row = cluster.engine.rows[number]
    cluster.engine.rows[number] = row._replace(base=(1 << 20) - 1)
    assert [answer.status for answer in _refresh(other, response, 2)] == [481]
    cluster.pass_time(2.0)
    assert not cluster.engine.rows


def test_a_set_that_made_its_dialog_is_known_after_the_dialog_was_adopted_and_has_ended() -> None:
    """Its repeat may come to any node, for half a minute."""
    one, other, third = (cluster := Cluster(3)).nodes
    response = _subscribed(one, body=DND_ON)
    other.confirm(_refresh(other, response, 2, expires=b"0"))
    cluster.hear()
    cluster.pass_time(2.0)
    revision = cluster.engine.state(ALICE).revision
    again = subscribe(1, body=DND_ON.replace(b"true", b"false"))
    assert third.receive(again)[0].status == 200
    assert cluster.engine.state(ALICE).revision == revision
