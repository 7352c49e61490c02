"""Finding the requests in what a FIFO gives."""

import pytest

from dfks_rules.mi.framing import FifoFraming, FifoRequest
from dfks_rules.mi.jsonrpc import MAX_REQUEST

_ONE = b':reply_1:{"method": "which", "params": ["a}", "\\"]"]}'
_BODY = _ONE.removeprefix(b":reply_1:")


def test_one_request_without_a_line_end_is_whole() -> None:
    """opensips-cli writes none."""
    assert FifoFraming().receive(_ONE) == [FifoRequest("reply_1", _BODY)]


def test_several_requests_in_one_read_are_told_apart() -> None:
    """Two clients may write before the server reads once."""
    data = _ONE + b':reply_2:[{"a":1}]\n' + b"::{}"
    assert FifoFraming().receive(data) == [
        FifoRequest("reply_1", _BODY),
        FifoRequest("reply_2", b'[{"a":1}]'),
        FifoRequest(None, b"{}"),
    ]


@pytest.mark.parametrize("cut", range(1, len(_ONE)))
def test_request_in_two_reads_is_put_together(cut: int) -> None:
    """A pipe gives what is there, wherever that ends."""
    framing = FifoFraming()
    assert framing.receive(_ONE[:cut]) == []
    assert framing.has_unfinished
    assert framing.receive(_ONE[cut:]) == [FifoRequest("reply_1", _BODY)]
    assert not framing.has_unfinished


@pytest.mark.parametrize("name", [b"../x", b"/tmp/x", b"a/b", b".", b"..", b"", b"a b", b"\xff"])
def test_name_that_is_not_plain_gets_no_reply(name: bytes) -> None:
    """A client must not make the server write outside of the reply folder."""
    assert FifoFraming().receive(b":" + name + b":{}") == [FifoRequest(None, b"{}")]


@pytest.mark.parametrize("body", [b"hello", b'"which"', b"1"])
def test_body_that_is_no_object_is_handed_on(body: bytes) -> None:
    """Its sender waits for a reply, which will be an error."""
    assert FifoFraming().receive(b":r:" + body) == [FifoRequest("r", body)]


def test_unfinished_request_does_not_swallow_the_next_one() -> None:
    """One broken client must not cost another its reply."""
    framing = FifoFraming()
    assert framing.receive(b':r1:{"a": "b') == []
    assert framing.receive(b":r2:{}") == [FifoRequest("r1", b'{"a": "b'), FifoRequest("r2", b"{}")]


def test_unfinished_request_is_given_up_by_flush() -> None:
    """The server does so after a time limit."""
    framing = FifoFraming()
    framing.receive(b':r1:{"a')
    assert framing.flush() == [FifoRequest("r1", b'{"a')]
    assert framing.flush() == []


def test_request_that_never_ends_is_given_up_at_the_limit() -> None:
    """What is kept is bounded."""
    framing = FifoFraming()
    data = b":r1:{" + b" " * (MAX_REQUEST - 1)
    assert framing.receive(data) == []
    (request,) = framing.receive(b" ")
    assert request.reply_name == "r1"
    assert not framing.has_unfinished


def test_empty_reads_and_blank_lines_are_nothing() -> None:
    """opensips-cli opens the FIFO and closes it empty before each command."""
    framing = FifoFraming()
    assert framing.receive(b"") == []
    assert framing.receive(b"\n \n") == []
    assert not framing.has_unfinished
