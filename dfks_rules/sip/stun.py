"""STUN Binding on the port of SIP: how a phone behind NAT keeps its way open, and sees it change.

Only what RFC 5626 needs of RFC 5389: a request without credentials gets the address that it came
from. The first byte tells STUN from SIP (RFC 5626 §8): no SIP message begins with 0 or 1.
"""

import ipaddress
import struct

_REQUEST = 0x0001
_SUCCESS = 0x0101
_ERROR = 0x0111
_COOKIE = 0x2112A442
_UNKNOWN_ATTRIBUTES = 0x000A
_ERROR_CODE = 0x0009
_XOR_MAPPED_ADDRESS = 0x0020
_OPTIONAL = 0x8000
"""From here on attributes may be passed over by who does not know them (§15)."""
_KNOWN = frozenset((0x0006, 0x0008, 0x0014, 0x0015))
"""USERNAME, MESSAGE-INTEGRITY, REALM, NONCE: understood, and not asked for (§10)."""
_HEADER = struct.Struct(">HHI12s")
_ATTRIBUTE = struct.Struct(">HH")
MAX_REQUEST = 548
"""Longest request that is read, bytes (§7.1: what a path of unknown MTU carries)."""
MAX_UNKNOWN = 8
"""Most unknown attributes that are named: the answer must not outgrow the question by much."""


def binding_answer(data: bytes, source: tuple[str, int]) -> bytes | None:
    """The answer to a Binding request; None for anything else.

    Args:
        data: a datagram.
        source: address and port that it came from.

    Reference: RFC 5389 §6, §7.3, §15.2
    """
    size = len(data)
    if not _HEADER.size <= size <= MAX_REQUEST:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind != _REQUEST or cookie != _COOKIE or length % 4 or length != size - _HEADER.size:
        return None
    unknown = _unknown_attributes(data)
    if unknown is None:
        return None
    if unknown:
        codes = b"".join([code.to_bytes(2, "big") for code in unknown[:MAX_UNKNOWN]])
        refusal = _attribute(_ERROR_CODE, b"\0\0\x04\x14Unknown Attribute")
        return _message(_ERROR, transaction, refusal + _attribute(_UNKNOWN_ATTRIBUTES, codes))
    return _message(_SUCCESS, transaction, _mapped(source, transaction))


def _unknown_attributes(data: bytes) -> list[int] | None:
    """The attributes that must be understood and are not; None when they are not well-formed."""
    unknown = []
    at = _HEADER.size
    while at < len(data):
        kind, length = _ATTRIBUTE.unpack_from(data, at)
        at += _ATTRIBUTE.size + length + -length % 4
        if kind < _OPTIONAL and kind not in _KNOWN:
            unknown.append(kind)
    return unknown if at == len(data) else None


def _mapped(source: tuple[str, int], transaction: bytes) -> bytes:
    """XOR-MAPPED-ADDRESS: disguised, so that no NAT on the way translates it (§15.2)."""
    host, port = source
    mask = _COOKIE.to_bytes(4, "big") + transaction
    address = _packed(host)
    hidden = bytes([one ^ other for one, other in zip(address, mask, strict=False)])
    family = 1 if len(address) == 4 else 2
    value = struct.pack(">BBH", 0, family, port ^ (_COOKIE >> 16)) + hidden
    return _attribute(_XOR_MAPPED_ADDRESS, value)


def _packed(host: str) -> bytes:
    return ipaddress.ip_address(host.partition("%")[0]).packed


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _message(kind: int, transaction: bytes, attributes: bytes) -> bytes:
    return _HEADER.pack(kind, len(attributes), _COOKIE, transaction) + attributes
