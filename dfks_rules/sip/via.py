"""The topmost Via: whom a response goes to, and which transaction a message belongs to."""

import re

from dfks_rules.sip.grammar import HOST, LWS, PARAMS, TOKEN, blank_quotes

MAGIC_COOKIE = b"z9hG4bK"
"""Begins every branch that is unique by RFC 3261 §8.1.1.7."""

# via-parm = sent-protocol LWS sent-by *( SEMI via-params ); LWS may stand at each of the slashes.
# Any version: the answer 505 to a request of another version goes back by its Via.
_VIA = re.compile(
    rb"(?i:SIP)" + LWS + rb"/" + LWS + TOKEN + LWS + rb"/" + LWS + TOKEN + rb"[ \t]++"
    rb"((" + HOST + rb")(?>(?:" + LWS + rb":" + LWS + rb"([0-9]{1,5}))?))"
    rb"(" + PARAMS + rb")" + LWS + rb"(?:,|\Z)",
)  # fmt: skip
_BRANCH = re.compile(rb";" + LWS + rb"(?i:branch)" + LWS + rb"=" + LWS + rb"(" + TOKEN + rb")")
_RPORT = re.compile(rb";" + LWS + rb"(?i:rport)" + LWS + rb"(?=;|\Z)")
# What nearly everybody writes: found in one go, and sure not to hold anything else.
_USUAL = re.compile(rb"(;rport)?;branch=([A-Za-z0-9.\-_]++)(;rport)?")
_RECEIVED = re.compile(rb";" + LWS + rb"(?i:received)" + LWS + rb"(?>(?:=[^;]*+)?)(?=;|\Z)")


class Via:
    """The topmost Via of a message, and the text of all of them."""

    __slots__ = ("_after", "_before", "branch", "host", "others", "port", "sent_by")

    def __init__(
        self,
        sent_by: bytes,
        host: bytes,
        port: int | None,
        branch: bytes | None,
        before: bytes,
        after: bytes | None,
    ) -> None:
        """Make one.

        Args:
            sent_by: host and port as they were written.
            host: an IPv6 one has its brackets.
            port: None when it was not given.
            branch: None when there is none.
            before: its text up to the `rport` that is to be filled in, or else up to its end.
            after: its text behind that; None when there is no such `rport`.
        """
        self.sent_by = sent_by
        self.host = host
        self.port = port
        self.branch = branch
        self._before = before
        self._after = after
        self.others = b""
        """The Via values below it, and the comma before them."""

    @property
    def rport(self) -> bool:
        """Whether the response is to go to the port that the request came from (RFC 3581)."""
        return self._after is not None

    def response_text(self, source: tuple[str, int]) -> bytes:
        """All Via values for a response: as they came, `received` and `rport` filled in.

        A `received` that the sender wrote is not believed: ours stands in its place.

        Args:
            source: address and port that the request came from.

        Reference: RFC 3261 §18.2.1, RFC 3581 §4
        """
        host = source[0].encode()
        after = self._after
        if after is not None:
            rport = b";rport=%d" % source[1]
            return b"".join((self._before, rport, after, b";received=", host, self.others))
        if self.host.strip(b"[]") != host:
            return b"".join((self._before, b";received=", host, self.others))
        return self._before + self.others


def parse_via(value: bytes) -> Via | None:
    """The topmost of the Via values in `value`; None when it is malformed.

    Reference: RFC 3261 §20.42
    """
    match = _VIA.match(value)
    if match is None:
        return None
    sent_by, host, port, params = match.groups()
    usual = _USUAL.fullmatch(params)
    rport: tuple[int, int] | None = None
    if usual is not None:
        branch: bytes | None = usual[2]
        if usual[1] or usual[3]:
            rport = usual.span(3) if usual[3] else usual.span(1)
    else:
        params = _without_received(params)
        unquoted = blank_quotes(params)
        branch = _branch_in(unquoted)
        found = _RPORT.search(unquoted)
        rport = None if found is None else found.span()
    start = value[: match.start(4)]
    before, after = start + params, None
    if rport is not None:
        before, after = start + params[: rport[0]], params[rport[1] :]
    via = Via(sent_by, host, int(port) if port else None, branch, before, after)
    via.others = value[match.end(4) :]
    return via


def lone_branch(value: bytes) -> bytes | None:
    """The branch of a Via that is the only one; None when it is not, or has no branch.

    For responses: what is echoed there was written by us, without any comma.
    """
    if b"," in value:
        return None
    return _branch_in(value)


def _branch_in(params: bytes) -> bytes | None:
    """The branch among Via parameters."""
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
