"""Bytes → requests and responses (RFC 3261 §7, §25), as far as a notifier needs them.

A message is split once; values are parsed when somebody asks. Header text that is echoed (Via,
From, To, Call-ID, CSeq, Record-Route) is kept as it came. What is wrong with a request does not
raise: it is noted as its `fault`, beside whatever could be read, so that it can be answered.
"""

import re
from typing import NamedTuple

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip.address import Address, parse_address
from dfks_rules.sip.grammar import TOKEN
from dfks_rules.sip.via import Via, lone_branch, parse_via

MAX_HEAD = 16_384
"""Longest start line and headers together, in bytes (the longest of RFC 4475 has 3.5 KB)."""
MAX_HEADERS = 128
MAX_CSEQ = 2**31 - 1
"""RFC 3261 §8.1.1.5"""
MAX_SECONDS = 2**32 - 1
"""delta-seconds: RFC 3261 §20.19"""
METHODS = frozenset(
    (
        b"ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE"
        b" UPDATE"
    ).split()
)
"""The methods that are registered for SIP; any other is unknown (RFC 3261 §21.5.2)."""


class Fault(NamedTuple):
    """What is wrong with a request, as it is told to the peer."""

    status: int
    reason: str


SHORT_BODY = Fault(400, "Content-Length does not match the body")

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
# A line that is folded does not match.
# The lines that a response is matched by, in one pass.
_MATCHED_LINE = re.compile(
    rb"\r\n(?:(?i:Via|v)[ \t]*+:[ \t]*+([^\r\n]*+)(?!\r\n[ \t])"
    rb"|(?i:CSeq)[ \t]*+:[ \t]*+([0-9]{1,32})[ \t]++(" + TOKEN + rb"))"
)
_FOLD = re.compile(rb"\r\n[ \t]++")
_METHOD = re.compile(TOKEN)
_CREDENTIALS = frozenset((b"authorization", b"proxy-authorization"))
_CREDENTIAL_LINE = re.compile(
    rb"\r\n(?i:(?:Proxy-)?Authorization)[ \t]*+:[^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+"
)
_VERSION = re.compile(rb"SIP/[0-9]+\.[0-9]+", re.IGNORECASE)
_STATUS_LINE = re.compile(rb"(?i:SIP)/2\.0 ([1-6][0-9]{2}) [^\r\n]*+\r\n")
_CSEQ = re.compile(rb"([0-9]{1,32})[ \t]+(" + TOKEN + rb")")


class Response:
    """A response, as far as it takes to match it to a NOTIFY of ours."""

    __slots__ = ("_head", "branch", "method", "status")

    def __init__(self, status: int, branch: bytes, method: bytes, head: bytes) -> None:
        self.status = status
        self.branch = branch
        """Branch of the only Via."""
        self.method = method
        """Method in CSeq."""
        self._head = head

    @property
    def reason(self) -> str:
        """The phrase behind the status, for people."""
        start = self._head.partition(b"\r\n")[0]
        return b" ".join(start.split(b" ")[2:]).decode(errors="replace")

    @property
    def headers(self) -> Headers:
        """All headers; read when they are asked for."""
        split = _split_head(self._head)
        return {} if split is None else split[1]


class Request:
    """A request. Where `fault` is set, the other fields hold what could be read."""

    __slots__ = ("body", "cseq", "fault", "head", "headers", "method", "uri", "via")

    def __init__(self, method: bytes, uri: bytes, headers: Headers, body: bytes) -> None:
        self.method = method
        self.uri = uri
        """The Request-URI, unparsed."""
        self.headers = headers
        self.body = body
        self.cseq = 0
        self.via: Via | None = None
        """The topmost Via."""
        self.fault: Fault | None = None
        self.head = b""
        """Start line and headers as they came, without the empty line."""

    def head_to_keep(self) -> bytes:
        """Its head without what it was authenticated by, which is nobody's business later."""
        if _CREDENTIALS.isdisjoint(self.headers):
            return self.head
        return _CREDENTIAL_LINE.sub(b"", self.head)

    def address(self, name: bytes) -> Address:
        """The value of From, To or a single Contact.

        Raises:
            MalformedMessageError: `sip_malformed_header`, also when the header is absent.
        """
        value = self.headers.get(name)
        if value is None:
            raise MalformedMessageError("sip_malformed_header", f"missing {name.decode().title()}")
        return parse_address(value, name)

    def text(self, name: bytes) -> str | None:
        """The value of a header as text, for facts and logs; None when it is absent."""
        value = self.headers.get(name)
        return None if value is None else value.decode(errors="replace")

    def seconds(self, name: bytes) -> int | None:
        """The value of Expires; None when it is absent.

        Raises:
            MalformedMessageError: `sip_malformed_header` when it is not a number of seconds.
        """
        value = self.headers.get(name)
        if value is None:
            return None
        if not value.isdigit() or len(value) > 32:
            raise MalformedMessageError(
                "sip_malformed_header", f"malformed {name.decode().title()}"
            )
        return min(int(value), MAX_SECONDS)


