"""What time will change, as JSON."""

from dfks_rules.operations.coming import coming_told
from dfks_rules.policy.studying.coming import Cause, Coming
from tests.helpers.policy import CFA, NOON
from tests.helpers.states import forwarding


def test_a_change_is_told_with_its_time_its_states_and_its_rule() -> None:
    """Nothing in place of a state says that phones are not told."""
    coming = Coming(NOON, CFA, Cause.SHOWS, None, forwarding(True, "1"), "p/r")
    assert coming_told(coming) == {
        "at": "2026-01-05T12:00:00.000+00:00",
        "feature": "CallForwardingAlways",
        "cause": "time",
        "before": None,
        "after": {"status": "on", "forwardTo": "1"},
        "rule": "p/r",
    }
