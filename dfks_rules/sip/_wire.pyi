"""What C makes of messages of the usual shape (`native/`); see `wire` for when it is not there."""

from collections.abc import Callable

from dfks_rules.model.identity import Aor
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
"""Method, Request-URI, values by number, body and CSeq; the Request-URI, taken apart; sent-by,
host, port and branch of the topmost Via, its text before and after `rport`, and the Via values
below it; URI and tag of From, and of To."""

def split_request(data: bytes, /) -> Usual | None: ...
def split_response(data: bytes, /) -> tuple[int, bytes] | None: ...
def read_uri(text: bytes, /) -> SipUri | None: ...
def read_address(value: bytes, /) -> tuple[bytes, bytes] | None: ...
def make_aor(user: bytes, host: bytes, /) -> Aor | None: ...
def name_types(uri: type[SipUri], aor: type[Aor], /) -> None: ...

SplitRequest = Callable[[bytes], Usual | None]
SplitResponse = Callable[[bytes], tuple[int, bytes] | None]
ReadUri = Callable[[bytes], SipUri | None]
ReadAddress = Callable[[bytes], tuple[bytes, bytes] | None]
MakeAor = Callable[[bytes, bytes], Aor | None]
NameTypes = Callable[[type[SipUri], type[Aor]], None]
