"""Messages without their secrets, and of bounded length: what may be kept of them, and sent on.

What proves who a phone is must not get into a trace that is mailed to somebody: credentials, the
nonces that they answer, and passwords in URIs.
"""

import re

from dfks_rules.sip.message import MAX_HEAD

MAX_BODY = 4_096
"""Most bytes that are kept of a body."""
REMOVED = b"(removed)"

_FOLDED = rb"[^\r\n]*+(?>(?:\r?\n[ \t]++[^\r\n]*+)*)"
_CREDENTIALS = re.compile(rb"((?:\A|[\r\n])[ \t]*+(?i:(?:Proxy-)?Authorization)[ \t]*+:)" + _FOLDED)
_CHALLENGE = re.compile(
    rb"(?:\A|[\r\n])[ \t]*+(?i:(?:WWW|Proxy)-Authenticate|(?:Proxy-)?Authentication-Info)[ \t]*+:"
    + _FOLDED
)
_SECRET_PARAMETER = re.compile(
    rb"\b(?i:((?:next|c)?nonce|opaque|response|rspauth))"
    rb"([ \t\r\n]*+=[ \t\r\n]*+)(?:\"(?>(?:[^\"\\]++|\\.)*)\"?|[^\s,\"]++)",
    re.DOTALL,
)
# Bounded: else each `sip:` of a hostile message would be followed to its end.
_PASSWORD = re.compile(rb"(?i:(sips?:[^\s:@;?<>\"]{1,256}+):)[^\s@;?<>\"]{1,128}+@")


def blanked(data: bytes) -> bytes:
    """The message without credentials, nonces and passwords.

    Args:
        data: a message, well-formed or not.
    """
    lower = data.lower()
    # Nearly no message has any of them, and to search for lines costs ten times as much.
    if b"authori" in lower:
        data = _CREDENTIALS.sub(rb"\1 " + REMOVED, data)
    if b"authenti" in lower:
        data = _CHALLENGE.sub(_without_secrets, data)
    return _PASSWORD.sub(rb"\1:%b@" % REMOVED, data)


def _without_secrets(challenge: re.Match[bytes]) -> bytes:
    return _SECRET_PARAMETER.sub(rb'\1\2"%b"' % REMOVED, challenge[0])


def clipped(data: bytes) -> bytes:
    """The message with at most `MAX_BODY` bytes of body, and as much head as a message may have."""
    if len(data) <= MAX_BODY:
        return data
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD)
    return data[: MAX_HEAD if end < 0 else end + 4 + MAX_BODY]
