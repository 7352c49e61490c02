"""What a store counts: plain integers that somebody else collects."""

from dfks_rules.service.ports import Verdict

OF_VERDICT = {
    Verdict.STORED: "stored",
    Verdict.REPEATED: "repeated",
    Verdict.CONFLICT: "conflicts",
    Verdict.MOVED: "moved",
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

COMMITTED_WITHIN = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds of how soon a commit is settled, s."""


def new_counts() -> dict[str, int]:
    """All counts at 0."""
    return dict.fromkeys(NAMES, 0)
