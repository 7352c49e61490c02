"""The event package and its limits (RFC 6665 §5.4)."""

from dataclasses import dataclass
from enum import Enum

EVENT = b"as-feature-event"
"""The event package of Device Feature Key Synchronisation."""

ALLOW = b"Allow: SUBSCRIBE, OPTIONS, CANCEL\r\n"
"""Every method that is understood from all (RFC 3261 §20.5); a CANCEL has no effect."""
ALLOW_PUBLISH = b"Allow: SUBSCRIBE, PUBLISH, OPTIONS, CANCEL\r\n"
"""Every method that is served where there are peers who may publish."""

ALLOW_EVENTS = b"Allow-Events: " + EVENT + b"\r\n"


class OnNotifyTimeout(Enum):
    """What becomes of a subscription whose NOTIFY nobody answered for 32 s."""

    KEEP = "keep"
    """It lives until it expires: a phone behind a bad link stays in step when the link is back."""
    DROP = "drop"
    """It ends at once, as RFC 6665 §4.2.2 has it."""


@dataclass(frozen=True, slots=True)
class SubscriptionLimits:
    """Most live subscriptions; None for any number."""

    in_all: int | None = 1_000_000
    """Together."""
    per_user: int | None = None
    """Of one watcher: the identity, or what From says where nobody authenticates."""
    per_source: int | None = None
    """Made from one address (IPv6: one /64); those of trusted peers do not count."""
    per_contact: int | None = None
    """Told at one address and port, where nobody authenticates."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long subscriptions may last, how many there may be, and how often they are asked for."""

    min_expires: int = 60
    """Shortest duration that is granted, s; a shorter wish is answered 423. 0 is always allowed."""
    default_expires: int = 3600
    """Duration when the phone does not say, s."""
    max_expires: int = 86_400
    """Longest duration that is granted, s; a longer wish is cut to it."""
    on_notify_timeout: OnNotifyTimeout = OnNotifyTimeout.KEEP
    """What becomes of one whose NOTIFY nobody answers."""
    subscriptions: SubscriptionLimits = SubscriptionLimits()
    """How many there may be."""
    per_user: int | None = None
    """SUBSCRIBEs a second of one user; None for any number."""
