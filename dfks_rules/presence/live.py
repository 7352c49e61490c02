"""The subscriptions that live, and who looks after them."""

from dataclasses import dataclass

from dfks_rules.model.histogram import Histogram
from dfks_rules.presence.counts import ANSWERED_WITHIN, new_counts
from dfks_rules.presence.guard import Guard
from dfks_rules.presence.kept import Kept
from dfks_rules.presence.restoring import Restoring
from dfks_rules.presence.setup import Setup
from dfks_rules.presence.sleeping import Sleeping
from dfks_rules.presence.subscriptions import Subscriptions
from dfks_rules.sip.ports import Ways


@dataclass(frozen=True, slots=True)
class Live:
    """What the parts of a notifier have in common."""

    subscriptions: Subscriptions
    """Those that live."""
    guard: Guard
    """Knows which of them are proved."""
    counts: dict[str, int]
    """What happened how often since the start; see `counts.NAMES`."""
    answered: Histogram
    """From when a NOTIFY was sent to whoever answers it until the answer."""
    kept: Kept | None
    """Has their rows written; None where nothing outlives the process."""
    restoring: Restoring | None
    """Makes them of rows; None likewise."""


def live_of(setup: Setup, ways: Ways | None) -> Live:
    """Nobody has subscribed.

    Args:
        setup: what is the same for all subscriptions.
        ways: the ways to a peer.
    """
    counts, answered = new_counts(), Histogram(ANSWERED_WITHIN)
    guard = Guard(setup.limits, counts)
    keeping, sleeping = setup.keeping, Sleeping(ways)
    if keeping is None:
        return Live(Subscriptions(None, sleeping), guard, counts, answered, None, None)
    kept = Kept(keeping.dialogs, keeping.epoch, counts)
    restoring = Restoring(keeping, kept, ways, guard, setup, counts)
    return Live(Subscriptions(restoring, sleeping), guard, counts, answered, kept, restoring)
