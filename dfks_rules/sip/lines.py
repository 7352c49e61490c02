"""The lines of a message: its start line, and its headers by name (RFC 3261 §7.3)."""

import re
from typing import NamedTuple

from dfks_rules.sip.grammar import TOKEN

MAX_HEADERS = 128


class Fault(NamedTuple):
    """What is wrong with a request, as it is told to the peer."""

    status: int
    reason: str


Headers = dict[bytes, bytes]
"""Values by name in lower case and long form; repeated headers joined by commas (§7.3.1)."""

_LONG_FORM = {
    b"v": b"via",
    b"f": b"from",
    b"t": b"to",
    b"i": b"call-id",
    b"m": b"contact",
    b"l": b"content-length",
    b"c": b"content-type",
    b"e": b"content-encoding",
    b"s": b"subject",
    b"k": b"supported",
    b"o": b"event",
    b"u": b"allow-events",
    b"r": b"refer-to",
}
_COMMON = (
    b"Via From To Call-ID Call-Id CSeq Contact Max-Forwards Event Expires Content-Type"
    b" Content-Length Accept User-Agent Route Record-Route Allow Supported Allow-Events"
    b" Authorization P-Asserted-Identity Date Server Subscription-State Require"
    b" Suppress-If-Match SIP-If-Match"
).split()
# From the spelling of a name to its key. Names that are not here go the long way, and stay out.
_KEYS: dict[bytes, bytes] = {
    **{name: name.lower() for name in _COMMON},
    **{name.lower(): name.lower() for name in _COMMON},
    **_LONG_FORM,
    **{short.upper(): long for short, long in _LONG_FORM.items()},
}
SINGLE = frozenset(
    b"from to call-id cseq max-forwards content-length content-type expires event date"
    b" content-encoding user-agent min-expires subject subscription-state".split()
)
"""Headers that stand at most once in a message (RFC 3261 §7.3.1, RFC 4475 §3.3.8)."""

_HEADER = re.compile(rb"\r\n(" + TOKEN + rb")[ \t]*+:[ \t]*+((?:[^\r\n]*[^\r\n \t])?)[ \t]*+")
_FOLD = re.compile(rb"\r\n[ \t]++")


def split_head(head: bytes) -> tuple[bytes, Headers, Fault | None] | None:
    """Start line, headers, and the first thing that is wrong with them; None: nothing can be read.

    Nearly every head has one line for each header, and only names that are known.
    """
    lines = head.splitlines()
    if b"\r\n".join(lines) == head:
        try:
            fields = [line.split(b":", 1) for line in lines[1:]]
            headers = {_KEYS[name]: value.strip(b" \t") for name, value in fields}
        except (KeyError, ValueError):
            pass
        else:
            if len(headers) == len(lines) - 1 <= MAX_HEADERS:
                return lines[0], headers, None
    return split_unusual_head(head)


def split_unusual_head(head: bytes) -> tuple[bytes, Headers, Fault | None] | None:
    """As `split_head`, for headers that are repeated, rare, folded or malformed."""
    head = unfold(head)
    count = head.count(b"\r\n")
    if not head.count(b"\n") == head.count(b"\r") == count:
        # INVARIANT: no bare CR or LF in what is echoed.
        return None
    fields = _HEADER.findall(head)
    headers: Headers = {}
    fault = None if len(fields) == count else Fault(400, "Malformed header line")
    if count > MAX_HEADERS:
        fault = Fault(400, "Too many headers")
    for name, value in fields[:MAX_HEADERS]:
        key = name.lower()
        key = _KEYS.get(key, key)
        if key in headers:
            if key in SINGLE:
                fault = fault or Fault(400, f"More than one {key.decode().title()}")
                continue
            value = headers[key] + b", " + value
        headers[key] = value
    return head.partition(b"\r\n")[0], headers, fault


def unfold(head: bytes) -> bytes:
    """Folded lines joined, the white space around each fold become one space (§7.3.1).

    An expression that begins with white space would be tried at each space of a long run, and go to
    its end each time; this one is tried at line ends only, so the work is linear in the length.
    """
    *folded, last = _FOLD.split(head)
    return b" ".join([*(piece.rstrip(b" \t") for piece in folded), last])
