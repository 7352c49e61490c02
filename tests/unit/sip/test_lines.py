"""Header lines, whatever their spelling."""

import pytest

from dfks_rules.sip.message import MAX_HEAD, Request, parse_message
from tests.helpers.playbook import message


def _request(data: bytes) -> Request:
    parsed = parse_message(data)
    assert isinstance(parsed, Request)
    return parsed


def test_names_of_headers_are_known_in_every_case_and_short_form() -> None:
    """RFC 3261 §7.3.3: phones behind small MTUs write one letter."""
    request = _request(
        b"OPTIONS sip:a SIP/2.0\r\nv:SIP/2.0/UDP b\r\nF: <sip:a>;tag=1\r\nT : <sip:b>\r\n"
        b"CALL-ID: c\r\ncSeQ: 1 OPTIONS\r\no: x\r\nX-Own:  1 \r\nl: 0\r\n\r\n"
    )
    assert request.fault is None
    assert set(request.headers) == {
        *(b"via", b"from", b"to", b"call-id", b"cseq", b"event", b"x-own", b"content-length")
    }
    assert (request.headers[b"to"], request.headers[b"x-own"]) == (b"<sip:b>", b"1")


def test_repeated_headers_are_joined_and_folded_lines_unfolded() -> None:
    """RFC 3261 §7.3.1: both spellings mean one list."""
    request = _request(message(record_route=b"<sip:a;lr>,\r\n <sip:b;lr>\r\nRecord-Route: <sip:c>"))
    assert request.fault is None
    assert request.headers[b"record-route"] == b"<sip:a;lr>, <sip:b;lr>, <sip:c>"


@pytest.mark.parametrize("space", [b" ", b"\t"])
def test_long_runs_of_white_space_are_read_like_short_ones(space: bytes) -> None:
    """At folds, where they are one space, and elsewhere, where they stay: nobody may stall us."""
    run = space * (MAX_HEAD // 4)
    request = _request(message(subject=b"a%b\r\n%bb%bc%b" % (run, run, run, run[:99])))
    assert request.fault is None
    assert request.headers[b"subject"] == b"a b%bc" % run


def test_folds_that_follow_each_other_are_one_header() -> None:
    """A line of nothing but white space goes on with the header before it."""
    folds = b"\r\n " * 500
    request = _request(message(subject=b"a%bb" % folds))
    assert request.fault is None
    assert request.headers[b"subject"].split() == [b"a", b"b"]
