"""A journal without a file."""

from collections.abc import Iterable, Sequence

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, Feature, FeatureState, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin
from dfks_rules.service.ports import JournalEntry

ALICE = Aor("alice", "example.com")
DND = Feature.DO_NOT_DISTURB
AT = 1_767_610_800.0
"""When entry 0 would have been made: 2026-01-05T11:00:00Z. Each next one is a second later."""


class MemoryJournal:
    """Entries in a list; the oldest may be gone."""

    def __init__(self, entries: Sequence[JournalEntry] = ()) -> None:
        self.entries = [*entries]
        self.is_broken = False
        """Whether it cannot be read."""
        self.skipped = 0
        """The highest number of something else."""

    def add(self, presentity: Aor = ALICE, feature: Feature = DND, rule: str = "p/r") -> None:
        """One more entry: a key is pressed."""
        seq = self.durable() + 1
        is_on = seq % 2 == 1
        self.entries.append(
            JournalEntry(
                seq,
                AT + seq,
                presentity,
                seq,
                feature,
                FeatureState(not is_on),
                FeatureState(is_on),
                Origin.WATCHER,
                presentity.uri,
                rule,
                f"abc-{seq}",
            )
        )

    def durable(self) -> int:
        """Number of the newest entry, which is told without a look at the disk."""
        return max(self.skipped, self.entries[-1].seq if self.entries else 0)

    def skip(self) -> int:
        """Number of something else that has happened."""
        self.skipped = self.durable() + 1
        return self.skipped

    async def newest(self) -> int:
        """Number of the newest entry."""
        self._look()
        return self.durable()

    async def read(self, after: int, at_most: int) -> list[JournalEntry]:
        """The entries that follow."""
        self._look()
        return [entry for entry in self.entries if entry.seq > after][:at_most]

    async def of(
        self, presentity: Aor | None, at_most: int, before: int | None = None
    ) -> list[JournalEntry]:
        """The entries of one presentity, or of all, the newest first."""
        self._look()
        end = self.durable() + 1 if before is None else before
        found = [
            one for one in self.entries if presentity in (None, one.presentity) and one.seq < end
        ]
        return found[::-1][:at_most]

    def _look(self) -> None:
        if self.is_broken:
            raise StoreError("store_unavailable", "the disk cannot be read")


async def nothing_stored(wanted: Iterable[Aor]) -> dict[Aor, Snapshot]:
    """What is stored for presentities of which only the journal tells."""
    return dict.fromkeys(wanted, NOTHING_STORED)
