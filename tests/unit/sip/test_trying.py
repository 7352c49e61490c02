"""What is said to a peer whose request takes long."""

from dfks_rules.sip.message import Request, parse_message
from dfks_rules.sip.server_transaction import ServerTransaction
from dfks_rules.sip.timers import PORTION
from dfks_rules.sip.trying import TRYING_AFTER, Unanswered, trying
from tests.helpers.playbook import FLOW, message, read


def _request(**changes: bytes | None) -> Request:
    request = parse_message(message(b"SUBSCRIBE", b"", **changes))
    assert isinstance(request, Request)
    return request


def _transaction(number: int = 1) -> ServerTransaction:
    return ServerTransaction(b"%d" % number, b"", FLOW)


def test_a_request_is_told_100_once_it_takes_long_and_not_before() -> None:
    """RFC 4320 §4.1: when timer E of its peer has become T2, which is after 3.5 s."""
    unanswered, transaction = Unanswered(), _transaction()
    unanswered.begun(transaction, _request(), FLOW.remote, 10.0)
    assert TRYING_AFTER == 3.5
    assert unanswered.due(13.4) == []
    assert unanswered.next_deadline() == 13.5
    ((told, message_),) = unanswered.due(13.5)
    assert told is transaction
    assert message_.startswith(b"SIP/2.0 100 Trying\r\n")
    assert (unanswered.due(20.0), unanswered.next_deadline(), len(unanswered)) == ([], None, 0)


def test_a_request_that_was_answered_is_told_nothing() -> None:
    """Which nearly every one is."""
    unanswered, transaction = Unanswered(), _transaction()
    unanswered.begun(transaction, _request(), FLOW.remote, 0.0)
    unanswered.answered(transaction)
    unanswered.answered(transaction)
    assert (unanswered.due(99.0), unanswered.next_deadline()) == ([], None)


def test_many_are_told_in_portions() -> None:
    """A disk that stalls keeps thousands waiting; others have their turns meanwhile."""
    unanswered = Unanswered()
    for number in range(PORTION + 1):
        unanswered.begun(_transaction(number), _request(), FLOW.remote, 0.0)
    assert len(unanswered.due(TRYING_AFTER)) == PORTION
    assert unanswered.next_deadline() == TRYING_AFTER
    assert len(unanswered.due(TRYING_AFTER)) == 1


def test_100_has_no_tag_and_the_timestamp_with_the_delay() -> None:
    """RFC 3261 §8.2.6.1, §17.2.1: whoever measures round trips takes the delay off."""
    sent = read(FLOW, trying(_request(timestamp=b"54"), FLOW.remote))
    assert sent.headers[b"Timestamp"] == b"54 3.5"
    assert sent.headers[b"To"] == b"<sip:alice@example.com>"
    odd = read(FLOW, trying(_request(timestamp=b"54 1"), FLOW.remote))
    assert odd.headers[b"Timestamp"] == b"54 1"
    assert b"Timestamp" not in read(FLOW, trying(_request(), FLOW.remote)).headers
