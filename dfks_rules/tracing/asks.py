"""Which message led to a decision: what was asked last, by whom, about whom.

A decision is settled after the call that brought its request, so it has to be found again: by the
address that asked, and the presentity that it asked about.
"""

from collections import OrderedDict
from typing import NamedTuple

from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Requester
from dfks_rules.sip.flow import Flow
from dfks_rules.tracing.parties import Parties

MAX_ASKS = 4_096
"""Most requests that are remembered; the oldest is forgotten first."""


class Ask(NamedTuple):
    """One request of a phone or another system."""

    call_id: str
    flow: Flow
    """Where it came from."""
    user_agent: str


class Asks:
    """Remembers requests for the moment until they are decided."""

    def __init__(self) -> None:
        self._asks: OrderedDict[tuple[str, Aor], Ask] = OrderedDict()

    def note(self, parties: Parties, flow: Flow) -> None:
        """A request came."""
        call_id = parties.call_id.decode(errors="replace")
        ask = Ask(call_id, flow, parties.user_agent.decode(errors="replace"))
        for user in parties.users:
            key = (flow.remote[0], user)
            self._asks[key] = ask
            self._asks.move_to_end(key)
        while len(self._asks) > MAX_ASKS:
            self._asks.popitem(last=False)

    def find(self, presentity: Aor, requester: Requester) -> Ask | None:
        """The request that somebody made; None when there was none by SIP.

        Args:
            presentity: whom it is about.
            requester: who made it.
        """
        if requester.source_ip is None:
            return None
        ask = self._asks.get((requester.source_ip, presentity))
        if ask is None or requester.user_agent not in (None, ask.user_agent):
            return None
        return ask
