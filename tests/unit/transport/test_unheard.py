"""Requests that went into a stream and have no answer."""

import pytest

from dfks_rules.sip.timers import TIMEOUT
from dfks_rules.transport.unheard import MOST, Unheard


def _request(branch: bytes) -> bytes:
    via = b"Via: SIP/2.0/TCP 192.0.2.1:5060;rport;branch=%b" % branch
    return b"NOTIFY sip:a@b SIP/2.0\r\n%b\r\nContent-Length: 0\r\n\r\n" % via


def _response(branch: bytes, status: int = 200, via: bytes = b"Via: ") -> bytes:
    value = b"SIP/2.0/TCP 192.0.2.1:5060;rport=9;branch=%b;received=192.0.2.1" % branch
    return b"SIP/2.0 %d X\r\nl: 0\r\n%b%b\r\n\r\n" % (status, via, value)


@pytest.mark.parametrize(
    ("came", "is_heard"),
    [
        (_response(b"z9hG4bK1"), True),
        (_response(b"z9hG4bK1", 503, b"v:"), True),
        (_response(b"z9hG4bK1", 100), False),
        (_response(b"z9hG4bK2"), False),
        (_request(b"z9hG4bK1"), False),
        (b"SIP/2.0 200 X\r\n\r\n", False),
    ],
)
def test_request_is_lost_unless_it_was_answered(came: bytes, is_heard: bool) -> None:
    """By a final response with its branch."""
    unheard = Unheard()
    unheard.sent(_request(b"z9hG4bK1"), 0.0)
    unheard.came(came)
    assert unheard.lost(1.0) == ([] if is_heard else [_request(b"z9hG4bK1")])
    assert unheard.lost(1.0) == []


def test_response_of_ours_has_no_answer() -> None:
    """Whether it arrived is for the peer to find out."""
    unheard = Unheard()
    unheard.sent(_response(b"z9hG4bK1"), 0.0)
    assert unheard.lost(0.0) == []


def test_request_that_timed_out_is_forgotten() -> None:
    """Its transaction is over."""
    unheard = Unheard()
    unheard.sent(_request(b"z9hG4bK1"), 0.0)
    unheard.sent(_request(b"z9hG4bK2"), TIMEOUT)
    assert len(unheard) == 1
    assert unheard.lost(2 * TIMEOUT) == []


def test_requests_that_are_kept_are_bounded() -> None:
    """A peer that answers none must not fill the memory."""
    unheard = Unheard()
    for number in range(MOST + 1):
        unheard.sent(_request(b"z9hG4bK%d" % number), 0.0)
    lost = unheard.lost(0.0)
    assert len(lost) == MOST
    assert lost[-1] == (_request(b"z9hG4bK%d" % MOST))
