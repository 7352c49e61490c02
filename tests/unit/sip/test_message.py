"""From bytes to messages."""

import pytest

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip import header
from dfks_rules.sip.lines import MAX_HEADERS
from dfks_rules.sip.message import (
    MAX_CSEQ,
    MAX_HEAD,
    MAX_SECONDS,
    Request,
    Response,
    parse_message,
)
from tests.helpers.playbook import message


def _request(data: bytes) -> Request:
    parsed = parse_message(data)
    assert isinstance(parsed, Request)
    return parsed


def test_request_is_taken_apart() -> None:
    """All that a notifier looks at."""
    request = _request(message(body=b"abc", cseq=b"7 SUBSCRIBE"))
    assert request.fault is None
    assert (request.method, request.uri) == (b"SUBSCRIBE", b"sip:alice@example.com")
    assert (request.cseq, request.body) == (7, b"abc")
    assert request.via is not None
    assert request.via.branch == b"z9hG4bK1"
    sender = request.address(header.FROM)
    assert (sender.uri, sender.tag) == (b"sip:alice@example.com", b"phone")


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (message(b"SUBSCRIBE", b"", **{"from": None}), 400, "Missing From"),
        (message(to=b""), 400, "Missing To"),
        (message(call_id=None), 400, "Missing Call-Id"),
        (message(cseq=None), 400, "Missing Cseq"),
        (message(cseq=b"1 INVITE"), 400, "CSeq method does not match"),
        (message(cseq=b"x SUBSCRIBE"), 400, "Malformed CSeq"),
        (message(cseq=b"%d SUBSCRIBE" % (MAX_CSEQ + 1)), 400, "Malformed CSeq"),
        (message(via=None), 400, "Missing Via"),
        (message(via=b"?"), 400, "Malformed Via"),
        (message(max_forwards=b"-1"), 400, "Malformed Max-Forwards"),
        (message(max_forwards=b"256"), 400, "Malformed Max-Forwards"),
        (message(content_length=b"1"), 400, "Content-Length does not match the body"),
        (message(content_length=b"9" * 40), 400, "Content-Length does not match the body"),
        (message(to=b"<sip:a>\r\nT: <sip:b>"), 400, "More than one To"),
        (message(to=b"<sip:a>\r\nno colon"), 400, "Malformed header line"),
        (message(to=b"<sip:a>" + b"\r\nX: 1" * MAX_HEADERS), 400, "Too many headers"),
        (message(subject=b"x" * MAX_HEAD), 400, "Headers too long"),
        (message().replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1), 505, "Version Not Supported"),
        (message(to=b"<a>\r\nT: <b>").replace(b"2.0", b"7.0", 1), 400, "More than one To"),
        (message(uri=b"sip:a b@c"), 400, "Malformed request line"),
        (message()[:-2], 400, "No empty line after the headers"),
    ],
)
def test_fault_names_what_is_wrong_with_a_request(data: bytes, status: int, reason: str) -> None:
    """Whoever debugs a phone reads it in a trace."""
    assert _request(data).fault == (status, reason)


@pytest.mark.parametrize("bare", [b"\n", b"\r", b"\r\r\n", b"\n\r\n"])
@pytest.mark.parametrize("end", [b"\r\n\r\n", b""])
def test_head_with_a_bare_cr_or_lf_is_dropped(bare: bytes, end: bytes) -> None:
    """What is echoed must not smuggle a header line into a response; even without an end."""
    head = message(call_id=b"c" + bare + b"X: 1").partition(b"\r\n\r\n")[0]
    assert parse_message(head + end) is None


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\0", b"GET", b" x SIP/2.0\r\n\r\n"])
def test_what_is_no_sip_is_dropped_or_has_a_fault(data: bytes) -> None:
    """Scanners get no answer: without a Via there is nobody to answer."""
    parsed = parse_message(data)
    assert parsed is None or (isinstance(parsed, Request) and parsed.fault and not parsed.via)


def test_bytes_beyond_content_length_are_ignored() -> None:
    """RFC 3261 §18.3."""
    assert _request(message(body=b"abcdef", content_length=b"3")).body == b"abc"


