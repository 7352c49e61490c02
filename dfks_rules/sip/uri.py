"""SIP URIs and the addresses of record that they name (RFC 3261 §19.1)."""

import re
import sys
from functools import lru_cache
from typing import NamedTuple

from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import MAX_TEXT
from dfks_rules.phrases.phrase import phrase
from dfks_rules.sip.grammar import HOST
from dfks_rules.sip.wire import make_aor, name_types, read_uri

DEFAULT_PORT = 5060


class SipUri(NamedTuple):
    """A `sip:` or `sips:` URI, its parts as they were written."""

    scheme: bytes
    """`sip` or `sips`, in lower case."""
    user: bytes
    """Without password; empty when there is none."""
    host: bytes
    port: int | None
    params: bytes
    """The parameters with their semicolons, or empty."""
    headers: bytes
    """What follows the question mark, or empty."""

    def param(self, name: bytes) -> bytes | None:
        """The value of a parameter (empty when it has none), or None when it is absent."""
        for param in self.params.split(b";")[1:]:
            key, _, value = param.partition(b"=")
            if key.lower() == name:
                return value
        return None


name_types(SipUri, Aor)

# SIP-URI = "sip:" [ userinfo ] hostport uri-parameters [ headers ]. The user part takes what
# phones put there beyond the grammar ("#", UTF-8), but nothing that could end the URI or the line.
_URI = re.compile(
    rb"((?i:sips?)):(?:([^\x00-\x20@:<>\"\x7f]*+)(?::[^\x00-\x20@<>\"\x7f]*+)?@)?"
    rb"("
    + HOST
    + rb")(?::([0-9]{1,5}))?((?>(?:;[^\x00-\x20;?<>\"\x7f]++)*))(?:\?([^\x00-\x20<>\"\x7f]*+))?",
)
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.\-]*+:")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()")


_REMEMBERED = 8192
_SHORT = 128
"""Longest URI that is remembered, bytes: bounds the memory that strangers can fill."""


def parse_uri(text: bytes) -> SipUri:
    """Parse a SIP or SIPS URI. Those that C leaves are remembered: a phone writes the same few.

    Raises:
        MalformedMessageError: `sip_unsupported_scheme` for a well-formed URI of another scheme,
            `sip_malformed_uri` for anything else.

    Reference: RFC 3261 §19.1.1
    """
    usual = read_uri(text)
    if usual is not None:
        return usual
    return _parse_short(text) if len(text) <= _SHORT else _parse(text)


def _parse(text: bytes) -> SipUri:
    match = _URI.fullmatch(text)
    if match is None:
        if _SCHEME.match(text) and text[:4].lower() != b"sip:" and text[:5].lower() != b"sips:":
            raise MalformedMessageError(
                "sip_unsupported_scheme", phrase("URI scheme is not sip or sips")
            )
        raise MalformedMessageError("sip_malformed_uri", phrase("malformed SIP URI"))
    scheme, user, host, port, params, headers = match.groups(b"")
    number = int(port) if port else None
    if number is not None and not 0 < number < 65536:
        raise MalformedMessageError("sip_malformed_uri", phrase("port out of range in SIP URI"))
    return SipUri(scheme.lower(), user, host, number, params, headers)


_parse_short = lru_cache(_REMEMBERED)(_parse)


def aor_of(uri: SipUri) -> Aor:
    """The address of record that a URI names: port, password and parameters dropped.

    Raises:
        MalformedMessageError: `sip_malformed_uri` when the user part is not UTF-8 or is too long.
    """
    if len(uri.user) > MAX_TEXT or len(uri.host) > MAX_TEXT:
        raise MalformedMessageError("sip_malformed_uri", phrase("SIP URI is too long"))
    return make_aor(uri.user, uri.host) or _aor_of_unusual(uri.user, uri.host)


def _aor_of_unusual(raw: bytes, host: bytes) -> Aor:
    try:
        user = raw.decode()
    except UnicodeDecodeError:
        raise MalformedMessageError("sip_malformed_uri", phrase("user part is not UTF-8")) from None
    if "%" in user:
        user = _ESCAPE.sub(_unescape, user)
    # One text for all users of a domain: there are as many as subscriptions.
    return Aor(user, sys.intern(host.decode().lower()))


def parse_aor(text: str) -> Aor:
    """The address of record that an operator wrote: `sip:alice@host`, `sips:…`, or `alice@host`.

    Raises:
        MalformedMessageError: as `parse_uri`, and when there is no user part.
    """
    raw = text.encode(errors="surrogatepass")
    uri = parse_uri(
        raw if _SCHEME.match(raw) and b"@" not in raw.partition(b":")[0] else b"sip:" + raw
    )
    if not uri.user:
        raise MalformedMessageError(
            "sip_malformed_uri", phrase("address of record has no user part")
        )
    return aor_of(uri)


def _unescape(match: re.Match[str]) -> str:
    """Undo an escape where that changes nothing (§19.1.4); write the others in one way."""
    char = chr(int(match[1], 16))
    return char if char in _UNRESERVED else match[0].upper()
