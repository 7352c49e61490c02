"""What the engine of several nodes holds, in dictionaries: each call is one instant.

The rules of `dfks_rules.store.postgres.ports`, and no others: in PostgreSQL the same is done with
locks, which here nothing needs. A mutant overrides one of the small functions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import ceil, inf

from dfks_rules.model.features import NOTHING_STORED, Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin
from dfks_rules.service.ports import Change, DialogRow, Gone, JournalEntry, Verdict, Wanted
from dfks_rules.store.journal import Row, When, asked_first, rows_of, state_from
from dfks_rules.store.postgres.ports import (
    COHORTS,
    Claimed,
    Moved,
    Outcome,
    Sought,
    Step,
    cohort_of,
)
from tests.helpers.goals import Goals

SECRET = b"s" * 32
UNTOLD = 60.0
"""How long whoever takes a cohort may need to tell its watchers what they have missed, s."""
MOVED_KEPT = 3_600.0
"""How long the feed says that a dialog has moved, s."""
EXPIRED_KEPT = 86_400.0
"""How long a dialog stays after its end, s; its node should have removed it."""


@dataclass
class Life:
    """A life of a server: a row of `node`, with its lease."""

    name: str
    release: str
    until: float
    renewed: float
    is_alive: bool = True
    is_clean: bool = False
    is_draining: bool = False
    ended: float = 0.0
    policies: str = ""
    position: int = 0
    skew: float = 0.0
    subscriptions: int = 0


@dataclass
class Cohort:
    """Whose a part of the dialogs is."""

    owner: int
    term: int = 0
    claimed: float = -inf
    """When the owner took it."""
    since: float | None = None
    """From when on its watchers may not have been told of changes."""


@dataclass
class Stored:
    """A change in the feed, without what is stored now."""

    epoch: int
    entry: JournalEntry
    tells: bool


@dataclass
class _Commit:
    """A commit under way: what comes of its steps, and what is to be numbered at last."""

    epoch: int
    start: str
    verdicts: list[Verdict] = field(default_factory=list)
    lost: list[tuple[int, ...]] = field(default_factory=list)
    changes: list[tuple[int, Change, Aor]] = field(default_factory=list)
    """The step, the change, and whose features its request was for."""


class FakeDatabase:
    """The tables."""

    def __init__(self, clock: Callable[[], float], secret: bytes = SECRET) -> None:
        """Nothing is stored.

        Args:
            clock: the engine's clock, seconds since 1970.
            secret: what tags are made with.
        """
        self.clock = clock
        self.secret = secret
        self.lives: dict[int, Life] = {}
        self.cohorts: dict[int, Cohort] = {}
        self.snapshots: dict[Aor, Snapshot] = {}
        self.rows: dict[int, DialogRow] = {}
        """`base` is relative to the term of the row's cohort."""
        self.asked: dict[bytes, int] = {}
        """Tag of a dialog → CSeq of the SUBSCRIBE for which it was adopted last."""
        self.feed: list[Stored | Moved] = []
        """In the order of their numbers, which have no holes."""
        self.newest = 0
        self.moved_at: dict[int, float] = {}
        """Number of a `Moved` → when."""
        self.purged = 0
        """Number of the newest change that was removed."""
        self.lines = count()
        """Numbers of nodes' connections."""
        self.listeners: dict[int, Callable[[], None]] = {}
        """Who hears hints."""
        self.policies = Goals(clock, self.lives)

    # --- Life ---

    def join(self, name: str, release: str, lease: float) -> int:
        """A life begins; its number."""
        epoch, now = len(self.lives) + 1, self.clock()
        self.lives[epoch] = Life(name, release, now + lease, now)
        for cohort in range(epoch * COHORTS, (epoch + 1) * COHORTS):
            self.cohorts[cohort] = Cohort(epoch)
        return epoch

    def holds(self, epoch: int) -> bool:
        """The fence: whether this life goes on."""
        return self.lives[epoch].is_alive

    def leave(self, epoch: int, *, is_clean: bool, heard: int = 0) -> None:
        """A life ends by itself."""
        self.lives[epoch].position = max(self.lives[epoch].position, heard)
        if self.holds(epoch):
            self.end(epoch, is_clean=is_clean)
            self.lives[epoch].until = self.lives[epoch].renewed = self.clock()

    def end(self, epoch: int, *, is_clean: bool) -> None:
        """A life is over, for ever."""
        life = self.lives[epoch]
        life.is_alive, life.is_clean, life.ended = False, is_clean, self.clock()

    def bury(self, epoch: int) -> list[int]:
        """End the other lives whose lease is over."""
        if not self.holds(epoch):
            return []
        now = self.clock()
        late = [
            one
            for one, life in self.lives.items()
            if one != epoch and life.is_alive and (life.until < now or life.renewed > now + 30.0)
        ]
        for one in late:
            self.end(one, is_clean=False)
        return late

    def claim(self, epoch: int, *, again: bool = False) -> list[Claimed]:
        """Take some of the cohorts whose owners have ended; empty ones are removed."""
        known = self._claimed_by(epoch) if again and self.holds(epoch) else []
        living = [one for one, life in self.lives.items() if life.is_alive and not life.is_draining]
        if epoch not in living:
            return known
        full = {cohort_of(number) for number in self.rows}
        orphans = [one for one in sorted(self.cohorts) if not self.holds(self.cohorts[one].owner)]
        for one in orphans:
            if one not in full:
                del self.cohorts[one]
        orphans = [one for one in orphans if one in full]
        size = self._share(epoch, len(orphans), len(living))
        return known + [self._take(epoch, one) for one in orphans[:size]]

    def _claimed_by(self, epoch: int) -> list[Claimed]:
        """What a life has taken before."""
        return [
            Claimed(number, one.term, one.since, is_clean=False)
            for number, one in self.cohorts.items()
            if one.owner == epoch and one.since is not None
        ]

    def _share(self, epoch: int, orphans: int, living: int) -> int:
        """As many as leave each with as many of others as the rest, and at least an even part."""
        held = [
            cohort.owner
            for one, cohort in self.cohorts.items()
            if cohort.owner != one // COHORTS and self.holds(cohort.owner)
        ]
        missing = ceil((orphans + len(held)) / living) - held.count(epoch)
        return max(missing, ceil(orphans / living))

    def _take(self, epoch: int, number: int) -> Claimed:
        cohort = self.cohorts[number]
        before = self.lives[cohort.owner]
        # Who had it for a moment only may have told nobody what the one before owed.
        owed = cohort.since if cohort.claimed > before.renewed - UNTOLD else None
        cohort.owner, cohort.claimed = epoch, self.clock()
        cohort.since = before.renewed if owed is None else min(owed, before.renewed)
        cohort.term += 1
        is_clean = before.is_clean and owed is None
        return Claimed(number, cohort.term, cohort.since, is_clean, before.position)

    # --- Commits ---

    def commit(self, epoch: int, steps: Sequence[Step], start: str) -> list[Outcome]:
        """Fence, then step by step, then numbers."""
        if not self.holds(epoch):
            return [Outcome(Verdict.FENCED)] * len(steps)
        under_way = _Commit(epoch, start)
        for number, step in enumerate(steps):
            verdict = self.verdict_on(epoch, step, under_way.verdicts)
            under_way.verdicts.append(verdict)
            if verdict is Verdict.STORED:
                self._store(number, step, under_way)
            under_way.lost.append(self._write_behind(epoch, step))
        newest = self._number(under_way)
        return [
            Outcome(verdict, newest.get(number, 0), lost)
            for number, (verdict, lost) in enumerate(
                zip(under_way.verdicts, under_way.lost, strict=True)
            )
        ]

    def verdict_on(self, epoch: int, step: Step, earlier: Sequence[Verdict]) -> Verdict:
        """What comes of a step, after those before it in the same commit."""
        if step.visit is not None:
            if not self._may_have(epoch, step.visit):
                return Verdict.MOVED
            if self.is_repeat(step.visit):
                return Verdict.REPEATED
        if any(earlier[position] is not Verdict.STORED for position in step.builds_on):
            return Verdict.CONFLICT
        read = [(one.presentity, one.before.revision) for one in step.changes]
        if any(self.revision(aor) != revision for aor, revision in (*read, *step.seen)):
            return Verdict.CONFLICT
        return Verdict.STORED

    def is_repeat(self, visit: DialogRow) -> bool:
        """Whether a SUBSCRIBE was stored before."""
        stored = self.rows.get(visit.row)
        return stored is not None and stored.cseq >= visit.cseq

    def is_mine(self, epoch: int, row: int) -> bool:
        """Whether the cohort of a row belongs to a life."""
        cohort = self.cohorts.get(cohort_of(row))
        return cohort is not None and cohort.owner == epoch

    def _may_have(self, epoch: int, row: DialogRow) -> bool:
        """Whether a row is there and this life's, or may be made by it."""
        if not self.is_mine(epoch, row.row):
            return False
        if row.row in self.rows:
            return True
        return row.first is not None and self.row_of(row.tag) is None

    def latest_of(self, row: DialogRow) -> int:
        """The highest CSeq of a SUBSCRIBE in a dialog that is known."""
        return max(row.cseq, self.asked.get(row.tag, 0))

    def row_of(self, tag: bytes) -> DialogRow | None:
        """The row of a dialog."""
        return next((row for row in self.rows.values() if row.tag == tag), None)

    def revision(self, presentity: Aor) -> int:
        """What is stored of a presentity has this one."""
        return self.snapshots.get(presentity, NOTHING_STORED).revision

    def _store(self, number: int, step: Step, under_way: _Commit) -> None:
        for change in step.changes:
            self.snapshots[change.presentity] = change.after
            wanted = Wanted(step.changes, step.seen)
            under_way.changes.append((number, change, asked_first(wanted)))
        if step.visit is not None:
            self._keep(step.visit)

    def _keep(self, row: DialogRow) -> None:
        """Store a row; a message that it does not have stays as it was."""
        old = self.rows.get(row.row)
        if old is not None:
            # A write that comes late must not undo what came after it.
            base = max(old.base, row.base)
            if row.cseq < old.cseq:
                self.rows[row.row] = old._replace(base=base)
                return
            row = row._replace(base=base)
            first = old.first if row.first is None else row.first
            last = old.last if row.last is None else row.last
            row = row._replace(first=first, last=last)
        self.rows[row.row] = row

    def _write_behind(self, epoch: int, step: Step) -> tuple[int, ...]:
        """Write and remove rows; gives those that are not this life's."""
        lost = []
        for row in step.rows:
            if self._may_have(epoch, row):
                self._keep(row)
            else:
                lost.append(row.row)
        for number in step.gone:
            if self.is_mine(epoch, number):
                self.rows.pop(number, None)
        return tuple(lost)

    def _number(self, under_way: _Commit) -> dict[int, int]:
        """Write the feed; step → number of its newest change."""
        newest = {}
        at = self.clock()
        for number, change, first in under_way.changes:
            tells = [
                one.decision.notify.others and one.told is not None
                for one in change.outcomes
                if one.changed and one.request.feature is not None
            ]
            rows = rows_of(change, first, under_way.start, When(at, at), self.newest, 0)
            for row, are_told in zip(rows, tells, strict=True):
                entry = _entry(row, at)
                self.feed.append(Stored(under_way.epoch, entry, are_told))
                self.newest = newest[number] = entry.seq
        return newest

    # --- Dialogs ---

    def adopt(self, epoch: int, sought: Sought) -> DialogRow | Gone:
        """Make a dialog this life's, unless its phone has spoken to another one since."""
        tag, number, cseq, is_back = sought
        row = self.row_of(tag)
        if row is None:
            return Gone.UNKNOWN
        if self.is_mine(epoch, row.row):
            return row
        if number is None:
            return Gone.UNKNOWN
        latest = self.latest_of(row)
        if latest > cseq or (is_back and latest == cseq):
            return Gone.ELSEWHERE
        if any(isinstance(one, Moved) and one.row == number for one in self.feed):
            return Gone.ELSEWHERE  # a call that is repeated
        self.asked[tag] = cseq
        term = row.base + self.cohorts[cohort_of(row.row)].term + 1
        del self.rows[row.row]
        moved = row._replace(row=number, base=term - self.cohorts[cohort_of(number)].term)
        self.rows[number] = moved
        self.newest += 1
        self.feed.append(Moved(epoch, self.newest, tag, row.row))
        self.moved_at[self.newest] = self.clock()
        return moved

    # --- The end of everything ---

    def purge(self, older_than: float, at_most: int) -> int:
        """Remove old changes, never the newest; and what nobody needs."""
        changes = [one.entry for one in self.feed if isinstance(one, Stored)]
        moved = [one.seq for one in self.feed if isinstance(one, Moved)]
        old = [one.seq for one in changes[:at_most] if one.at < older_than]
        gone = [one for one in old if one < changes[-1].seq]
        count, now = len(gone), self.clock()
        gone += [one for one in moved[:at_most] if self.moved_at[one] < now - MOVED_KEPT]
        self.feed = [one for one in self.feed if seq_of(one) not in gone]
        self.purged = max(self.purged, *gone) if gone else self.purged
        for number in [*self.rows]:
            if self.rows[number].deadline < now - EXPIRED_KEPT:
                del self.rows[number]
        return count


def _entry(row: Row, at: float) -> JournalEntry:
    """What SQLite would store, as the journal gives it."""
    return JournalEntry(
        row[0],
        at,
        Aor(row[2], row[3]),
        row[4],
        Feature(row[5]),
        state_from(row[6]),
        state_from(row[7]),
        Origin(row[8]),
        row[9],
        row[10],
        row[11],
    )


def seq_of(one: Stored | Moved) -> int:
    """The number of something in the feed."""
    return one.seq if isinstance(one, Moved) else one.entry.seq
