"""Framing on a stream."""

import pytest

from dfks_rules.sip.message import MAX_HEAD
from dfks_rules.sip.stream import MAX_MESSAGE, StreamReader

_ONE = b"OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabc"


def test_messages_and_keep_alives_are_told_apart() -> None:
    """RFC 5626 §3.5.1: each double CRLF between messages is answered."""
    reader = StreamReader()
    assert reader.feed(b"\r\n\r\n" + _ONE + b"\r\n\r\n" + _ONE + _ONE[:9]) == [_ONE, _ONE]
    assert (reader.pings, reader.waiting, reader.broken) == (2, True, False)


@pytest.mark.parametrize(
    "data",
    [
        b"OPTIONS sip:a SIP/2.0\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nl: 3\r\nContent-Length: 3\r\n\r\nabc",
        b"OPTIONS sip:a SIP/2.0\r\nl: -3\r\n\r\nabc",
        b"OPTIONS sip:a SIP/2.0\r\nl: %d\r\n\r\n" % MAX_MESSAGE,
        b"x" * (MAX_HEAD + 1),
    ],
)
def test_framing_is_lost_without_one_usable_content_length(data: bytes) -> None:
    """Guessing where a message ends lets one peer speak for another."""
    reader = StreamReader()
    reader.feed(data)
    assert reader.broken
