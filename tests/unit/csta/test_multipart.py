"""Bodies of several parts."""

import pytest

from dfks_rules.csta.multipart import MAX_PART_HEADERS, MAX_PARTS, join, split
from dfks_rules.errors import MalformedMessageError

TYPE = "multipart/mixed;boundary=b"


def _refusal(content_type: str, body: bytes) -> str:
    with pytest.raises(MalformedMessageError) as raised:
        split(content_type, body)
    return raised.value.code


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed;boundary=b",
        'multipart/mixed; boundary="b"',
        "Multipart/Mixed ; charset=x ; BOUNDARY = b ; x=y",
    ],
)
def test_split_finds_the_boundary_however_it_is_written(content_type: str) -> None:
    """Peers quote it, or not, and put it anywhere among the parameters."""
    assert split(content_type, b"--b\r\n\r\n<a/>\r\n--b--\r\n") == [("", b"\r\n\r\n<a/>")]


def test_split_leaves_out_what_is_around_the_parts() -> None:
    """Preamble and epilogue are to be passed over (RFC 2046 §5.1.1)."""
    body = b"before\r\n--b\r\nContent-Type: t\r\n\r\n<a/>\r\n--b--\r\nafter\r\n--b\r\nno"
    assert split(TYPE, body) == [("t", b"<a/>")]


def test_split_takes_line_feeds_alone() -> None:
    """Some phones do not write CR."""
    body = b"--b\nX: y\ncontent-type:t;u=v\n\n<a/>\n--b \ncontent-type:w\n\n<b/>\n--b--"
    assert split(TYPE, body) == [("t;u=v", b"<a/>"), ("w", b"<b/>")]


def test_split_gives_no_type_for_headers_that_name_none() -> None:
    """The reader of the part decides what that means."""
    assert split(TYPE, b"--b\r\nX: y\r\n\r\n<a/>\r\n--b--") == [("", b"<a/>")]


def test_split_takes_a_part_that_begins_at_once() -> None:
    """A part without headers whose author forgot the blank line."""
    assert split(TYPE, b"--b\r\n<a/>\r\n--b--") == [("", b"\r\n<a/>")]


def test_split_is_not_fooled_by_a_line_that_only_begins_like_the_boundary() -> None:
    """A boundary is a whole line."""
    assert split(TYPE, b"--b\r\n\r\n<a>\r\n--bc\r\n</a>\r\n--b--") == [
        ("", b"\r\n\r\n<a>\r\n--bc\r\n</a>")
    ]


def test_split_takes_as_many_parts_as_allowed_and_no_more() -> None:
    """What a peer can make us do is bounded."""
    assert len(split(TYPE, b"--b\r\n<a/>\r\n" * MAX_PARTS + b"--b--")) == MAX_PARTS
    assert _refusal(TYPE, b"--b\r\n<a/>\r\n" * (MAX_PARTS + 1) + b"--b--") == "csta_too_large"


def test_split_takes_as_many_headers_of_a_part_as_allowed_and_no_more() -> None:
    """60 KB of them once cost 20 ms of CPU."""
    lines = b"\r\nX: y" * (MAX_PART_HEADERS - 1) + b"\r\nContent-Type: t"
    assert split(TYPE, b"--b" + lines + b"\r\n\r\n<a/>\r\n--b--") == [("t", b"<a/>")]
    assert _refusal(TYPE, b"--b\r\nX: y" + lines + b"\r\n\r\n<a/>\r\n--b--") == "csta_too_large"


@pytest.mark.parametrize(
    "content_type",
    ["multipart/mixed", "multipart/mixed;boundary=", f"multipart/mixed;boundary={'b' * 71}"],
)
def test_split_refuses_a_boundary_that_is_missing_empty_or_too_long(content_type: str) -> None:
    """RFC 2046 §5.1.1: 1 to 70 characters."""
    assert _refusal(content_type, b"--b\r\n<a/>\r\n--b--") == "csta_malformed"


@pytest.mark.parametrize("body", [b"", b"<a/>", b"--b\r\n<a/>", b"--b\r\n<a/>\r\n--b"])
def test_split_refuses_a_body_without_its_last_boundary(body: bytes) -> None:
    """It was cut short; the rest may hold another set."""
    assert _refusal(TYPE, body) == "csta_malformed"


def test_split_gives_no_parts_for_a_multipart_that_is_closed_at_once() -> None:
    """What that means is for the caller to say."""
    assert split(TYPE, b"--b--") == []


def test_join_is_read_back_by_split() -> None:
    """The two are one format."""
    content_type, body = join("t", [b"<a/>", b"<b>\r\n</b>"])
    assert split(content_type.decode(), body) == [("t", b"<a/>"), ("t", b"<b>\r\n</b>")]


def test_join_takes_a_boundary_that_no_part_holds() -> None:
    """A name or number that a user chose must not end a part."""
    content_type, body = join("t", [b"dfks", b"--dfks1"])
    assert content_type == b"multipart/mixed;boundary=dfks2"
    assert body.count(b"--dfks2") == 3


def test_join_states_type_and_length_of_each_part_in_crlf_lines() -> None:
    """What phones were seen to need."""
    _, body = join("t", [b"<a/>"])
    assert body == b"--dfks\r\nContent-Type: t\r\nContent-Length: 4\r\n\r\n<a/>\r\n--dfks--\r\n"
