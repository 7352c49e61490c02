"""Requests that must not be served twice."""

import pytest

from dfks_rules.sip.message import Request, parse_message
from dfks_rules.sip.server_transaction import (
    ServerState,
    ServerTransaction,
    ServerTransactions,
    merge_key,
    server_key,
)
from dfks_rules.sip.timers import TIMEOUT
from tests.helpers.playbook import FLOW, message


def _request(_method: bytes = b"SUBSCRIBE", /, **changes: bytes | None) -> Request:
    request = parse_message(message(_method, b"", **changes))
    assert isinstance(request, Request)
    return request


def _key(**changes: bytes | None) -> bytes:
    return server_key(_request(b"SUBSCRIBE", **changes), b"SUBSCRIBE")


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


@pytest.mark.parametrize("branch", [b";branch=z9hG4bK1", b";branch=1"])
def test_a_request_of_another_method_is_no_repeat(branch: bytes) -> None:
    """RFC 3261 §17.2.3, rule 3: an OPTIONS with the branch of a SUBSCRIBE is served."""
    keys = {
        server_key(_request(method, via=b"SIP/2.0/UDP 192.0.2.7" + branch), method)
        for method in (b"SUBSCRIBE", b"OPTIONS")
    }
    assert len(keys) == 2


def test_a_request_of_rfc_2543_that_came_another_way_is_no_repeat() -> None:
    """Its top Via is all that tells two of them apart; answers go back by it."""
    vias = (b"SIP/2.0/UDP 192.0.2.7", b"SIP/2.0/UDP 192.0.2.8", b"SIP/2.0/UDP 192.0.2.7;branch=2")
    assert len({_key(via=via) for via in vias}) == 3


def _begun(servers: ServerTransactions, **changes: bytes | None) -> ServerTransaction:
    request = _request(b"SUBSCRIBE", **changes)
    key = server_key(request, request.method)
    return servers.begin(request.method, key, merge_key(request, b"tag"), FLOW, 0.0)


def test_server_transaction_is_kept_for_timer_j_once_it_is_answered() -> None:
    """One that the store works on outlives it: its repeats must not be served twice."""
    servers = ServerTransactions()
    transaction = _begun(servers)
    servers.expire(TIMEOUT)
    assert servers.find(transaction.key) is transaction
    assert (transaction.state, transaction.response) == (ServerState.TRYING, None)
    transaction.answered(b"200")
    assert (transaction.state, transaction.response) == (ServerState.COMPLETED, b"200")
    servers.expire(2 * TIMEOUT - 0.1)
    found = servers.find(transaction.key)
    assert found is not None
    assert (found.state, found.response, found.flow) == (ServerState.COMPLETED, b"200", FLOW)
    assert servers.is_merged(transaction.merge_key)
    assert servers.next_deadline() == 2 * TIMEOUT
    servers.expire(2 * TIMEOUT)
    assert servers.find(transaction.key) is None
    assert (len(servers), servers.next_deadline()) == (0, None)
    assert not servers.is_merged(transaction.merge_key)


@pytest.mark.parametrize(
    ("changes", "merged"),
    [
        ({"via": b"SIP/2.0/UDP 192.0.2.50;branch=z9hG4bK2"}, True),
        ({"uri": b"sip:other@example.com"}, True),
        ({"call_id": b"other"}, False),
        ({"cseq": b"2 SUBSCRIBE"}, False),
    ],
)
def test_a_merged_request_is_known_by_tag_call_id_and_cseq(
    changes: dict[str, bytes], *, merged: bool
) -> None:
    """RFC 3261 §8.2.2.2: whatever Via and Request-URI became on the way."""
    servers = ServerTransactions()
    _begun(servers)
    request = _request(b"SUBSCRIBE", **changes)
    assert servers.is_merged(merge_key(request, b"tag")) is merged
    assert not servers.is_merged(merge_key(request, b"another tag"))


@pytest.mark.parametrize("branch", [b";branch=z9hG4bK1", b";branch=1"])
def test_a_cancel_finds_the_transaction_of_any_method(branch: bytes) -> None:
    """RFC 3261 §9.2: it has the branch of the request, and its own method."""
    servers = ServerTransactions()
    via = b"SIP/2.0/UDP 192.0.2.7" + branch
    transaction = _begun(servers, via=via)
    assert servers.cancelled_by(_request(b"CANCEL", via=via)) is transaction
    assert servers.cancelled_by(_request(b"CANCEL", via=via + b"2")) is None
    key = server_key(_request(b"OPTIONS", via=via + b"3"), b"OPTIONS")
    other = servers.begin(b"OPTIONS", key, b"merge", FLOW, 0.0)
    assert servers.cancelled_by(_request(b"CANCEL", via=via + b"3")) is other
    assert servers.cancelled_by(_request(b"CANCEL", via=via)) is transaction
