"""Framing on a stream."""

import time

import pytest

from dfks_rules.sip.message import MAX_HEAD
from dfks_rules.sip.stream import MAX_MESSAGE, StreamReader

_ONE = b"OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabc"


def _head(length: int) -> bytes:
    """A message without a body whose headers are so long."""
    start = b"OPTIONS sip:a SIP/2.0\r\nl: 0\r\nx: "
    return start + b"x" * (length - len(start)) + b"\r\n\r\n"


def test_messages_and_keep_alives_are_told_apart() -> None:
    """RFC 5626 §3.5.1: double CRLF is answered, once for all that came together."""
    reader = StreamReader()
    assert reader.feed(b"\r\n\r\n" + _ONE + b"\r\n\r\n" + _ONE + _ONE[:9]) == [_ONE, _ONE]
    assert (reader.pings, reader.waiting, reader.broken) == (1, True, False)


@pytest.mark.parametrize(
    "data",
    [
        b"OPTIONS sip:a SIP/2.0\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nl: 3\r\nContent-Length: 3\r\n\r\nabc",
        b"OPTIONS sip:a SIP/2.0\r\nl: -3\r\n\r\nabc",
        b"OPTIONS sip:a SIP/2.0\r\nl: %d\r\n\r\n" % MAX_MESSAGE,
        b"x" * (MAX_HEAD + 4),
        _head(MAX_HEAD + 1),
    ],
)
def test_framing_is_lost_without_one_usable_content_length(data: bytes) -> None:
    """Guessing where a message ends lets one peer speak for another."""
    reader = StreamReader()
    reader.feed(data)
    assert reader.broken


@pytest.mark.parametrize(
    ("length", "is_usable"),
    [
        (b"Content-Length:\r\n 4", True),
        (b"l:\r\n\t  4", True),
        (b"l : 4\r\n ", True),
        (b"l: 4\r\n 4", False),
        (b"l: \r\n \r\n", False),
    ],
)
def test_content_length_may_be_folded(length: bytes, is_usable: bool) -> None:
    """RFC 3261 §7.3.1: what follows the colon may stand on the next line."""
    reader = StreamReader()
    first = b"OPTIONS sip:a@b SIP/2.0\r\n%b\r\nVia: x\r\n\r\nabcd" % length
    assert reader.feed(first + b"OPTIONS") == [first if is_usable else first + b"OPTIONS"]
    assert reader.broken is not is_usable


@pytest.mark.parametrize("piece", [1, 1_000])
def test_longest_headers_are_read_however_they_are_cut(piece: int) -> None:
    """One byte more, and the framing is lost, in one piece or in many."""
    reader, data = StreamReader(), _head(MAX_HEAD)
    pieces = [data[start : start + piece] for start in range(0, len(data), piece)]
    assert [one for part in pieces for one in reader.feed(part)] == [data]
    assert not reader.broken


def test_a_short_message_is_read_right_after_a_long_one_that_came_in_pieces() -> None:
    """How far the long one was searched says nothing of the next."""
    reader, long = StreamReader(), _head(300)
    assert reader.feed(long[:200]) == []
    assert reader.feed(long[200:] + _ONE) == [long, _ONE]


def test_what_lost_the_framing_is_handed_up_so_that_it_can_be_answered() -> None:
    """400 tells the peer more than a closed connection."""
    for data in (_head(MAX_HEAD + 1), b"OPTIONS sip:a SIP/2.0\r\n\r\n"):
        assert StreamReader().feed(data) == [data]


def test_keep_alives_are_counted_in_pairs_however_they_are_cut() -> None:
    """A single CRLF, as some phones send after a message, asks for nothing."""
    reader = StreamReader()
    pings = []
    for byte in _ONE + b"\r\n" + _ONE + b"\r\n\r\n\r\n":
        reader.feed(bytes([byte]))
        pings.append(reader.pings)
    assert (sum(pings), pings[-3:]) == (1, [1, 0, 0])


@pytest.mark.parametrize("piece", [1, 65_536])
def test_megabytes_of_keep_alives_cost_linear_work(piece: int) -> None:
    """8 MB of CRLF once held the server for 5.8 s."""
    reader, data = StreamReader(), b"\r\n" * (65_536 * 4 if piece > 1 else 50_000)
    started = time.thread_time()
    for start in range(0, len(data), piece):
        assert reader.feed(data[start : start + piece]) == []
        assert reader.pings <= 1
    assert time.thread_time() - started < 1
    assert not reader.waiting


def test_many_messages_in_one_read_cost_linear_work() -> None:
    """None of them is moved because another one was taken out."""
    reader = StreamReader()
    started = time.thread_time()
    assert len(reader.feed(_ONE * 100_000)) == 100_000
    assert time.thread_time() - started < 2


def test_bytes_one_by_one_cost_linear_work() -> None:
    """Neither headers nor body are looked through again for each byte."""
    data = _head(MAX_HEAD - 4).replace(b"l: 0", b"l: 65000") + b"x" * 65_000
    reader = StreamReader()
    started = time.thread_time()
    assert len([one for byte in data for one in reader.feed(bytes([byte]))]) == 1
    assert time.thread_time() - started < 2
