"""From, To and Contact."""

import pytest

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.address import parse_address


@pytest.mark.parametrize(
    ("value", "uri", "tag"),
    [
        (b"<sip:a@b>", b"sip:a@b", b""),
        (b"<sip:a@b;lr>;tag=1", b"sip:a@b;lr", b"1"),
        (b"sip:a@b;tag=1", b"sip:a@b", b"1"),
        (b'"A, \\" <B>" <sip:a@b>;tag=1', b"sip:a@b", b"1"),
        (b"Alice Example <sip:a@b> ; tag = 1", b"sip:a@b", b"1"),
        (b"J\xc3\xbcrgen <sip:a@b>", b"sip:a@b", b""),
        (b"<tel:+15551234>", b"tel:+15551234", b""),
    ],
)
def test_address_is_read_in_every_form_that_phones_write(
    value: bytes, uri: bytes, tag: bytes
) -> None:
    """RFC 3261 §20.10: without brackets, what follows a semicolon belongs to the header."""
    address = parse_address(value, b"from")
    assert (address.uri, address.tag) == (uri, tag)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"<sip:a@b",
        b"sip:a@b>",
        b"<sip:a b>",
        b'"A <sip:a@b>',
        b"<sip:a>, <sip:b>",
        b"*",
        b'<sip:a"b>;tag=1',
    ],
)
def test_anything_else_is_refused_by_the_name_of_its_header(value: bytes) -> None:
    """The peer reads this text in the reason phrase."""
    with pytest.raises(MalformedMessageError, match="malformed Contact") as caught:
        parse_address(value, b"contact")
    assert caught.value.code == "sip_malformed_header"


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        (b"<sip:a@b>;tag=x1", b"x1"),
        (b"<sip:a@b>;TAG = x1;q=1", b"x1"),
        (b"<sip:a@b;tag=uri>;q=1", b""),
        (b"<sip:a@b>;vintage=7", b""),
        (b'<sip:a@b>;x=";tag=wrong"', b""),
        (b'<sip:a@b>;x="\\";tag=wrong";tag=right', b"right"),
        (b"<sip:a@b>", b""),
    ],
)
def test_tag_is_the_parameter_of_the_header_and_not_of_the_uri(value: bytes, tag: bytes) -> None:
    """A dialog is found by it."""
    assert parse_address(value, b"to").tag == tag
