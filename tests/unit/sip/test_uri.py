"""SIP URIs and addresses of record."""

import pytest

from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.identity import Aor
from dfks_rules.sip.uri import aor_of, parse_aor, parse_uri


@pytest.mark.parametrize(
    ("text", "aor"),
    [
        (b"sip:alice@Example.COM:5080;transport=tcp", Aor("alice", "example.com")),
        (b"SIPS:%61lice:secret@example.com", Aor("alice", "example.com")),
        (b"sip:a%2fb@[2001:DB8::1]", Aor("a%2Fb", "[2001:db8::1]")),
        (b"sip:example.com", Aor("", "example.com")),
    ],
)
def test_uris_that_name_one_presentity_give_one_aor(text: bytes, aor: Aor) -> None:
    """RFC 3261 §19.1.4: states are stored under it."""
    assert aor_of(parse_uri(text)) == aor


@pytest.mark.parametrize("text", ["sip:alice@example.com", "sip:example.com", "sip:a@[::1]"])
def test_an_aor_is_written_as_it_is_read(text: str) -> None:
    """One without a user has no `@`."""
    assert aor_of(parse_uri(text.encode())).uri == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"tel:+4930", "sip_unsupported_scheme"),
        (b"sip:", "sip_malformed_uri"),
        (b"SIPS:", "sip_malformed_uri"),
        (b"sip:a@b:65536", "sip_malformed_uri"),
        (b"sip:a@b c", "sip_malformed_uri"),
        (b"sip:a@%65xample.com", "sip_malformed_uri"),
    ],
)
def test_what_is_no_sip_uri_is_refused_with_its_code(text: bytes, code: str) -> None:
    """416 and 400 are told apart by the code."""
    with pytest.raises(MalformedMessageError) as raised:
        parse_uri(text)
    assert raised.value.code == code


@pytest.mark.parametrize("text", ["alice@example.com", "sip:alice@example.com:5060"])
def test_operator_may_leave_out_the_scheme(text: str) -> None:
    """As presence_dfks takes it."""
    assert parse_aor(text) == Aor("alice", "example.com")
