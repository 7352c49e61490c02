"""The values of From, To and Contact: `"Name" <uri>;params` (RFC 3261 §20.10, §25.1)."""

import re

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.grammar import LWS, PARAMS, QUOTED, TOKEN, blank_quotes
from dfks_rules.sip.wire import read_address


class Address:
    """What is read of a name-addr or addr-spec with its header parameters."""

    __slots__ = ("tag", "uri")

    def __init__(self, uri: bytes, tag: bytes) -> None:
        self.uri = uri
        """The URI, unparsed, without angle brackets."""
        self.tag = tag
        """The tag parameter, or empty."""


_TAG = re.compile(rb";" + LWS + rb"(?i:tag)" + LWS + rb"=" + LWS + rb"(" + TOKEN + rb")")

# name-addr = [ display-name ] LAQUOT addr-spec RAQUOT; display-name = *(token LWS)/ quoted-string.
# UTF-8 in an unquoted display name breaks the grammar, but phones send it.
_NAME_ADDR = re.compile(
    rb"(?:" + QUOTED + LWS + rb"|[A-Za-z0-9\-.!%*_+`'~ \t\x80-\xff]*+)"
    rb"<([^\x00-\x20<>\"\x7f]++)>(" + PARAMS + rb")" + LWS
)  # fmt: skip
# Without brackets, everything after the first semicolon is a header parameter (§20.10).
_ADDR_SPEC = re.compile(
    rb"([A-Za-z][A-Za-z0-9+.\-]*+:[^\x00-\x20<>;,?\"\x7f]++)(" + PARAMS + rb")" + LWS
)


def parse_address(value: bytes, name: bytes) -> Address:
    """Read one address.

    Args:
        value: the header value.
        name: the header's name, for the error message.

    Raises:
        MalformedMessageError: `sip_malformed_header`
    """
    usual = read_address(value)
    if usual is not None:
        uri, tag = usual
        return Address(uri, tag)
    return parse_unusual_address(value, name)


def parse_unusual_address(value: bytes, name: bytes) -> Address:
    """As `parse_address`, whatever it looks like."""
    match = _NAME_ADDR.fullmatch(value) or _ADDR_SPEC.fullmatch(value)
    if match is None:
        raise MalformedMessageError("sip_malformed_header", f"malformed {name.decode().title()}")
    uri, params = match.groups()
    return Address(uri, tag_in(params) if params else b"")


def tag_in(params: bytes) -> bytes:
    """The tag among header parameters, or empty."""
    tag = params[5:]
    if params.startswith(b";tag=") and tag.isalnum():  # Nearly always.
        return tag
    match = _TAG.search(blank_quotes(params))
    return match[1] if match else b""


def tag_of(value: bytes) -> bytes:
    """The tag of an address, or empty, also where the address itself cannot be read."""
    return tag_in(blank_quotes(value).rpartition(b">")[2])
