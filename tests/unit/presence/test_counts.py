"""What the notifier counts."""

from dfks_rules.presence.counts import NAMES, new_counts
from dfks_rules.presence.subscription import Termination


def test_every_way_to_end_has_a_count() -> None:
    """One without would be an error while a subscription ends."""
    assert {f"ended_{why.value}" for why in Termination} <= set(NAMES)


def test_counts_start_at_zero_and_apart() -> None:
    """Two notifiers do not count together."""
    one, two = new_counts(), new_counts()
    one["notify_sent"] += 1
    assert two["notify_sent"] == 0
