"""The topmost Via: whom a response goes to, and which transaction a message belongs to."""

import re

from dfks_rules.sip.flow import Listener
from dfks_rules.sip.grammar import HOST, LWS, PARAMS, TOKEN, blank_quotes

MAGIC_COOKIE = b"z9hG4bK"
"""Begins every branch that is unique by RFC 3261 §8.1.1.7."""

# via-parm = sent-protocol LWS sent-by *( SEMI via-params ); LWS may stand at each of the slashes.
# Any version: the answer 505 to a request of another version goes back by its Via.
_VIA = re.compile(
    rb"(?i:SIP)" + LWS + rb"/" + LWS + TOKEN + LWS + rb"/" + LWS + TOKEN + rb"[ \t]++"
    rb"((" + HOST + rb")(?:" + LWS + rb":" + LWS + rb"([0-9]{1,5}))?+)"
    rb"(" + PARAMS + rb")" + LWS + rb"(?:,|\Z)",
)  # fmt: skip
_BRANCH = re.compile(rb";" + LWS + rb"(?i:branch)" + LWS + rb"=" + LWS + rb"(" + TOKEN + rb")")
_RPORT = re.compile(rb";" + LWS + rb"(?i:rport)" + LWS + rb"(?=;|\Z)")
_RECEIVED = re.compile(rb";" + LWS + rb"(?i:received)" + LWS + rb"(?:=[^;]*+)?+(?=;|\Z)")


class Via:
    """The topmost Via of a message."""

    __slots__ = (
        "_end",
        "_params",
        "_rport",
        "_start",
        "_text",
        "branch",
        "host",
        "port",
        "sent_by",
    )

    def __init__(self, match: re.Match[bytes]) -> None:
        self.sent_by, self.host, port, params = match.groups()
        # sent_by is as it was written; an IPv6 host has its brackets.
        self.port = int(port) if port else None
        """The port of sent-by; None when it was not given."""
        self._params = _without_received(params)
        unquoted = blank_quotes(self._params)
        self.branch = _branch_in(unquoted)
        self._rport = _RPORT.search(unquoted)
        self._text = match.string
        self._start, self._end = match.span(4)

    @property
    def rport(self) -> bool:
        """Whether the response is to go to the port that the request came from (RFC 3581)."""
        return self._rport is not None

    def response_text(self, source: tuple[str, int]) -> bytes:
        """All Via values for a response: as they came, `received` and `rport` filled in.

        A `received` that the sender wrote is not believed: ours stands in its place.

        Args:
            source: address and port that the request came from.

        Reference: RFC 3261 §18.2.1, RFC 3581 §4
        """
        host = source[0].encode()
        params = self._params
        if self._rport is not None:
            start, end = self._rport.span()
            params = b"%b;rport=%d%b" % (params[:start], source[1], params[end:])
        if self._rport is not None or self.host.strip(b"[]") != host:
            params += b";received=" + host
        elif len(params) == self._end - self._start:
            return self._text
        return self._text[: self._start] + params + self._text[self._end :]


def parse_via(value: bytes) -> Via | None:
    """The topmost of the Via values in `value`; None when it is malformed.

    Reference: RFC 3261 §20.42
    """
    match = _VIA.match(value)
    return Via(match) if match else None


def via_start(listener: Listener) -> bytes:
    """The Via of a request of ours, up to its branch."""
    transport = listener.transport.upper().encode()
    return b"Via: SIP/2.0/%b %b;rport;branch=" % (transport, listener.sent_by)


def lone_branch(value: bytes) -> bytes | None:
    """The branch of a Via that is the only one; None when it is not, or has no branch.

    For responses: what is echoed there was written by us, without any comma.
    """
    if b"," in value:
        return None
    return _branch_in(value)


def _branch_in(params: bytes) -> bytes | None:
    """The branch among Via parameters; nearly everybody writes it as we do."""
    _, usual, rest = params.partition(b";branch=")
    branch = rest.partition(b";")[0]
    if usual and branch.isalnum():
        return branch
    found = _BRANCH.search(params)
    return found[1] if found else None


def _without_received(params: bytes) -> bytes:
    """Via parameters without any `received`, which only a receiver may write (§18.2.1)."""
    if b"received" not in params.lower():
        return params
    spans = [found.span() for found in _RECEIVED.finditer(blank_quotes(params))]
    starts = [0, *(end for _, end in spans)]
    ends = [*(start for start, _ in spans), len(params)]
    return b"".join([params[start:end] for start, end in zip(starts, ends, strict=True)])
