"""What a notifier works with besides its endpoint and the use cases."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dfks_rules.presence.gate import Gate
from dfks_rules.presence.logins import Logins
from dfks_rules.presence.package import Limits
from dfks_rules.presence.profile import Profiles
from dfks_rules.presence.standing import Stands
from dfks_rules.service.ports import Dialogs
from dfks_rules.sip.flow import Listener

ListenerAt = Callable[[str, str, int], Listener | None]
"""Gives the listener of a transport, a local address and a port; None when there is none now."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How subscriptions outlive the process."""

    dialogs: Dialogs
    """What keeps rows."""
    epoch: float
    """The moment 0 of monotonic time, seconds since 1970."""
    listener_at: ListenerAt
    """What finds the listener that a SUBSCRIBE came by; see `sip.ports.Ways`."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that is the same for all subscriptions."""

    limits: Limits
    """How long subscriptions may last, and how many there may be."""
    token: Callable[[], bytes]
    """Gives a new unguessable token each time, for tags and branches (RFC 3261 §19.3)."""
    tag_of: Callable[[bytes], bytes]
    """Gives the same unguessable token for the same text, also in later lives of the server."""
    gate: Gate | None = None
    """What finds out who sends a SUBSCRIBE; None where From is believed."""
    logins: Logins | None = None
    """How NOTIFYs authenticate; None where they do not."""
    profiles: Profiles = field(default_factory=Profiles)
    """How phones are treated by their User-Agent."""
    keeping: Keeping | None = None
    """How subscriptions outlive the process; None where nothing does."""
    standing: Stands | None = None
    """How far the node may serve; None for a server by itself, which always serves."""
