"""The journal of all nodes."""

from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import JournalEntry
from dfks_rules.store.postgres.ports import Engine


class PostgresJournal:
    """Reads changes in the engine. Their numbers have holes, where dialogs have moved.

    Reference: `service.ports.Journal`.
    """

    def __init__(self, engine: Engine) -> None:
        """`engine` has it."""
        self._engine = engine

    async def newest(self) -> int:
        """Number of the newest entry."""
        found = await self._engine.journal(None, None, None, 1)
        return found[0].seq if found else 0

    async def read(self, after: int, at_most: int) -> list[JournalEntry]:
        """The entries that follow the one with the number `after`, in order."""
        return await self._engine.journal(after, None, None, at_most)

    async def of(
        self, presentity: Aor | None, at_most: int, before: int | None = None
    ) -> list[JournalEntry]:
        """The entries of one presentity, or of all, the newest first."""
        return await self._engine.journal(None, before, presentity, at_most)
