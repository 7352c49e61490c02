"""STUN on the port of SIP."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.sip.stun import MAX_REQUEST, MAX_UNKNOWN, binding_answer

_ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")
"""The transaction of RFC 5769 §2."""
_SOURCE = ("192.0.2.1", 32853)


def _request(attributes: bytes = b"", kind: int = 1, cookie: int = 0x2112A442) -> bytes:
    return struct.pack(">HHI", kind, len(attributes), cookie) + _ID + attributes


def _attribute(kind: int, value: bytes = b"") -> bytes:
    return struct.pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4)


def test_answer_is_that_of_the_published_example() -> None:
    """RFC 5769 §2.2: the mapped address of the sample response."""
    answer = binding_answer(_request(), _SOURCE)
    assert answer == bytes.fromhex("0101000c2112a442") + _ID + bytes.fromhex(
        "002000080001a147e112a643"
    )


def test_address_of_ipv6_is_that_of_the_published_example() -> None:
    """RFC 5769 §2.3."""
    answer = binding_answer(_request(), ("2001:db8:1234:5678:11:2233:4455:6677", 32853))
    assert answer == bytes.fromhex("010100182112a442") + _ID + bytes.fromhex(
        "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    )


def test_scope_of_a_local_address_is_left_out() -> None:
    """It means something on one machine only."""
    here = binding_answer(_request(), ("fe80::1%eth0", 5060))
    assert here == binding_answer(_request(), ("fe80::1", 5060))


def test_attributes_that_may_be_passed_over_are() -> None:
    """SOFTWARE, FINGERPRINT; credentials that nobody asked for."""
    attributes = [_attribute(kind, b"abcde") for kind in (0x8022, 0x8028, 0x0006, 0x0008)]
    assert binding_answer(_request(b"".join(attributes)), _SOURCE) == binding_answer(
        _request(), _SOURCE
    )


def test_unknown_attributes_are_named() -> None:
    """RFC 5389 §7.3.1: 420, with UNKNOWN-ATTRIBUTES; CHANGE-REQUEST of RFC 3489 is one."""
    answer = binding_answer(_request(_attribute(3, bytes(4)) + _attribute(0x7001)), _SOURCE)
    assert answer is not None
    assert answer[:2] == b"\x01\x11"
    assert b"\x00\x09\x00\x15\x00\x00\x04\x14Unknown Attribute\x00\x00\x00" in answer
    assert answer.endswith(b"\x00\x0a\x00\x04\x00\x03\x70\x01")


def test_answer_does_not_outgrow_the_question_by_much() -> None:
    """Whoever forges a source must not gain by it."""
    many = b"".join(_attribute(kind) for kind in range(0x100, 0x100 + 100))
    answer = binding_answer(_request(many), _SOURCE)
    assert answer is not None
    assert len(answer) == 20 + 28 + 4 + 2 * MAX_UNKNOWN


@pytest.mark.parametrize(
    "data",
    [
        b"",
        _request()[:19],
        _request(kind=0x0011),
        _request(kind=0x0101),
        _request(kind=0x0003),
        _request(cookie=0x2112A443),
        _request() + b"\0\0\0\0",
        _request(b"\x80\x22\x00\x08abcd"),
        _request(b"\x80\x22\x00"),
        _request(_attribute(0x8022, bytes(MAX_REQUEST))),
        b"OPTIONS sip:a SIP/2.0\r\n\r\n",
    ],
    ids=lambda data: data[:24].hex(),
)
def test_anything_else_is_not_answered(data: bytes) -> None:
    """Indications, answers (a loop of two servers), RFC 3489, what is cut or too long."""
    assert binding_answer(data, _SOURCE) is None


@given(st.binary(max_size=60), st.binary(max_size=40))
def test_no_bytes_raise(junk: bytes, attributes: bytes) -> None:
    """It is the first thing that strangers send."""
    binding_answer(junk, _SOURCE)
    binding_answer(_request(attributes), _SOURCE)
