"""The headers that somebody asks for, by number: what the C splitter gives, in its order."""

from typing import Final

Values = tuple[bytes | None, ...]
"""The values of the headers below, each at its number; None for one that is absent."""

VIA: Final = 0
FROM: Final = 1
TO: Final = 2
CALL_ID: Final = 3
CSEQ: Final = 4
CONTACT: Final = 5
EVENT: Final = 6
EXPIRES: Final = 7
ACCEPT: Final = 8
USER_AGENT: Final = 9
CONTENT_TYPE: Final = 10
CONTENT_ENCODING: Final = 11
RECORD_ROUTE: Final = 12
PATH: Final = 13
REQUIRE: Final = 14
AUTHORIZATION: Final = 15
P_ASSERTED_IDENTITY: Final = 16
SUPPRESS_IF_MATCH: Final = 17
SIP_IF_MATCH: Final = 18
TIMESTAMP: Final = 19

NAMES: Final = (
    b"via",
    b"from",
    b"to",
    b"call-id",
    b"cseq",
    b"contact",
    b"event",
    b"expires",
    b"accept",
    b"user-agent",
    b"content-type",
    b"content-encoding",
    b"record-route",
    b"path",
    b"require",
    b"authorization",
    b"p-asserted-identity",
    b"suppress-if-match",
    b"sip-if-match",
    b"timestamp",
)
"""Their names in lower case and long form, in the order of their numbers."""


def values_of(headers: dict[bytes, bytes]) -> Values:
    """The values of these headers among all."""
    return tuple([headers.get(name) for name in NAMES])
