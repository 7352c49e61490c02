"""Requests of ours."""

import pytest

from dfks_rules.sip.client_transaction import (
    ClientState,
    ClientTransaction,
    ClientTransactions,
    Outgoing,
    branch_of,
)
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.timers import T1, T2, TIMEOUT
from tests.helpers.playbook import FLOW

_TCP = Flow(Listener("tcp", "192.0.2.1", 5061), ("192.0.2.7", 5062), 1)
_NOTIFY = Outgoing(b"z", b"NOTIFY", FLOW)


def _repeats(clients: ClientTransactions[str]) -> tuple[list[float], float | None]:
    """When something is sent again, and when it is given up."""
    times: list[float] = []
    while (now := clients.next_deadline()) is not None:
        again, timed_out = clients.expire(now)
        times += [now for _ in again]
        for one in timed_out:
            clients.abandon(one)
            return times, now
    return times, None


def test_request_is_repeated_by_timer_e_until_timer_f() -> None:
    """RFC 3261 §17.1.2.2: the wait doubles up to T2; given up after 32 s."""
    clients: ClientTransactions[str] = ClientTransactions()
    clients.begin(_NOTIFY, "owner", 0.0)
    times = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert _repeats(clients) == (times, TIMEOUT)
    assert len(clients) == 0


def test_request_over_tcp_is_never_repeated() -> None:
    """The transport does that."""
    clients: ClientTransactions[str] = ClientTransactions()
    clients.begin(Outgoing(b"z", b"NOTIFY", _TCP), "owner", 0.0)
    assert _repeats(clients) == ([], TIMEOUT)


def test_provisional_response_slows_the_repeats_down() -> None:
    """RFC 3261 §17.1.2.2: proceeding, timer E is T2."""
    clients: ClientTransactions[str] = ClientTransactions()
    clients.begin(_NOTIFY, "owner", 0.0)
    assert clients.answered(b"z", 100) is None
    times, _ = _repeats(clients)
    assert times[:3] == [T1, T1 + T2, T1 + 2 * T2]


@pytest.mark.parametrize("status", [200, 302, 481, 503, 603])
def test_final_response_ends_a_transaction_once(status: int) -> None:
    """A late second response matches nothing, and nothing is sent again."""
    clients: ClientTransactions[str] = ClientTransactions()
    transaction = clients.begin(_NOTIFY, "owner", 0.0)
    assert clients.answered(b"other", status) is None
    assert clients.answered(b"z", status) is transaction
    assert clients.answered(b"z", status) is None
    assert clients.expire(TIMEOUT) == ([], [])


def test_abandoned_transaction_is_neither_repeated_nor_answered() -> None:
    """A newer NOTIFY took its place."""
    clients: ClientTransactions[str] = ClientTransactions()
    transaction = clients.begin(_NOTIFY, "owner", 0.0)
    clients.abandon(transaction)
    assert transaction.state is ClientState.TERMINATED
    clients.abandon(transaction)
    assert (len(clients), clients.answered(b"z", 200)) == (0, None)
    assert clients.expire(T1) == ([], [])


_LONG = Outgoing(
    b"z9hG4bKn",
    b"NOTIFY sip:a SIP/2.0\r\nRoute: <sip:b;branch=1>\r\n"
    b"Via: SIP/2.0/TCP 192.0.2.1:5061;rport;branch=z9hG4bKn\r\n\r\n",
    _TCP,
    (FLOW,),
)


def test_request_goes_to_another_target_as_another_transaction_of_the_same_cseq() -> None:
    """RFC 3263 §4.3: another branch, in a Via of that transport; timers E and F begin anew."""
    clients: ClientTransactions[str] = ClientTransactions()
    transaction = clients.begin(_LONG, "owner", 0.0)
    clients.move(transaction, transaction.further, 2.0, b"s")
    assert (transaction.flow, transaction.further) == (FLOW, ())
    assert (
        b"\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKn.1s\r\n" in transaction.message
    )
    assert (clients.find(b"z9hG4bKn"), clients.find(b"z9hG4bKn.1s")) == (None, transaction)
    times, timed_out = _repeats(clients)
    assert (times[:3], timed_out) == ([2.5, 3.5, 5.5], 2.0 + TIMEOUT)
    assert len(clients) == 0


