"""Bytes → requests and responses (RFC 3261 §7, §25), as far as a notifier needs them.

A message is split once; values are parsed when somebody asks. Header text that is echoed (Via,
From, To, Call-ID, CSeq, Record-Route) is kept as it came. What is wrong with a request does not
raise: it is noted as its `fault`, beside whatever could be read, so that it can be answered.

Messages of the usual shape are split by C, where that was compiled (`wire`). What it takes means
the same here; everything else, and all that has a fault, is read here only.
"""

import re

from dfks_rules.errors import MalformedMessageError
from dfks_rules.sip import header
from dfks_rules.sip.address import Address, parse_address
from dfks_rules.sip.grammar import TOKEN
from dfks_rules.sip.header import NAMES, Values, values_of
from dfks_rules.sip.lines import Fault, Headers, split_head, unfold
from dfks_rules.sip.uri import SipUri
from dfks_rules.sip.via import Via, lone_branch, parse_via
from dfks_rules.sip.wire import split_request, split_response

MAX_HEAD = 16_384
"""Longest start line and headers together, in bytes (the longest of RFC 4475 has 3.5 KB)."""
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

SHORT_BODY = Fault(400, "Content-Length does not match the body")

# The lines that a response is matched by, in one pass. One that is folded does not match.
_MATCHED_LINE = re.compile(
    rb"\r\n(?:(?i:Via|v)[ \t]*+:[ \t]*+([^\r\n]*+)(?!\r\n[ \t])"
    rb"|(?i:CSeq)[ \t]*+:[ \t]*+([0-9]{1,32})[ \t]++(" + TOKEN + rb"))"
)
_METHOD = re.compile(TOKEN)
_NOTIFY = b"NOTIFY"
_CREDENTIALS = frozenset((b"authorization", b"proxy-authorization"))
_CREDENTIAL_LINE = re.compile(
    rb"\r\n(?i:(?:Proxy-)?Authorization)[ \t]*+:[^\r\n]*+(?>(?:\r\n[ \t][^\r\n]*+)*)"
)
_VERSION = re.compile(rb"SIP/[0-9]+\.[0-9]+", re.IGNORECASE)
_STATUS_LINE = re.compile(rb"(?i:SIP)/2\.0 ([1-6][0-9]{2}) [^\r\n]*+\r\n")
_CSEQ = re.compile(rb"([0-9]{1,32})[ \t]+(" + TOKEN + rb")")


class Response:
    """A response, as far as it takes to match it to a NOTIFY of ours."""

    __slots__ = ("_message", "branch", "method", "status")

    def __init__(self, status: int, branch: bytes, method: bytes, message: bytes) -> None:
        self.status = status
        self.branch = branch
        """Branch of the only Via."""
        self.method = method
        """Method in CSeq."""
        self._message = message

    @property
    def reason(self) -> str:
        """The phrase behind the status, for people."""
        start = self._message.partition(b"\r\n")[0]
        return b" ".join(start.split(b" ")[2:]).decode(errors="replace")

    @property
    def headers(self) -> Headers:
        """All headers; read when they are asked for."""
        split = split_head(_head_of(self._message))
        return {} if split is None else split[1]


class Request:
    """A request. Where `fault` is set, the other fields hold what could be read."""

    __slots__ = (
        "_headers",
        "_message",
        "_values",
        "body",
        "cseq",
        "fault",
        "method",
        "recipient",
        "sender",
        "target",
        "uri",
        "via",
    )

    def __init__(
        self,
        method: bytes,
        uri: bytes,
        values: Values,
        body: bytes,
        message: bytes,
        headers: Headers | None = None,
    ) -> None:
        self.method = method
        self.uri = uri
        """The Request-URI, unparsed."""
        self._values = values
        self._message = message
        self._headers = headers
        self.body = body
        self.cseq = 0
        self.via: Via | None = None
        """The topmost Via."""
        self.fault: Fault | None = None
        self.target: SipUri | None = None
        """The Request-URI; None where it was not read yet, as for the next two."""
        self.sender: Address | None = None
        """From."""
        self.recipient: Address | None = None
        """To."""

    @property
    def head(self) -> bytes:
        """Start line and headers as they came, without the empty line."""
        return _head_of(self._message)

    @property
    def headers(self) -> Headers:
        """All headers; those that are not in `header` are read when they are asked for."""
        headers = self._headers
        if headers is None:
            split = split_head(self.head)
            headers = self._headers = {} if split is None else split[1]
        return headers

    def head_to_keep(self) -> bytes:
        """Its head without what it was authenticated by, which is nobody's business later."""
        if self._headers is None:  # It was split by C, which takes no Proxy-Authorization.
            is_clean = self._values[header.AUTHORIZATION] is None
        else:
            is_clean = _CREDENTIALS.isdisjoint(self._headers)
        return self.head if is_clean else _CREDENTIAL_LINE.sub(b"", self.head)

    def get(self, number: int) -> bytes | None:
        """The value of a header by its number in `header`; None when it is absent."""
        return self._values[number]

    def value(self, number: int) -> bytes:
        """The same; empty when it is absent."""
        return self._values[number] or b""

    def address(self, number: int) -> Address:
        """The value of From, To or a single Contact.

        Raises:
            MalformedMessageError: `sip_malformed_header`, also when the header is absent.
        """
        value = self._values[number]
        name = NAMES[number]
        if value is None:
            raise MalformedMessageError("sip_malformed_header", f"missing {name.decode().title()}")
        return parse_address(value, name)

    def seconds(self, number: int) -> int | None:
        """The value of Expires; None when it is absent.

        Raises:
            MalformedMessageError: `sip_malformed_header` when it is not a number of seconds.
        """
        value = self._values[number]
        if value is None:
            return None
        if not value.isdigit() or len(value) > 32:
            raise MalformedMessageError(
                "sip_malformed_header", f"malformed {NAMES[number].decode().title()}"
            )
        return min(int(value), MAX_SECONDS)


