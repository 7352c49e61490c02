"""Whom a message is about, read cheaply and from malformed messages too."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.identity import Aor
from dfks_rules.sip.grammar import blank_quotes
from dfks_rules.sip.message import MAX_HEAD
from dfks_rules.sip.uri import aor_of, parse_uri

MAX_LINES = 64
"""Most header lines that are looked at."""
MAX_URIS = 8
"""Most URIs of one line that are looked at."""
MAX_KNOWN = 256
"""Longest URI that is remembered, bytes: strangers write some of 16 KB."""


class Parties(NamedTuple):
    """What a message says about whom it is for and from."""

    call_id: bytes
    """Empty when there is none."""
    users: frozenset[Aor]
    """In Request-URI, From, To and P-Asserted-Identity."""
    user_agent: bytes
    """Empty when there is none."""
    domains: frozenset[str] = frozenset()
    """Of the users in From and To."""


_LINES = re.compile(
    rb"\n(?i:(From|f|To|t|Call-ID|i|P-Asserted-Identity|User-Agent))[ \t]*+:[ \t]*+"
    rb"([^\r\n]*+(?>(?:\r?\n[ \t]++[^\r\n]*+)*))"
)
_URIS = re.compile(rb"(?i:sips?):[^\s<>\",;?]++")


def parties_of(data: bytes) -> Parties:
    """Whom a message is about; of a repeated Call-ID or User-Agent, the first counts.

    Args:
        data: a message; what is no message is about nobody.
    """
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD)
    head = data[: MAX_HEAD if end < 0 else end]
    call_id = user_agent = b""
    users: set[Aor] = set()
    ends: set[Aor] = set()
    start = head.partition(b"\r\n")[0]
    if not start.startswith(b"SIP/"):
        users.update(_users_in(start))
    for line in islice(_LINES.finditer(head), MAX_LINES):
        name, value = line.groups()
        match name[:1].lower():
            case b"c" | b"i":
                call_id = call_id or value.strip()
            case b"u":
                user_agent = user_agent or value.strip()
            case b"p":
                users.update(_users_in(value))
            case _:
                ends.update(_users_in(value))
    domains = frozenset(user.domain for user in ends)
    return Parties(call_id, frozenset(users | ends), user_agent, domains)


def _users_in(value: bytes) -> Iterator[Aor]:
    for uri in islice(_URIS.finditer(blank_quotes(value)), MAX_URIS):
        read = _user_of if len(uri[0]) <= MAX_KNOWN else _user_of.__wrapped__
        user = read(uri[0])
        if user is not None:
            yield user


@lru_cache(4_096)
def _user_of(uri: bytes) -> Aor | None:
    """Whose address of record it is; None for the address of a machine, or none at all."""
    try:
        user = aor_of(parse_uri(uri))
    except MalformedMessageError:
        return None
    return user if user.user else None
