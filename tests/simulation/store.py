"""A store that lasts on a disk that does not: what is under way is lost in a crash.

It shares no code with `dfks_rules.store`; both keep the contract of `dfks_rules.service.ports`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import (
    Adopting,
    Change,
    DialogRow,
    Fetched,
    Settle,
    Verdict,
    Wanted,
)
from tests.simulation.disk import Beat, Disease, Disk, text_of
from tests.simulation.world import WALL, World

BATCH = 16
"""Most requests in one transaction; few, so that a crash often strikes between two."""


class Job(NamedTuple):
    """Something to store, and who is told."""

    store: Callable[[], Verdict]
    told: Callable[[Verdict], None]
    lost: Callable[[], object] = bool
    """What follows where the transaction comes to nothing."""


class SimulatedStore:
    """Store and Dialogs in one life of the server."""

    def __init__(self, world: World, disk: Disk, disease: Disease) -> None:
        """A new life begins.

        Args:
            world: the time, and the chance.
            disk: what is left of the lives before.
            disease: what is wrong with the disk.
        """
        self._world = world
        self._disk = disk
        self._disease = disease
        self.previous = Beat(disk.beat_at, disk.is_clean)
        """How the life before ended."""
        disk.is_clean = False
        disk.term += 1
        self.term = self.life = disk.term
        """Which life it is: what `Dialogs` says, and what counts."""
        self.secret = disk.secret
        self._number = disk.highest_row
        self._known = dict(disk.snapshots)
        self._forgotten: set[Aor] = set()
        self._queue: list[Job] = []
        self._told: tuple[list[Job], list[Verdict]] | None = None
        """What is written, and nobody was told of yet."""
        self._asked = 0
        """How many commits were asked for."""
        self._lost: dict[tuple[Aor, int], float] = {}
        """Revisions that were not stored, and the last commit that may build on them."""
        self._is_writing = False
        self._is_dead = False

    # --- Store ---

    def known(self, presentity: Aor) -> Snapshot | None:
        """What is stored, if that is known."""
        random = self._world.random.random
        if self._disease.forgets and random() < self._disease.forgets:
            self._known.pop(presentity, None)
            self._forgotten.add(presentity)
        if presentity in self._forgotten:
            return None
        return self._known.get(presentity, NOTHING_STORED)

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """Read what the disk has."""
        world = self._world
        fails = world.random.random() < self._disease.fails

        def read() -> None:
            if fails:
                world.count("fetches_failed")
                done(StoreError("store_unavailable", "simulated"), world.now)
                return
            for presentity in presentities:
                self._forgotten.discard(presentity)
                self._known[presentity] = self._disk.snapshots.get(presentity, NOTHING_STORED)
            done(None, world.now)

        world.count("fetches")
        world.later(self._delay(), self._alive, read)

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        """Store all of it, or nothing."""
        self._asked += 1
        number = self._asked
        self._add(
            Job(
                partial(self._store, wanted, number),
                partial(self._told_of, wanted, number, settle),
                partial(self._lose, wanted, inf),
            )
        )

    def _told_of(self, wanted: Wanted, number: int, settle: Settle, verdict: Verdict) -> None:
        """A commit has come to an end: this is what is known from now on."""
        world = self._world
        world.note("commit", verdict.value, number, *map(_brief, wanted.changes))
        if any((one.presentity, one.after.revision) in self._lost for one in wanted.changes):
            # Whoever builds on it from now on knows better.
            self._lose(wanted, self._asked)
        for change in wanted.changes:
            if verdict is Verdict.STORED:
                self._known[change.presentity] = change.after
                self._forgotten.discard(change.presentity)
            elif verdict is Verdict.UNAVAILABLE:
                self._forgotten.add(change.presentity)
        world.count(f"commits_{verdict.value}")
        settle(verdict, _error_of(verdict), world.now)

    def _lose(self, wanted: Wanted, until: float) -> None:
        """It is not stored, and neither is what builds on it, up to the commit of that number."""
        for change in wanted.changes:
            self._lost[change.presentity, change.after.revision] = until

    def _store(self, wanted: Wanted, number: int) -> Verdict:
        verdict = self._verdict_on(wanted, number)
        if verdict is not Verdict.STORED:
            self._lose(wanted, inf)
            return verdict
        for change in wanted.changes:
            self._change(change)
        if wanted.visit is not None:
            self._disk.keep(wanted.visit)
        return verdict

    def _verdict_on(self, wanted: Wanted, number: int) -> Verdict:
        disk, visit = self._disk, wanted.visit
        if disk.term != self.life:
            return Verdict.FENCED
        if visit is not None:
            stored = disk.rows.get(visit.row)
            if stored is not None and stored.cseq >= visit.cseq:
                return Verdict.REPEATED
        built_on = [(one.presentity, one.before.revision) for one in wanted.changes]
        for presentity, revision in (*built_on, *wanted.seen):
            # What somebody else has stored may have the revision of what was not.
            is_lost = number <= self._lost.get((presentity, revision), 0)
            if is_lost or disk.revision(presentity) != revision:
                return Verdict.CONFLICT
        return Verdict.STORED

    def _change(self, change: Change) -> None:
        self._disk.change(change.presentity, change.before, change.after, self._world.now)

    # --- Dialogs ---

    are_shared = False

    def adopt(self, tag: bytes, cseq: int, done: Adopting, *, is_back: bool = False) -> None:
        """There is no other server."""
        raise NotImplementedError(tag, cseq, done, is_back)

    def number(self) -> int:
        """The number of a new row."""
        self._number += 1
        return self._number

    def write(
        self, rows: Sequence[DialogRow], gone: Sequence[int], done: Callable[[bool], None]
    ) -> None:
        """Store and remove rows, behind."""
        kept, removed = list(rows), list(gone)

        def store() -> Verdict:
            if self._disk.term != self.life:
                return Verdict.FENCED
            for row in kept:
                self._disk.keep(row)
            for number in removed:
                self._disk.rows.pop(number, None)
            return Verdict.STORED

        self._world.count("writes_behind")
        self._add(Job(store, lambda verdict: done(verdict is Verdict.STORED)))

    def read(self, before: int, at_most: int) -> list[DialogRow]:
        """Rows below a number, the highest first."""
        numbers = sorted((one for one in self._disk.rows if one < before), reverse=True)
        return [self._disk.rows[one] for one in numbers[:at_most]]

    # --- Its life ---

    def beat(self, *, is_clean: bool = False) -> None:
        """Note that the server lives."""
        self._disk.beat_at, self._disk.is_clean = self._world.wall(), is_clean

    def fall_ill(self, disease: Disease) -> None:
        """The disk gets worse, or better."""
        self._disease = disease

    def crash(self) -> None:
        """The process is gone: what is not on the disk never will be."""
        self._is_dead = True

    def changed_since(self, at: float) -> frozenset[Aor]:
        """Whose features have changed since then (seconds since 1970)."""
        uris = {one.presentity for one in self._disk.journal if WALL + (one.at or 0.0) >= at}
        return frozenset(aor for aor in self._disk.snapshots if aor.uri in uris)

    def settle(self) -> None:
        """Settle what is under way, at once."""
        if self._told is not None:
            told, self._told = self._told, None
            self._settle(*told)
        while self._queue:
            self._write(self._take(), is_healthy=True)

    def close(self) -> None:
        """Settle what is under way; then it is gone."""
        self.settle()
        self._is_dead = True

    # --- Transactions ---

    def _add(self, job: Job) -> None:
        self._queue.append(job)
        if not self._is_writing:
            self._begin()

    def _begin(self) -> None:
        self._is_writing = True
        self._world.later(self._delay(), self._alive, self._next)

    def _take(self) -> list[Job]:
        jobs, self._queue[:BATCH] = self._queue[:BATCH], []
        return jobs

    def _next(self) -> None:
        self._write(self._take())

    def _write(self, jobs: list[Job], *, is_healthy: bool = False) -> None:
        """One transaction; who asked is told a moment later, unless a crash is quicker."""
        world, disease = self._world, self._disease
        chance = 1.0 if is_healthy else world.random.random()
        if chance < disease.fails:
            world.count("transactions_failed")
            verdicts = [Verdict.UNAVAILABLE for _ in jobs]
            for job in jobs:
                job.lost()
        else:
            verdicts = [job.store() for job in jobs]
            if chance < disease.fails + disease.unknown:
                world.count("transactions_unknown")
                verdicts = [Verdict.UNAVAILABLE for _ in jobs]
        if is_healthy:
            self._settle(jobs, verdicts)
        else:
            self._disk.written()
            self._told = (jobs, verdicts)
            world.later(0.002 * world.random.random(), self._alive, self._settled)

    def _settled(self) -> None:
        if self._told is not None:
            told, self._told = self._told, None
            self._settle(*told)
        if self._queue:
            self._begin()
        else:
            self._is_writing = False

    def _settle(self, jobs: list[Job], verdicts: list[Verdict]) -> None:
        for job, verdict in zip(jobs, verdicts, strict=True):
            job.told(verdict)

    def _delay(self) -> float:
        random = self._world.random.random
        if self._disease.stalls and random() < self._disease.stalls:
            self._world.count("transactions_stalled")
            return 3.0 * random()
        return self._disease.delay * random()

    def _alive(self, call: Callable[..., None], *arguments: object) -> None:
        """Call, unless the process is gone."""
        if not self._is_dead:
            call(*arguments)


def _brief(change: Change) -> str:
    states = ",".join(text_of(state) for state in change.after.states[:2])
    return f"{change.presentity.user}@{change.after.revision}={states}"


def _error_of(verdict: Verdict) -> StoreError | None:
    if verdict is Verdict.STORED:
        return None
    return StoreError(f"store_{verdict.value}", "simulated")
