"""What the notifier counts: plain integers that somebody else collects."""

NAMES = (
    "subscriptions_made",
    "subscriptions_refreshed",
    "subscriptions_fetched",
    "ended_timeout",
    "ended_rejected",
    "ended_deactivated",
    "ended_refused",
    "ended_unanswered",
    "notify_sent",
    "notify_answered",
    "notify_refused",
    "notify_timed_out",
    "notify_unreachable",
    "notify_repeated",
    "changes_untold",
)
"""Every count that is there from the start; `refused_STATUS` joins them with the first refusal.

`notify_sent` counts each NOTIFY once, whatever the transaction retransmits; `notify_repeated` those
that say again what was not confirmed. `changes_untold`: a watcher was not told, since what it may
see could not be read.
"""


def new_counts() -> dict[str, int]:
    """All counts at 0."""
    return dict.fromkeys(NAMES, 0)