def parse_message(data: bytes) -> Request | Response | None:
    """Read one message; None when nothing can be answered or matched.

    Args:
        data: one datagram, or one message that `stream` framed. Bytes beyond Content-Length are
            ignored.
    """
    head, separator, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    fault = None if separator else Fault(400, "No empty line after the headers")
    if len(head) > MAX_HEAD:
        head, fault = head[:MAX_HEAD].rpartition(b"\r\n")[0], Fault(400, "Headers too long")
    if head[:4].upper() == b"SIP/":
        return None if fault else _response(head)
    split = _split_head(head)
    if split is None:
        return None
    line, headers, header_fault = split
    request = _request(line, headers, body, fault or header_fault)
    if request is not None:
        request.head = head
    return request


def _split_head(head: bytes) -> tuple[bytes, Headers, Fault | None] | None:
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
    return _split_unusual_head(head)


def _split_unusual_head(head: bytes) -> tuple[bytes, Headers, Fault | None] | None:
    """As `_split_head`, for headers that are repeated, rare, folded or malformed."""
    head = _unfold(head)
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


def _unfold(head: bytes) -> bytes:
    """Folded lines joined, the white space around each fold become one space (§7.3.1).

    An expression that begins with white space would be tried at each space of a long run, and go to
    its end each time; this one is tried at line ends only, so the work is linear in the length.
    """
    *folded, last = _FOLD.split(head)
    return b" ".join([*(piece.rstrip(b" \t") for piece in folded), last])


def _response(head: bytes) -> Response | None:
    """A response that could be one to our request: one Via, a CSeq (RFC 3261 §8.1.3.3, §17.1.3).

    Only what it is matched by is read: most of what a notifier receives is 200.
    """
    status = _STATUS_LINE.match(head)
    lines = _MATCHED_LINE.findall(head)
    if len(lines) == 2 and lines[0][2]:
        lines.reverse()
    if len(lines) != 2 or lines[0][2] or not lines[1][2]:
        unfolded = _unfold(head)
        return None if unfolded == head else _response(unfolded)
    via, (_, cseq, method) = lines[0][0], lines[1]
    branch = lone_branch(via)
    if status is None or branch is None or int(cseq) > MAX_CSEQ:
        return None
    return Response(int(status[1]), branch, method, head)


def _request(line: bytes, headers: Headers, body: bytes, fault: Fault | None) -> Request | None:
    parts = line.split(b" ")
    if len(parts) == 3 and parts[2] == b"SIP/2.0":
        request = Request(parts[0], parts[1], headers, body)
    else:
        method, _, rest = line.partition(b" ")
        uri, _, version = rest.rpartition(b" ")
        request = Request(method, uri, headers, body)
        if len(parts) == 3 and _VERSION.fullmatch(version):
            if version.upper() != b"SIP/2.0":
                fault = fault or Fault(505, "Version Not Supported")
        else:
            fault = fault or Fault(400, "Malformed request line")
    request.fault = _check(request, fault)
    # Without a fault the method is the one in CSeq, a token.
    return None if request.fault and not _METHOD.fullmatch(request.method) else request


def _check(request: Request, fault: Fault | None) -> Fault | None:
    """What every request must have (RFC 3261 §8.1.1); sets `via`, `cseq` and `body`."""
    headers = request.headers
    via = request.via = parse_via(headers.get(b"via", b""))
    if via is None:
        fault = fault or Fault(400, "Malformed Via" if b"via" in headers else "Missing Via")
    for name in (b"from", b"to", b"call-id", b"cseq"):
        if not headers.get(name):
            return fault or Fault(400, f"Missing {name.decode().title()}")
    cseq = _CSEQ.fullmatch(headers[b"cseq"])
    if cseq is None or int(cseq[1]) > MAX_CSEQ:
        return fault or Fault(400, "Malformed CSeq")
    if cseq[2] != request.method:
        return fault or Fault(400, "CSeq method does not match")
    request.cseq = int(cseq[1])
    hops = headers.get(b"max-forwards", b"70")
    if not hops.isdigit() or len(hops) > 32 or int(hops) > 255:
        return fault or Fault(400, "Malformed Max-Forwards")
    length = headers.get(b"content-length")
    if length is not None:
        if not length.isdigit() or len(length) > 32 or int(length) > len(request.body):
            return fault or SHORT_BODY
        request.body = request.body[: int(length)]
    return fault
