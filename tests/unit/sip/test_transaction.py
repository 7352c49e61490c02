"""Transactions of both sides."""

import pytest

from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.message import Request, parse_message
from dfks_rules.sip.transaction import (
    T1,
    T2,
    TIMEOUT,
    ClientTransactions,
    ServerTransactions,
    server_key,
)
from tests.helpers.playbook import FLOW, message

_TCP = Flow(Listener("tcp", "192.0.2.1", 5060), ("192.0.2.7", 5062), 1)


def _key(**changes: bytes | None) -> bytes:
    request = parse_message(message(b"SUBSCRIBE", b"", **changes))
    assert isinstance(request, Request)
    return server_key(request)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"call_id": b"other"}, True),
        ({"via": b"SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK1"}, True),
        ({"via": b"SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK2"}, False),
        ({"via": b"SIP/2.0/UDP 192.0.2.8:5062;branch=z9hG4bK1"}, False),
        ({"via": b"SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1"}, False),
    ],
)
def test_repeats_are_known_by_branch_and_sent_by(changes: dict[str, bytes], same: bool) -> None:
    """RFC 3261 §17.2.3: two phones may choose one branch."""
    assert (_key(**changes) == _key()) is same


@pytest.mark.parametrize("branch", [b"", b";branch=1", b";branch=z9hG4bK"])
@pytest.mark.parametrize("name", ["to", "from", "call_id", "cseq", "uri"])
def test_repeats_of_rfc_2543_are_known_by_all_of_their_items(branch: bytes, name: str) -> None:
    """An old phone repeats its branch, or has none: nothing of it may differ."""
    via = b"SIP/2.0/UDP 192.0.2.7" + branch
    changes: dict[str, bytes] = {name: b"sip:b", "via": via}
    if name == "cseq":
        changes["cseq"] = b"2 SUBSCRIBE"
    assert _key(via=via) == _key(via=via)
    assert _key(**changes) != _key(via=via)


def test_server_transaction_is_kept_for_timer_j_once_it_is_answered() -> None:
    """One that the store works on outlives it: its repeats must not be served twice."""
    servers = ServerTransactions()
    transaction = servers.begin(b"k", FLOW, 0.0)
    servers.expire(TIMEOUT)
    assert servers.find(b"k") is transaction
    transaction.response = b"200"
    servers.expire(2 * TIMEOUT - 0.1)
    assert servers.find(b"k") is transaction
    assert servers.next_deadline() == 2 * TIMEOUT
    servers.expire(2 * TIMEOUT)
    assert (servers.find(b"k"), len(servers), servers.next_deadline()) == (None, 0, None)


def _repeats(clients: ClientTransactions[str]) -> tuple[list[float], float | None]:
    """When something is sent again, and when it is given up."""
    times: list[float] = []
    while (now := clients.next_deadline()) is not None:
        again, timed_out = clients.expire(now)
        times += [now for _ in again]
        if timed_out:
            return times, now
    return times, None


def test_request_is_repeated_by_timer_e_until_timer_f() -> None:
    """RFC 3261 §17.1.2.2: the wait doubles up to T2; given up after 32 s."""
    clients: ClientTransactions[str] = ClientTransactions()
    clients.begin(b"z", b"NOTIFY", FLOW, "owner", 0.0)
    times = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert _repeats(clients) == (times, TIMEOUT)
    assert len(clients) == 0


def test_request_over_tcp_is_never_repeated() -> None:
    """The transport does that."""
    clients: ClientTransactions[str] = ClientTransactions()
    clients.begin(b"z", b"NOTIFY", _TCP, "owner", 0.0)
    assert _repeats(clients) == ([], TIMEOUT)


def test_provisional_response_slows_the_repeats_down() -> None:
    """RFC 3261 §17.1.2.2: proceeding, timer E is T2."""
    clients: ClientTransactions[str] = ClientTransactions()
    clients.begin(b"z", b"NOTIFY", FLOW, "owner", 0.0)
    assert clients.answered(b"z", 100) is None
    times, _ = _repeats(clients)
    assert times[:3] == [T1, T1 + T2, T1 + 2 * T2]


@pytest.mark.parametrize("status", [200, 302, 481, 503, 603])
def test_final_response_ends_a_transaction_once(status: int) -> None:
    """A late second response matches nothing, and nothing is sent again."""
    clients: ClientTransactions[str] = ClientTransactions()
    transaction = clients.begin(b"z", b"NOTIFY", FLOW, "owner", 0.0)
    assert clients.answered(b"other", status) is None
    assert clients.answered(b"z", status) is transaction
    assert clients.answered(b"z", status) is None
    assert clients.expire(TIMEOUT) == ([], [])


def test_abandoned_transaction_is_neither_repeated_nor_answered() -> None:
    """A newer NOTIFY took its place."""
    clients: ClientTransactions[str] = ClientTransactions()
    transaction = clients.begin(b"z", b"NOTIFY", FLOW, "owner", 0.0)
    clients.abandon(transaction)
    clients.abandon(transaction)
    assert (len(clients), clients.answered(b"z", 200)) == (0, None)
    assert clients.expire(T1) == ([], [])
