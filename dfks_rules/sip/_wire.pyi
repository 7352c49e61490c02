"""What C makes of messages of the usual shape (`native/`); see `wire` for when it is not there."""

from dfks_rules.sip.header import Values
from dfks_rules.sip.uri import SipUri

Usual = tuple[
    bytes,
    bytes,
    Values,
    bytes,
    int,
    SipUri,
    bytes,
    bytes,
    int | None,
    bytes,
    bytes,
    bytes | None,
    bytes,
    bytes,
    bytes,
    bytes,
    bytes,
]

def split_response(data: bytes) -> tuple[int, bytes] | None: ...
def split_request(data: bytes) -> Usual | None: ...
