"""Whose state holds, where the server and a switch differ.

What both last agreed on says who has changed it since. So a state that comes back as an echo is no
change, whoever sent it, and nothing has to be remembered of what is under way.
"""

from enum import Enum

from dfks_rules.bridges.states import CallState, agree


class Side(Enum):
    """One of the two."""

    SERVER = "server"
    SWITCH = "switch"


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
