"""Conditional notification: the entity-tags of NOTIFYs, and what SUBSCRIBEs make of them.

An entity-tag names what its phone knows once it has read the NOTIFY: the state of each feature, or
that it has none, and what else its documents depend on. It is made of a checksum of each. So the
tag of a NOTIFY with some of the features follows from what the phone knew before, nothing needs to
be remembered of entities that are no longer current, and a restart changes no tag.

Reference: RFC 5839; docs/decisions/0017-conditional-notification.md
"""

import re
from functools import lru_cache
from typing import Final
from zlib import crc32

from dfks_rules.model.features import FEATURES, POSITION, FeatureState
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.responses import refusal
from dfks_rules.sip import header
from dfks_rules.sip.grammar import TOKEN
from dfks_rules.sip.message import Request

ANY: Final = b"*"
"""The condition that is always true: a phone wants no states, now or later."""

_CONDITION = re.compile(TOKEN)
_SIZE = 8
"""Digits for one feature."""
_NOTHING = b"-" * _SIZE
"""In place of a feature that the phone knows nothing of."""


def condition_of(request: Request) -> bytes:
    """The condition of a SUBSCRIBE (RFC 5839 §7.2): an entity-tag or `ANY`; empty for none.

    Raises:
        RefusedError: 400, it is no entity-tag, or there are several.
    """
    value = request.get(header.SUPPRESS_IF_MATCH)
    if value is None:
        return b""
    if _CONDITION.fullmatch(value) is None:
        raise refusal(400, "Malformed Suppress-If-Match")
    return value


def knowledge_of(documents: Documents, before: bytes = b"") -> bytes:
    """What a phone knows once it has read a NOTIFY: a checksum of each state, or `_NOTHING`.

    Args:
        documents: what the NOTIFY says.
        before: what the phone knew before, where it does not say all; empty where it does.
    """
    return _added(documents, before) if before else _all(documents)


# Thousands of phones know the same: one object for all of them.
@lru_cache(maxsize=4096)
def _all(documents: Documents) -> bytes:
    return _added(documents, _NOTHING * len(FEATURES))


def _added(documents: Documents, knowledge: bytes) -> bytes:
    for feature, state in documents:
        at = POSITION[feature] * _SIZE
        knowledge = knowledge[:at] + _checksum_of(state) + knowledge[at + _SIZE :]
    return knowledge


def without(knowledge: bytes, documents: Documents) -> bytes:
    """What a phone knows for certain, where it may have missed what it was told of some features.

    Args:
        knowledge: what it was told, or empty.
        documents: of those features.
    """
    for feature, _ in documents if knowledge else ():
        at = POSITION[feature] * _SIZE
        knowledge = knowledge[:at] + _NOTHING + knowledge[at + _SIZE :]
    return knowledge


def tag_of(knowledge: bytes, device: str, event_id: bytes) -> bytes:
    """The entity-tag of a NOTIFY.

    Args:
        knowledge: what its phone knows once it has read it.
        device: text of `<device>` in it.
        event_id: the `id` of its Event, which belongs to the entity as well (RFC 5839 §4).
    """
    return b"%b%08x" % (knowledge, crc32(device.encode(errors="replace"), crc32(event_id)))


def known_if(condition: bytes, documents: Documents | None, device: str, event_id: bytes) -> bytes:
    """What the phone knows of the states if its condition holds; else empty.

    Args:
        condition: of a SUBSCRIBE.
        documents: what a NOTIFY would tell its phone now; None where there would be none.
        device: text of `<device>` in it.
        event_id: the `id` of its Event.
    """
    knowledge = knowledge_of(documents or ())
    is_current = documents is not None and condition == tag_of(knowledge, device, event_id)
    return knowledge if is_current or condition == ANY else b""


# Numbers are as many as users: to look for one that was worked out before costs more than it saves.
def _checksum_of(state: FeatureState) -> bytes:
    if not state.values:
        return _ON if state.status else _OFF
    text = "1" if state.status else "0"
    for value, what in state.values:
        text += f"\n{value._value_}={what}"
    return _checksum(text)


def _checksum(text: str) -> bytes:
    return b"%08x" % crc32(text.encode(errors="backslashreplace"))


_ON: Final = _checksum("1")
_OFF: Final = _checksum("0")
