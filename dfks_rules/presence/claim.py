"""What is taken over of an earlier life, or of another node: how that ended, and who is owed."""

from collections.abc import Collection
from typing import Final, NamedTuple, final

from dfks_rules.model.identity import Aor
from dfks_rules.presence import rows
from dfks_rules.service.ports import DialogRow

UNSURE = 40.0
"""Seconds before the last heartbeat in which a NOTIFY may not have arrived: it is sent for 32."""


class Before(NamedTuple):
    """How the life of the server before this one ended."""

    beat_at: float
    """When it was last known to live, seconds since 1970 on the scale of the rows."""
    is_clean: bool
    """Whether it stopped as planned, and had everything written."""
    changed: Collection[Aor] = frozenset()
    """Whose features have changed since `UNSURE` seconds before `beat_at`; after a planned stop,
    since its end, where others could change them."""


@final
class Claim:
    """Rows that are taken over together, and how the life ended that had them."""

    __slots__ = ("before", "began", "changed")

    def __init__(self, before: Before, now: float) -> None:
        """They are ours from now on.

        Args:
            before: how that life ended.
            now: monotonic seconds.
        """
        self.before: Final = before
        self.began: Final = now
        """When they were claimed, monotonic seconds."""
        self.changed: Final[set[Aor]] = set(before.changed)
        """Whose watchers are to be told all states; whoever finds more of them before rows are
        taken adds them."""

    def owes(self, row: DialogRow) -> bool:
        """Whether the phone of a row is to be told all states, whatever the row says."""
        if row.presentity in self.changed:
            return True
        # What came of something written so late may not have arrived.
        is_recent = rows.written_at(row.flags) >= self.before.beat_at - UNSURE
        return is_recent and not self.before.is_clean
