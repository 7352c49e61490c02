"""What the notifier counts: plain integers that somebody else collects."""

REFUSED = {
    status: f"refused_{status}"
    for status in (400, 401, 403, 404, 405, 406, 412, 415, 420, 423, 480, 481, 489, 500, 501, 503)
}
"""Status → the count of requests that were answered with it."""

NAMES = (
    "subscriptions_made",
    "subscriptions_refreshed",
    "subscriptions_fetched",
    "ended_timeout",
    "ended_rejected",
    "ended_deactivated",
    "ended_refused",
    "ended_unanswered",
    "ended_moved",
    "notify_sent",
    "notify_answered",
    "notify_refused",
    "notify_timed_out",
    "notify_unreachable",
    "notify_repeated",
    "notify_held",
    "notify_suppressed",
    "notify_challenged",
    "changes_untold",
    "sets_echoed",
    "sets_repeated",
    "changes_paced",
    "changes_merged",
    "edges_passed",
    "edges_told",
    "edges_untold",
    "contacts_proved",
    "requests_repeated",
    "rows_written",
    "rows_removed",
    "rows_failed",
    "rows_dropped",
    "rows_restored",
    "rows_expired",
    "rows_shortened",
    "rows_unreadable",
    "restored_told",
    "unanswered_while_loading",
    "adopted",
    "adopted_again",
    "adoptions_failed",
    "left_forgotten",
    "limit_per_user",
    "limit_unproved",
    "limit_subscriptions",
    "limit_subscriptions_per_user",
    "limit_subscriptions_per_source",
    "limit_subscriptions_per_contact",
    *REFUSED.values(),
)
"""Every count.

`notify_sent` counts each NOTIFY once, whatever the transaction retransmits; `notify_repeated` those
that say again what was not confirmed; `notify_held` those that were not sent, since the address is
unproved; `notify_suppressed` those whose body, or all of which, a phone did not want (RFC 5839);
`notify_challenged` those that were sent again with a password. `changes_untold`: a watcher was not
told, since what it may see could not be read. `changes_paced`: changes that were told in portions;
`changes_merged`: those that were taken into another that was still being told. `edges_passed`: how
often time has changed what gets may show; `edges_told`: presentities whose watchers were told for
it; `edges_untold`: those of whom it could not be read. `sets_echoed` and
`sets_repeated`: sets that nobody meant, see `display`. `contacts_proved`: a dialog was unproved,
and became proved. `requests_repeated`: SUBSCRIBEs that had been granted, by an earlier life of the
server or so long ago that their transactions were forgotten. `rows_written`, `rows_removed`: rows
of subscriptions written and removed behind (`kept`); `rows_failed`: rows of writes that failed, and
are tried again; `rows_dropped`: what was not kept, for too much waited. `rows_restored`: rows of
earlier lives that were taken over; `rows_expired` were not, as their time was over;
`rows_shortened` had more time left than can be granted, and got that; `rows_unreadable` turned out
not to be of use. `restored_told`: subscriptions that were told all states after a restart;
`unanswered_while_loading`: SUBSCRIBEs whose dialogs might have been in rows that were not read yet.
`ended_moved`: subscriptions that other nodes have now; `adopted`: those that were other nodes', and
whose phones came here; `adopted_again`: those that this node had given away, though their phones
had come back; `adoptions_failed`: dialogs of which it could not be found out whose they are;
`left_forgotten`: dialogs that other nodes have now, of which it is not known any more how far their
CSeqs had come.
`limit_…`: requests that a limit refused, also counted by their status.
"""

ANSWERED_WITHIN = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Bounds of how soon NOTIFYs are answered, s: from a phone beside the server to timer F."""


def new_counts() -> dict[str, int]:
    """All counts at 0."""
    return dict.fromkeys(NAMES, 0)