def test_each_target_has_its_own_branch() -> None:
    """What comes late from an earlier one is about a transaction that is gone."""
    clients: ClientTransactions[str] = ClientTransactions()
    transaction = clients.begin(_LONG, "owner", 0.0)
    there = (FLOW, FLOW, _TCP)
    for number in (1, 2, 3):
        clients.move(transaction, there[number - 1 :], 0.0, b"s")
        assert branch_of(transaction.message) == transaction.branch == b"z9hG4bKn.%ds" % number
        assert transaction.message.count(b"Via: ") == 1
    assert clients.answered(b"z9hG4bKn.2s", 200) is None
    assert clients.answered(b"z9hG4bKn.3s", 200) is transaction


def test_request_whose_hop_is_looked_up_is_given_up_with_timer_f_at_the_latest() -> None:
    """A lookup that never ends must not keep a subscription waiting forever."""
    clients: ClientTransactions[str] = ClientTransactions()
    clients.locate(clients.begin(_NOTIFY, "owner", 0.0), 0.0)
    assert _repeats(clients) == ([], TIMEOUT)


def test_timer_of_an_earlier_target_does_not_matter() -> None:
    """It would repeat the request twice as often."""
    clients: ClientTransactions[str] = ClientTransactions()
    transaction = clients.begin(_NOTIFY, "owner", 0.0)
    clients.move(transaction, (FLOW,), 0.25, b"s")
    assert clients.expire(0.5) == ([], [])
    assert clients.expire(0.75) == ([transaction], [])


def test_requests_that_took_another_way_leave_nothing_behind() -> None:
    """Each once left an empty timer queue, which every later turn went through."""
    clients: ClientTransactions[str] = ClientTransactions()
    for number in range(100):
        begun = number * 1.37
        transaction = clients.begin(Outgoing(b"%d" % number, _LONG.message, _TCP), "owner", begun)
        clients.move(transaction, (FLOW,), begun + number * 0.003, b"s")
        for transaction in clients.expire(begun + 1)[1]:
            clients.abandon(transaction)
    while (now := clients.next_deadline()) is not None:
        for transaction in clients.expire(now)[1]:
            clients.abandon(transaction)
    assert len(clients) == 0
    assert len(clients._timers._queues) < 10


@pytest.mark.parametrize(
    ("message", "branch"),
    [
        (_LONG.message, b"z9hG4bKn"),
        (b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=1\r\n", None),
        (b"NOTIFY sip:a;branch=1 SIP/2.0\r\n\r\n", None),
    ],
)
def test_a_request_of_ours_is_known_by_the_branch_in_its_via(
    message: bytes, branch: bytes | None
) -> None:
    """A peer's text in Request-URI or Route does not count; a response is nobody's request."""
    assert branch_of(message) == branch


@pytest.mark.parametrize("delay", [0.001, 0.123, 0.499, 3.9, 17.77])
def test_a_request_that_moved_waits_only_for_so_many_times_t1(delay: float) -> None:
    """Each other waiting time would be a queue that stays forever, and is looked at each turn."""
    transaction = ClientTransaction(_LONG, "owner", 0.0)
    transaction.move((FLOW,), delay, b"s")
    deadline, waits = delay + T1, []
    while wait := transaction.next_wait(deadline):
        deadline += wait
        waits.append(wait)
    assert set(waits) <= {steps * T1 for steps in range(1, 9)}
    assert deadline == pytest.approx(delay + TIMEOUT)


def test_a_request_is_sent_no_more_often_than_it_may_be_and_waits_as_long() -> None:
    """Its owner knows why; whoever answers late is still heard."""
    clients: ClientTransactions[str] = ClientTransactions()
    request = Outgoing(b"z", b"NOTIFY", FLOW)
    request.sendings = 3
    clients.begin(request, "owner", 0.0)
    sent, ended = 1, 0
    for step in range(1, 65):
        again, timed_out = clients.expire(step * 0.5)
        sent, ended = sent + len(again), ended + len(timed_out)
        assert ended == (step == 64)
    assert sent == 3
