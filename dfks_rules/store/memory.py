"""A store for tests and trials: everything is lost when the process ends."""

from collections.abc import Callable

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Settle


class MemoryStore:
    """Keeps snapshots in a dictionary; settles each commit before it returns.

    Reference: `service.ports.Store`.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._stored: dict[Aor, Snapshot] = {}

    def load(self, presentity: Aor) -> Snapshot:
        """What is stored; `NOTHING_STORED` when there is nothing."""
        return self._stored.get(presentity, NOTHING_STORED)

    def commit(self, presentity: Aor, before: Snapshot, after: Snapshot, settle: Settle) -> None:
        """Store `after` in place of `before`."""
        error = None
        if self.load(presentity).revision == before.revision:
            self._stored[presentity] = after
        else:
            error = StoreError("store_conflict", f"{presentity.uri} was changed concurrently")
        settle(error, self._clock())

    def close(self) -> None:
        """Do nothing: no commit is pending, and no resource is held."""
