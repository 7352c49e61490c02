"""What the notifier counts."""

import re
from pathlib import Path

from dfks_rules import presence
from dfks_rules.presence.counts import NAMES, new_counts
from dfks_rules.presence.subscription import Termination


def test_every_way_to_end_has_a_count() -> None:
    """One without would be an error while a subscription ends."""
    assert {f"ended_{why.value}" for why in Termination} <= set(NAMES)


def test_every_status_that_the_room_refuses_with_has_a_count() -> None:
    """One without would be an error while a request is refused."""
    sources = Path(presence.__path__[0]).glob("*.py")
    text = "".join(source.read_text("utf-8") for source in sources)
    statuses = set(re.findall(r"refusal\(\s*([0-9]{3})", text))
    statuses |= set(re.findall(r'": ([45][0-9]{2}),', text)) | {"400", "405", "501"}
    assert {f"refused_{status}" for status in statuses} == {n for n in NAMES if "refused_" in n}


def test_counts_start_at_zero_and_apart() -> None:
    """Two notifiers do not count together."""
    one, two = new_counts(), new_counts()
    one["notify_sent"] += 1
    assert two["notify_sent"] == 0
