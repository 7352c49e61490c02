"""Whose state holds, where the server and a switch differ.

What both last agreed on says who has changed it since. So a state that comes back as an echo is no
change, whoever sent it, and nothing has to be remembered of what is under way.
"""

from enum import Enum
from typing import NamedTuple

from dfks_rules.bridges.states import CallState, agree


class Side(Enum):
    """One of the two."""

    SERVER = "server"
    SWITCH = "switch"


class Sent(NamedTuple):
    """A state that was on its way to the other side when the bridge was killed, perhaps."""

    side: Side
    """Whose state it is."""
    state: CallState


def arrived(
    agreed: CallState | None, sent: Sent, server: CallState, switch: CallState
) -> CallState | None:
    """What was agreed on, as one can tell by what both have now.

    Args:
        agreed: before it was sent; None: not known.
        sent: what was sent.
        server: what the server has now.
        switch: what the switch has now.
    """
    other = switch if sent.side is Side.SERVER else server
    if agree(other, sent.state):
        return sent.state
    # It may have arrived and been changed there since: surely so, if it is not what it was.
    is_changed = agreed is None or not agree(other, agreed)
    own = server if sent.side is Side.SERVER else switch
    return sent.state if is_changed and agree(own, sent.state) else agreed


def holds(
    agreed: CallState | None, server: CallState, switch: CallState, later: Side
) -> Side | None:
    """The side whose state the other has to take over; None: they agree.

    Args:
        agreed: what both last had; None: not known.
        server: what the server has.
        switch: what the switch has.
        later: who changed it later, if both did.
    """
    if agree(server, switch):
        return None
    if agreed is not None and agree(agreed, switch):
        return Side.SERVER
    if agreed is not None and agree(agreed, server):
        return Side.SWITCH
    return later
