"""The topmost Via."""

import pytest

from dfks_rules.sip.via import lone_branch, parse_via

_SOURCE = ("192.0.2.7", 40000)


@pytest.mark.parametrize(
    ("value", "host", "port", "branch"),
    [
        (b"SIP/2.0/UDP a.example", b"a.example", None, None),
        (b"SIP/2.0/TCP 192.0.2.1:5062;branch=z9", b"192.0.2.1", 5062, b"z9"),
        (b"sip / 2.0 / UDP  [::1] : 5070 ; BRANCH = z9 ;x", b"[::1]", 5070, b"z9"),
        (b"SIP/7.0/UDP a;branch=z9", b"a", None, b"z9"),
    ],
)
def test_via_is_read_with_all_the_white_space_that_is_allowed(
    value: bytes, host: bytes, port: int | None, branch: bytes | None
) -> None:
    """RFC 4475 §3.1.1.1; of any version, so that 505 finds its way back."""
    via = parse_via(value)
    assert via is not None
    assert (via.host, via.port, via.branch) == (host, port, branch)


@pytest.mark.parametrize(
    "value", [b"", b"SIP/2.0 a", b"SIP/2.0/UDP", b"SIP/2.0/UDP a b", b"HTTP/1.1/TCP a"]
)
def test_malformed_via_is_none(value: bytes) -> None:
    """Nothing is guessed of where a response goes."""
    assert parse_via(value) is None


@pytest.mark.parametrize(
    ("value", "echoed"),
    [
        (b"SIP/2.0/UDP 192.0.2.7;branch=z", b"SIP/2.0/UDP 192.0.2.7;branch=z"),
        (b"SIP/2.0/UDP a;branch=z", b"SIP/2.0/UDP a;branch=z;received=192.0.2.7"),
        (
            b"SIP/2.0/UDP 10.0.0.1;rport;branch=z, SIP/2.0/UDP b",
            b"SIP/2.0/UDP 10.0.0.1;rport=40000;branch=z;received=192.0.2.7, SIP/2.0/UDP b",
        ),
        (
            b"SIP/2.0/UDP 192.0.2.7;branch=z;rport",
            b"SIP/2.0/UDP 192.0.2.7;branch=z;rport=40000;received=192.0.2.7",
        ),
    ],
)
def test_response_carries_where_the_request_was_seen(value: bytes, echoed: bytes) -> None:
    """RFC 3261 §18.2.1 and RFC 3581 §4: phones learn their public address from it."""
    via = parse_via(value)
    assert via is not None
    assert via.response_text(_SOURCE) == echoed


@pytest.mark.parametrize(
    ("value", "echoed"),
    [
        (b"a;received=203.0.113.9", b"a;received=192.0.2.7"),
        (b"a ; Received = [::1] ;branch=z;received", b"a ;branch=z;received=192.0.2.7"),
        (b"192.0.2.7;received=203.0.113.9;branch=z", b"192.0.2.7;branch=z"),
        (b'a;x=";received=1;";received=2', b'a;x=";received=1;";received=192.0.2.7'),
        (b"a;rport;received=1", b"a;rport=40000;received=192.0.2.7"),
    ],
)
def test_received_of_the_sender_is_replaced(value: bytes, echoed: bytes) -> None:
    """RFC 3261 §18.2.1: only whoever receives a request knows where it came from."""
    via = parse_via(b"SIP/2.0/UDP " + value)
    assert via is not None
    assert via.response_text(_SOURCE) == b"SIP/2.0/UDP " + echoed


def test_parameters_inside_a_quoted_string_are_none() -> None:
    """What a quoted string speaks of is not what the header says."""
    via = parse_via(b'SIP/2.0/UDP a;x=";rport;branch=wrong;";branch=z9')
    assert via is not None
    assert (via.rport, via.branch) == (False, b"z9")


def test_sent_by_is_host_and_port_as_written() -> None:
    """Part of what a transaction is known by (RFC 3261 §17.2.3)."""
    vias = [parse_via(b"SIP/2.0/UDP " + text) for text in (b"A.example", b"a:5060")]
    assert [via.sent_by for via in vias if via] == [b"A.example", b"a:5060"]


@pytest.mark.parametrize(
    ("value", "branch"),
    [
        (b"SIP/2.0/UDP a;rport=1;branch=z9;received=::1", b"z9"),
        (b"SIP/2.0/UDP a", None),
        (b"SIP/2.0/UDP a;branch=z9, SIP/2.0/UDP b;branch=z8", None),
    ],
)
def test_response_is_matched_by_the_branch_of_its_only_via(
    value: bytes, branch: bytes | None
) -> None:
    """RFC 3261 §8.1.3.3: with two, it was for somebody else."""
    assert lone_branch(value) == branch
