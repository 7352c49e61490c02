"""What a message is, at a glance: where many wait, some go first, and none is parsed for that."""

import re
from typing import Final

from dfks_rules.sip.message import MAX_HEAD

RESPONSE: Final = b"SIP/2.0 "
"""How a response begins."""
_TAG = re.compile(rb"\r\n(?:to|t)[ \t]*+:[^\r\n]*?;[ \t]*+tag[ \t]*+=", re.IGNORECASE)


def is_expected(data: bytes) -> bool:
    """Whether a message belongs to what was begun before: a response, or a request in a dialog.

    Anybody can write it so. Whoever relies on it must not give a sender more for it than what the
    same sender would have had otherwise.

    Args:
        data: a datagram, or a framed message.
    """
    return data.startswith(RESPONSE) or _TAG.search(data, 0, MAX_HEAD) is not None


def wants_answer(data: bytes) -> bool:
    """Whether a message looks like a request that is answered: not a response, ACK, or noise."""
    return b" SIP/2.0\r\n" in data[:1024] and not data.startswith((RESPONSE, b"ACK "))
