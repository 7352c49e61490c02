"""A store for tests and trials: everything is lost when the process ends."""

from collections.abc import Callable, Sequence

from dfks_rules.model.features import NOTHING_STORED, Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.operations.ports import Stored
from dfks_rules.service.ports import Fetched, Settle, Verdict, Wanted
from dfks_rules.store.counts import OF_VERDICT, new_counts
from dfks_rules.store.plan import REPEATED, STORED, Result, conflict


class MemoryStore:
    """Keeps snapshots in a dictionary; settles each commit before it returns.

    Reference: `service.ports.Store`, `service.ports.Deadlines`.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._stored: dict[Aor, Snapshot] = {}
        self._deadlines: dict[Aor, int] = {}
        """Presentity → its earliest deadline."""
        self._visits: dict[int, int] = {}
        """Number of a subscription → CSeq of the last SUBSCRIBE stored for it."""
        self.counts = new_counts()

    def known(self, presentity: Aor) -> Snapshot:
        """What is stored; `NOTHING_STORED` when there is nothing."""
        return self._stored.get(presentity, NOTHING_STORED)

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """All presentities are known."""
        done(None, self._clock())

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        """Store all that is wanted, or nothing."""
        verdict, error = self._judge(wanted)
        if verdict is Verdict.STORED:
            for change in wanted.changes:
                presentity, deadlines = change.presentity, change.after.deadlines
                self._stored[presentity] = change.after
                if deadlines:
                    self._deadlines[presentity] = min(one.at for one in deadlines)
                elif change.before.deadlines:
                    del self._deadlines[presentity]
            if wanted.visit is not None:
                self._visits[wanted.visit.row] = wanted.visit.cseq
        self.counts[OF_VERDICT[verdict]] += 1
        settle(verdict, error, self._clock())

    def page(
        self, after: Aor | None, at_most: int, domains: frozenset[str] | None, on: Feature | None
    ) -> list[Stored]:
        """The next presentities by domain and user; see `operations.ports.Operations.page`."""
        first = (after.domain, after.user) if after else ("", "")
        found = sorted(
            (aor.domain, aor.user)
            for aor, snapshot in dict(self._stored).items()
            if (domains is None or aor.domain in domains)
            and (on is None or snapshot.state(on).status)
        )
        names = [Aor(user, domain) for domain, user in found if (domain, user) > first]
        return [Stored(aor, self.known(aor)) for aor in names[:at_most]]

    async def due(self, until: int, at_most: int) -> list[Aor]:
        """Presentities with a deadline by then; see `service.ports.Deadlines`."""
        found = sorted((at, who) for who, at in self._deadlines.items() if at <= until)
        return [who for _, who in found[:at_most]]

    async def next(self) -> int | None:
        """The earliest deadline of all."""
        return min(self._deadlines.values(), default=None)

    def _judge(self, wanted: Wanted) -> Result:
        visit = wanted.visit
        if visit is not None and self._visits.get(visit.row, -1) >= visit.cseq:
            return REPEATED
        for change in wanted.changes:
            if self.known(change.presentity) != change.before:
                return conflict(change.presentity)
        for presentity, revision in wanted.seen:
            if self.known(presentity).revision != revision:
                return conflict(presentity)
        return STORED

    def close(self) -> None:
        """Do nothing: no commit is pending, and no resource is held."""
