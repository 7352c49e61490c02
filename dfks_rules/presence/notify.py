"""What a NOTIFY says: how its subscription stands, and the states with their entity-tag."""

from functools import lru_cache

from dfks_rules.csta.render import content
from dfks_rules.csta.style import BodyStyle
from dfks_rules.presence.conditional import knowledge_of, tag_of
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.subscription import Subscription


def state_of(subscription: Subscription, now: float) -> bytes:
    """The Subscription-State line (RFC 6665 §8.2.3)."""
    if subscription.termination is not None:
        reason = subscription.termination.value.encode()
        return b"Subscription-State: terminated;reason=%b\r\n" % reason
    left = max(0, round(subscription.deadline - now))
    return b"Subscription-State: active;expires=%d\r\n" % left


@lru_cache(maxsize=4096)
def content_of(
    documents: Documents, device: str, event_id: bytes, before: bytes, style: BodyStyle
) -> tuple[bytes, bytes]:
    """What a phone knows after a NOTIFY, and the end of that: entity-tag, type and body.

    See `knowledge_of` and `tag_of` for the arguments.
    """
    knowledge = knowledge_of(documents, before)
    tag = tag_of(knowledge, device, event_id)
    if not documents:
        return knowledge, b"SIP-ETag: %b\r\nContent-Length: 0\r\n\r\n" % tag
    return knowledge, b"SIP-ETag: %b\r\n%b" % (tag, content(documents, device, style))
