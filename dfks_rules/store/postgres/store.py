"""The store of a node: what it knows is in memory, what it wants goes to the engine."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Feature, FeatureState, Snapshot
from dfks_rules.model.histogram import Histogram
from dfks_rules.model.identity import Aor
from dfks_rules.operations.ports import Stored
from dfks_rules.service.ports import (
    Adopting,
    Deadlines,
    DialogRow,
    Fetched,
    Gone,
    Settle,
    Verdict,
    Wanted,
)
from dfks_rules.store.counts import new_counts
from dfks_rules.store.plan import Rows
from dfks_rules.store.postgres.adopting import GatheredAdoptions
from dfks_rules.store.postgres.group import GroupCommit
from dfks_rules.store.postgres.journal import PostgresJournal
from dfks_rules.store.postgres.known import Known, News
from dfks_rules.store.postgres.ports import Claimed, Engine, Joined, Sought, Step, cohort_of
from dfks_rules.store.postgres.reading import Reading

CACHED = 200_000
"""Presentities whose snapshots are kept in memory, about 0.5 KiB each."""
SPARE = 1 << 20
"""Numbers that are left when a life ends for want of them: it is to use no others until then."""
CLOSES_WITHIN = 6.0
"""How long the end waits for what is under way, s: longer than the engine may take for a call."""


class PostgresStore:
    """Keeps snapshots and subscriptions in the engine, for one life of a node.

    What NOTIFYs are numbered by, the absolute term of a row, is `base` and the term of its cohort
    in the engine, and `base` and `term` in this process; rows are translated on their way.

    Reference: `service.ports.Store`, `service.ports.Dialogs`.
    """

    def __init__(
        self,
        engine: Engine,
        joined: Joined,
        loop: asyncio.AbstractEventLoop,
        start: str = "",
        cached: int = CACHED,
    ) -> None:
        """A node has joined.

        Args:
            engine: Where everything is kept.
            joined: What it said.
            loop: The event loop on the thread that makes all calls.
            start: What ids of this node's decisions begin with.
            cached: Most snapshots kept in memory; the oldest are dropped first.
        """
        self._engine = engine
        self._epoch = joined.epoch
        self._loop = loop
        self._numbers = count(joined.epoch << 32)
        self._last = ((joined.epoch + 1) << 32) - SPARE
        self._terms: dict[int, int] = {}
        """Claimed cohort → its term; that of our own ones is 0."""
        self._counts = new_counts()
        self._known = Known(cached)
        life = (joined.epoch, start)
        self._group = GroupCommit(engine, life, self._known, self._counts, loop)
        self._group.told = joined.newest
        self._reading = Reading(engine, self._known, self._group, self._counts, loop)
        self._adoptions = GatheredAdoptions(
            engine, joined.epoch, self._localized, self._group.fence, loop
        )
        self.secret = joined.secret
        """What our tags are made with; the same on all nodes."""
        self.journal = PostgresJournal(engine)
        """Every change of the last time, by whatever node."""

    # --- What there is to know of it ---

    @property
    def counts(self) -> Mapping[str, int]:
        """See `store.counts`."""
        return self._counts

    @property
    def committed(self) -> Histogram:
        """From when a commit was asked for until it was settled."""
        return self._group.committed

    @property
    def queue(self) -> int:
        """How many commits wait for the engine."""
        return self._group.queue

    @property
    def has_requests(self) -> bool:
        """Whether there are requests of which nobody knows yet what came of them."""
        return self._group.has_requests

    @property
    def is_failing(self) -> bool:
        """Whether what is asked for now would probably not be stored."""
        return self._group.is_failing

    def durable(self) -> int:
        """Number of the newest change that this node knows of, its own or heard of in the feed: it
        and all before are stored.
        """
        return self._group.told

    @property
    def on_lost(self) -> Callable[[Sequence[int]], None]:
        """Told the numbers of rows that were written behind, and are not ours any more."""
        return self._group.on_lost

    @on_lost.setter
    def on_lost(self, call: Callable[[Sequence[int]], None]) -> None:
        self._group.on_lost = call

    @property
    def on_fenced(self) -> Callable[[], None]:
        """Told once that the others take this node for dead: this life stores nothing any more."""
        return self._group.on_fenced

    @on_fenced.setter
    def on_fenced(self, call: Callable[[], None]) -> None:
        self._group.on_fenced = call

    @property
    def on_changed(self) -> Callable[[], None]:
        """Told that this node has put something into the feed."""
        return self._group.on_changed

    @on_changed.setter
    def on_changed(self, call: Callable[[], None]) -> None:
        self._group.on_changed = call

    # --- Store ---

    def known(self, presentity: Aor) -> Snapshot | None:
        """What is stored, as far as was heard; None where it has to be fetched."""
        return self._known(presentity)

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """Read what is stored anew; waits while the engine is out of reach, but not for long."""
        self._reading.fetch(presentities, done)

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        """Store all that is wanted soon, or nothing; `settle` is called on the loop."""
        changes, seen, visit = wanted
        row = None if visit is None else self._to_engine(visit)
        self._group.ask(wanted, Step(changes, seen, row), settle)

    @property
    def deadlines(self) -> Deadlines:
        """Those of all that is stored."""
        return self._engine

    # --- Dialogs ---

    @property
    def term(self) -> int:
        """Which life of a server this is: higher than that of any before, on whatever node."""
        return self._epoch

    @property
    def are_shared(self) -> bool:
        """Other nodes have dialogs, too."""
        return True

    def number(self) -> int:
        """The number of a new row, see `ports.cohort_of`."""
        number = next(self._numbers)
        if number == self._last:
            # After months; the next ones would be those of another life.
            self._group.fence()
        return number

    def write(
        self, rows: Sequence[DialogRow], gone: Sequence[int], done: Callable[[bool], None]
    ) -> None:
        """Store subscriptions anew, and remove others, with the next commit."""

        def settle(verdict: Verdict, _error: StoreError | None, _now: float) -> None:
            if verdict is not Verdict.STORED:
                self._counts["subscriptions_failed"] += len(rows) + len(gone)
            done(verdict is Verdict.STORED)

        step = Step(rows=tuple(map(self._to_engine, rows)), gone=tuple(gone))
        self._group.ask(Rows(rows, gone), step, settle)

    def adopt(self, tag: bytes, cseq: int, done: Adopting, *, is_back: bool = False) -> None:
        """Make the dialog with this tag of ours this node's, unless its phone has spoken to another
        one since.
        """
        if self._adoptions.is_full:
            self._loop.call_soon(done, Gone.UNAVAILABLE, self._loop.time())
        else:
            self._adoptions.ask(Sought(tag, self.number(), cseq, is_back), done)

    def read(self, before: int, at_most: int) -> list[DialogRow]:
        """No rows: a life begins without any; see `rows_of`."""
        return []

    # --- What is there in all ---

    async def page(
        self, after: Aor | None, at_most: int, domains: frozenset[str] | None, on: Feature | None
    ) -> list[Stored]:
        """The next presentities by domain and user; of those only who has a feature on.

        Raises:
            StoreError: `store_unavailable`.
        """
        found: list[Stored] = []
        while len(found) < at_most:
            page = await self._engine.page(after, at_most, domains)
            found += [one for one in page if on is None or one.snapshot.state(on).status]
            if len(page) < at_most:
                break
            after = page[-1].presentity
        return found[:at_most]

    async def mine(self, tag: bytes) -> DialogRow | None:
        """The dialog with this tag of ours if it is this node's.

        Raises:
            StoreError: `store_unavailable`, `store_fenced`.
        """
        [found] = await self._engine.adopt(self._epoch, [Sought(tag, None)])
        if found is Gone.UNAVAILABLE:
            raise StoreError("store_unavailable", "somebody writes the dialog")
        # Where it was claimed meanwhile, it comes with all others of its cohort.
        return self._localized(found) if isinstance(found, DialogRow) else None

    # --- What other nodes have done ---

    def own(self, claimed: Iterable[Claimed]) -> None:
        """Cohorts are ours: their rows are as those of our own."""
        terms = {one.cohort: one.term for one in claimed}
        self._terms.update(terms)
        if terms:
            self._known.others_watch()

    async def rows_of(self, cohorts: Sequence[int], before: int, at_most: int) -> list[DialogRow]:
        """Rows of cohorts that are ours, with numbers below `before`, the highest first.

        Raises:
            StoreError: `store_unavailable`.
        """
        rows = await self._engine.rows(cohorts, before, at_most)
        return [self._from_engine(row) for row in rows]

    def heard(self, newest: int) -> None:
        """The feed was read up to the change with this number."""
        self._group.told = max(self._group.told, newest)

    def when_settled(self, presentity: Aor, call: Callable[[], None]) -> None:
        """Call at once, or once all is settled that this node has under way for a presentity, or
        that has read what is told of it then: sets that change nothing, and new dialogs.

        Watchers must be told of own changes in the order in which the engine has stored them and
        others: of what the feed tells only after this.
        """
        self._group.when_settled(presentity, call)

    def learned(
        self,
        presentity: Aor,
        snapshot: Snapshot,
        hidden: tuple[Feature, FeatureState] | None = None,
    ) -> News | None:
        """The feed says that this is stored; gives what watchers are to be told, if anything.

        What was read in between they were not told: that is done here.

        Args:
            presentity: whose.
            snapshot: this, or something newer.
            hidden: what was set, where watchers may not be told of it.
        """
        is_certain = not self._group.concerns(presentity)
        return self._known.hear(presentity, snapshot, is_certain=is_certain, hidden=hidden)

    # --- The end ---

    async def settled(self) -> None:
        """Wait until everything that was asked for until now is settled."""
        await self._group.settled()

    async def close(self) -> None:
        """Settle what is under way, as far as the engine answers; then let go of it."""
        if not self._group.is_closed:
            await self._group.close(CLOSES_WITHIN)
            self._reading.close()
            self._adoptions.close()
            await self._engine.close()

    # --- Terms ---

    def _to_engine(self, row: DialogRow) -> DialogRow:
        return row._replace(base=row.base + self._epoch - self._cohort_term(row))

    def _from_engine(self, row: DialogRow) -> DialogRow:
        return row._replace(base=row.base + self._cohort_term(row) - self._epoch)

    def _localized(self, row: DialogRow) -> DialogRow | None:
        """The same; None where the term of its cohort is not known."""
        is_known = row.row >> 32 == self._epoch or cohort_of(row.row) in self._terms
        return self._from_engine(row) if is_known else None

    def _cohort_term(self, row: DialogRow) -> int:
        # Of one that is not ours any more the engine takes nothing.
        return self._terms.get(cohort_of(row.row), 0)
