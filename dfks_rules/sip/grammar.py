"""The productions of RFC 3261 §25 that more than one header needs, as regular expressions on bytes.

Rule of this file: every quantifier that could give characters back to another one is possessive
(`*+`, `++`), or in an atomic group where it repeats a group: `(?>(?:ab?c)*)`. So matching is linear
in the length of the input, whatever a peer sends. `(?:ab?c)*+` would say the same, but CPython
before 3.11.5 takes what a last, failed repetition has read as matched (gh-106052). Case is
ignored only where letters are literal, as in `(?i:tag)`: classes name both cases, and are
faster for it.
"""

import re

TOKEN = rb"[A-Za-z0-9\-.!%*_+`'~]++"
"""token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" )"""

LWS = rb"[ \t]*+"
"""Optional white space; folded lines were joined before any header is looked at."""

QUOTED = rb'"(?>(?:[^"\\]++|\\.)*)"'
"""quoted-string = SWS DQUOTE *(qdtext / quoted-pair ) DQUOTE"""

IPV6 = rb"\[[0-9A-Fa-f:.]++\]"
"""IPv6reference, its inside unchecked: it is compared and connected to, never computed with."""

HOST = rb"(?:" + IPV6 + rb"|[A-Za-z0-9](?:[A-Za-z0-9_.\-]*+))"
"""host = hostname / IPv4address / IPv6reference; underscores are seen in the field."""

GEN_VALUE = rb"(?:" + TOKEN + rb"(?>(?::[0-9A-Za-z.:]++)?)|\[?[0-9A-Fa-f:.]++\]?|" + QUOTED + rb")"
"""gen-value = token / host / quoted-string; also `received=2001:db8::1` (RFC 5118 §4.5)."""

PARAM = TOKEN + rb"(?>(?:" + LWS + rb"=" + LWS + GEN_VALUE + rb")?)"
"""generic-param = token [ EQUAL gen-value ]"""

PARAMS = rb"(?>(?:" + LWS + rb";" + LWS + PARAM + rb")*)"
"""*( SEMI generic-param )"""

_ONE_PARAM = re.compile(
    rb";" + LWS + rb"(" + TOKEN + rb")(?>(?:" + LWS + rb"=" + LWS + rb"(" + GEN_VALUE + rb"))?)"
)


def parse_params(text: bytes) -> dict[bytes, bytes]:
    """Parameters by name in lower case; the value of a parameter without one is empty.

    Args:
        text: what `PARAMS` matched. The first of two parameters with one name counts.
    """
    params: dict[bytes, bytes] = {}
    for name, value in _ONE_PARAM.findall(text):
        params.setdefault(name.lower(), value)
    return params


_QUOTED_TO_THE_END = rb'"(?>(?:[^"\\]++|\\(?s:.))*)(?:"|\\?+\Z)'
_LIST_ITEM = re.compile(rb"(?>(?:[^,\"<]++|" + _QUOTED_TO_THE_END + rb"|<[^>]*+(?:>|\Z))+)")


def split_list(value: bytes) -> list[bytes]:
    """The members of a comma-separated header value; commas in quotes and brackets do not count.

    A quote or bracket that is never closed lasts to the end. To leave it out and go on behind it
    would scan the rest once for each.
    """
    return [item for raw in _LIST_ITEM.findall(value) if (item := raw.strip(b" \t"))]


_QUOTED = re.compile(_QUOTED_TO_THE_END)


def blank_quotes(text: bytes) -> bytes:
    """`text`, of the same length, without what stands in its quoted strings.

    Whoever searches it for a parameter finds none that a quoted string only speaks of.
    """
    return _QUOTED.sub(_blank, text) if b'"' in text else text


def _blank(match: re.Match[bytes]) -> bytes:
    length = len(match[0])
    return b'"%b"' % (b" " * (length - 2)) if length > 1 else b'"'
