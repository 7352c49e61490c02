"""What a store counts: plain integers that somebody else collects."""

from dfks_rules.service.ports import Verdict

OF_VERDICT = {
    Verdict.STORED: "stored",
    Verdict.REPEATED: "repeated",
    Verdict.CONFLICT: "conflicts",
    Verdict.FENCED: "fenced",
    Verdict.UNAVAILABLE: "unavailable",
}
"""Verdict → the count of commits that came to it."""

NAMES = (
    *OF_VERDICT.values(),
    "locked",
    "reads_failed",
    "writes_failed",
    "syncs_failed",
    "checkpoints_failed",
    "subscriptions_written",
    "subscriptions_removed",
    "subscriptions_failed",
    "changes_written",
    "changes_purged",
)
"""Every count.

`locked`: transactions that waited for another program; `writes_failed`: transactions that could not
be written; `syncs_failed`: those of which it is unknown whether the disk keeps them;
`checkpoints_failed`: how often the log could not be moved into the database, so that it grows.
`subscriptions_…`: rows that were written, behind or with a commit, removed, and neither;
`changes_…`: rows of the journal.
"""


def new_counts() -> dict[str, int]:
    """All counts at 0."""
    return dict.fromkeys(NAMES, 0)