def parse_message(data: bytes) -> Request | Response | None:
    """Read one message; None when nothing can be answered or matched.

    Args:
        data: one datagram, or one message that `stream` framed. Bytes beyond Content-Length are
            ignored.
    """
    response = split_response(data)
    if response is not None:
        status, branch = response
        return Response(status, branch, _NOTIFY, data)
    usual = _usual_request(data)
    return parse_unusual(data) if usual is None else usual


def _usual_request(data: bytes) -> Request | None:
    """A request that C has split: 1.5 µs where `parse_unusual` and `read_addresses` take 9."""
    found = split_request(data)
    if found is None:
        return None
    (
        method, uri, values, body, cseq, target,
        sent_by, host, port, branch, before, after, others,
        sender, sender_tag, recipient, recipient_tag,
    ) = found  # fmt: skip
    request = Request(method, uri, values, body, data)
    request.cseq = cseq
    via = request.via = Via(sent_by, host, port, branch, before, after)
    via.others = others
    request.target = target
    request.sender = Address(sender, sender_tag)
    request.recipient = Address(recipient, recipient_tag)
    return request


def parse_unusual(data: bytes) -> Request | Response | None:
    """As `parse_message`, whatever the shape."""
    head, separator, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    fault = None if separator else Fault(400, "No empty line after the headers")
    if len(head) > MAX_HEAD:
        head, fault = head[:MAX_HEAD].rpartition(b"\r\n")[0], Fault(400, "Headers too long")
    if head[:4].upper() == b"SIP/":
        return None if fault else _response(head)
    split = split_head(head)
    if split is None:
        return None
    line, headers, header_fault = split
    request = _request(line, headers, body, head)
    request.fault = _check(request, headers, fault or header_fault or _fault_of(line))
    # Without a fault the method is the one in CSeq, a token.
    return None if request.fault and not _METHOD.fullmatch(request.method) else request


def _head_of(message: bytes) -> bytes:
    """What stands before the empty line of a message, if it has one."""
    return message.partition(b"\r\n\r\n")[0]


def _response(head: bytes) -> Response | None:
    """A response that could be one to our request: one Via, a CSeq (RFC 3261 §8.1.3.3, §17.1.3).

    Only what it is matched by is read: most of what a notifier receives is 200.
    """
    status = _STATUS_LINE.match(head)
    lines = _MATCHED_LINE.findall(head)
    if len(lines) == 2 and lines[0][2]:
        lines.reverse()
    if len(lines) != 2 or lines[0][2] or not lines[1][2]:
        unfolded = unfold(head)
        return None if unfolded == head else _response(unfolded)
    via, (_, cseq, method) = lines[0][0], lines[1]
    branch = lone_branch(via)
    if status is None or branch is None or int(cseq) > MAX_CSEQ:
        return None
    return Response(int(status[1]), branch, method, head)


def _request(line: bytes, headers: Headers, body: bytes, head: bytes) -> Request:
    parts = line.split(b" ")
    if len(parts) == 3:
        method, uri, _ = parts
    else:
        method, _, rest = line.partition(b" ")
        uri = rest.rpartition(b" ")[0]
    return Request(method, uri, values_of(headers), body, head, headers)


def _fault_of(line: bytes) -> Fault | None:
    """What is wrong with a request line."""
    if line.count(b" ") != 2:
        return Fault(400, "Malformed request line")
    version = line.rpartition(b" ")[2]
    if version == b"SIP/2.0":
        return None
    if _VERSION.fullmatch(version) is None:
        return Fault(400, "Malformed request line")
    return None if version.upper() == b"SIP/2.0" else Fault(505, "Version Not Supported")


def _check(request: Request, headers: Headers, fault: Fault | None) -> Fault | None:
    """What every request must have (RFC 3261 §8.1.1); sets `via`, `cseq` and `body`."""
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
