"""How far a node may serve, in a cluster; a server by itself always serves.

| it is    | since                                | change | refresh     | set | new | OPTIONS |
|----------|--------------------------------------|--------|-------------|-----|-----|---------|
| serving  | its lease holds                      | told   | 200         | yes | yes | 200     |
| draining | an operator said so                  | told   | 200         | yes | 503 | 503     |
| blind    | its lease is over, the engine silent | no     | from memory | 503 | 503 | 503     |
| cut off  | it was blind for too long, or buried | no     | 503         | 503 | 503 | 503     |

Reference: docs/topics/several-nodes.md
"""

from collections.abc import Callable
from enum import Enum
from typing import Final
from zlib import crc32

from dfks_rules.presence.responses import unavailable
from dfks_rules.sip import header
from dfks_rules.sip.incoming import Incoming

FIRST_RETRY: Final = 5
LAST_RETRY: Final = 15
"""When phones that are refused ask again, s: each at a moment of its own."""


class Standing(Enum):
    """How far a node may serve."""

    SERVING = "serving"
    DRAINING = "draining"
    BLIND = "blind"
    CUT_OFF = "cut off"

    __hash__ = object.__hash__


Stands = Callable[[float], Standing]
"""How far the node may serve at a moment (monotonic seconds)."""

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_SERVING: Final = Standing.SERVING
_DRAINING: Final = Standing.DRAINING
_BLIND: Final = Standing.BLIND


def is_silent(standing: Standing) -> bool:
    """Whether nobody is told of changes, and nothing ends: another node may do so."""
    return standing is not _SERVING and standing is not _DRAINING


def check_standing(standing: Standing, incoming: Incoming, has: Callable[[bytes], bool]) -> None:
    """Find out whether a request may be served.

    Args:
        standing: how far the node may serve.
        incoming: the request.
        has: whether a dialog with a tag of ours is here.

    Raises:
        RefusedError: 503, another server may serve it.
        MalformedMessageError: it cannot be read.
    """
    if standing is _SERVING:
        return
    request, tag = incoming.request, incoming.recipient.tag
    is_subscribe = request.method == b"SUBSCRIBE"
    if standing is _DRAINING:
        if tag or not (is_subscribe or request.method == b"OPTIONS"):
            return
    elif standing is _BLIND and is_subscribe and tag:
        is_refresh = not request.body and request.seconds(header.EXPIRES) != 0
        if is_refresh and has(tag):
            return
    spread = crc32(request.value(header.CALL_ID)) % (LAST_RETRY - FIRST_RETRY + 1)
    raise unavailable("Try another server", FIRST_RETRY + spread)