@pytest.mark.parametrize(
    ("expires", "seconds"), [(None, None), (b"0", 0), (b"60", 60), (b"9" * 20, MAX_SECONDS)]
)
def test_seconds_are_cut_to_what_the_rfc_allows(expires: bytes | None, seconds: int | None) -> None:
    """RFC 3261 §20.19: 2**32 - 1 at most."""
    assert _request(message(expires=expires)).seconds(header.EXPIRES) == seconds


@pytest.mark.parametrize("expires", [b"", b"-1", b"1.5", b"soon", b"1" * 33])
def test_seconds_that_are_no_number_are_refused(expires: bytes) -> None:
    """Not read as some other number."""
    with pytest.raises(MalformedMessageError, match="malformed Expires"):
        _request(message(expires=expires)).seconds(header.EXPIRES)


def test_absent_headers_are_told_apart_from_present_ones() -> None:
    """A missing Contact is a 400, a missing User-Agent is fine."""
    request = _request(message(contact=None, user_agent=b"Phone"))
    with pytest.raises(MalformedMessageError, match="missing Contact"):
        request.address(header.CONTACT)
    assert (request.get(header.USER_AGENT), request.get(header.ACCEPT)) == (b"Phone", None)


def _response(via: bytes = b"SIP/2.0/UDP a;branch=z9", cseq: bytes = b"1 NOTIFY") -> bytes:
    return b"SIP/2.0 481 Gone\r\nv: %b\r\nCSeq: %b\r\nRetry-After: 5\r\n\r\n" % (via, cseq)


def test_response_has_what_it_is_matched_by() -> None:
    """The rest is read when somebody asks."""
    response = parse_message(_response())
    assert isinstance(response, Response)
    assert (response.status, response.branch, response.method) == (481, b"z9", b"NOTIFY")
    assert response.headers[b"retry-after"] == b"5"
    assert response.reason == "Gone"


def test_response_with_folded_lines_has_what_it_is_matched_by() -> None:
    """Old stacks fold; a proxy in between may."""
    response = parse_message(_response(via=b"SIP/2.0/UDP a\r\n ;branch=z9", cseq=b"1\r\n\tNOTIFY"))
    assert isinstance(response, Response)
    assert (response.branch, response.method) == (b"z9", b"NOTIFY")
    assert response.headers[b"via"] == b"SIP/2.0/UDP a ;branch=z9"


@pytest.mark.parametrize(
    "data",
    [
        _response(via=b"SIP/2.0/UDP a"),
        _response(via=b"SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;branch=2"),
        _response(via=b"SIP/2.0/UDP a;branch=1\r\nVia: SIP/2.0/UDP b;branch=2"),
        _response(via=b"SIP/2.0/UDP a;branch=1\r\n , SIP/2.0/UDP b;branch=2"),
        _response(cseq=b"%d NOTIFY" % (MAX_CSEQ + 1)),
        _response(cseq=b"1"),
        _response().replace(b"481", b"700"),
        _response().replace(b"\r\n\r\n", b""),
    ],
)
def test_response_that_cannot_be_ours_is_dropped(data: bytes) -> None:
    """RFC 3261 §8.1.3.3: one Via, and a CSeq."""
    assert parse_message(data) is None


def test_response_whose_length_is_wrong_is_one_all_the_same() -> None:
    """Its body says nothing to us, and its sender has accepted the NOTIFY."""
    response = parse_message(_response().replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n"))
    assert isinstance(response, Response)


def test_the_head_is_there_as_it_came() -> None:
    """Folds, spellings and order: it can be read again by a newer release."""
    data = message(body=b"<x/>", subject=b"folded\r\n  text")
    request = _request(data)
    assert request.head + b"\r\n\r\n<x/>" == data
    assert request.head_to_keep() is request.head


def test_credentials_are_left_out_of_a_head_that_is_kept() -> None:
    """However they are spelled and folded."""
    lines = b"AUTHORIZATION : Digest a,\r\n\tb\r\nproxy-authorization:c\r\n"
    other = b"X: Authorization: d\r\n"
    request = _request(message().replace(b"event:", lines + other + b"event:"))
    assert request.head_to_keep() + b"\r\n\r\n" == message().replace(b"event:", other + b"event:")
