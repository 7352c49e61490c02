"""One transaction: what is stored is read, or remembered, then what holds is written.

A whole batch is a few statements, whatever the number of requests in it.
"""

import sqlite3
from collections.abc import Callable, Sequence

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow, Verdict, Wanted
from dfks_rules.store import dialogs, journal, life
from dfks_rules.store.counts import new_counts
from dfks_rules.store.journal import When
from dfks_rules.store.life import Beat
from dfks_rules.store.plan import STORED, Held, Plan, Result, Rows, Work
from dfks_rules.store.remembered import Remembered
from dfks_rules.store.tables import as_json

# Row by row: one JSON parameter for all rows of a batch costs 2 to 3 times as much, 8 µs more for
# each set, and 25 more for one alone. Nobody else wants the interpreter's lock meanwhile: what
# waits for the disk has nothing to do while a transaction is written.
_REVISION = """
    INSERT OR REPLACE INTO presentity (user, domain, revision, changed) VALUES (?, ?, ?, ?)"""
# `sqlite3` looks for a way to adapt all but int, float, str and bytearray: 0.3 µs for each None,
# bool and bytes. So there are none of these where most rows come through.
_STATE = """
    INSERT OR REPLACE INTO feature_state (user, domain, feature, status, feature_values, changed_at)
    VALUES (?, ?, ?, ?, ?, ?)"""
_STATE_WITH_END = """
    INSERT OR REPLACE INTO feature_state
    (user, domain, feature, status, feature_values, changed_at, expires, expires_by)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_WITH_END = 8
"""Columns of a row with its end."""

PURGED_AT_ONCE = 100
"""Changes that one transaction removes from the journal, or twice as many as it writes where those
are more: sets must not wait for it, and it must keep up with them."""
PURGE_EVERY = 60.0
"""How often changes are looked for that are too old, once there were none left, s."""

Asked = Wanted | Rows | Work


class Writer:
    """Writes transactions for one life of a server."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        term: int,
        written: Callable[[Aor], Snapshot | None] = lambda _: None,
        start: str = "",
        keep_changes: float | None = None,
    ) -> None:
        """Nothing is written yet.

        Args:
            connection: to the database.
            term: number of this life of the server.
            written: what is in the file for a presentity, where that is known without reading it.
            start: what ids of this server's decisions begin with.
            keep_changes: how long changes stay in the journal, s; None: for ever.

        Raises:
            sqlite3.Error: the file cannot be read.
        """
        self._connection = connection
        self._written = written
        self._start = start
        self._keep_changes = keep_changes
        self._newest = journal.newest(connection)
        self._remembered = Remembered(connection, term)
        self._highest = dialogs.highest(connection)
        """Number of the newest subscription that is stored, or was."""
        self._purge_at = 0.0
        """When to look for changes that are too old, as `When.steady`."""
        self.counts = new_counts()

    @property
    def newest(self) -> int:
        """Number of the newest change that is written."""
        return self._newest

    def write(self, asked: Sequence[Asked], beat: Beat | None, when: When) -> list[Result]:
        """Store what holds in one transaction; says what came of each.

        Args:
            asked: each is stored whole or not at all.
            beat: written besides, if there is one.
            when: now.

        Raises:
            sqlite3.Error: nothing is stored.
        """
        try:
            return self._write(asked, beat, when, frozenset())
        except ValueError:
            bad = frozenset([one for one, what in enumerate(asked) if not _is_storable(what)])
            return self._write(asked, beat, when, bad)

    def _write(
        self, asked: Sequence[Asked], beat: Beat | None, when: When, bad: frozenset[int]
    ) -> list[Result]:
        connection = self._connection
        if connection.in_transaction:  # The end of the last one failed, too.
            connection.rollback()
        try:
            connection.execute("BEGIN IMMEDIATE")
            if not self._remembered.may_write():
                why = StoreError("store_fenced", "another server has taken the store over")
                return [(Verdict.FENCED, why)] * len(asked)
            good = asked if not bad else [one for i, one in enumerate(asked) if i not in bad]
            plan = Plan(self._held(good), self._newest, self._start, when)
            results = [
                _not_storable() if number in bad else self._take(plan, one)
                for number, one in enumerate(asked)
            ]
            self._put(plan)
            for number, one in enumerate(asked):
                if isinstance(one, Work):
                    results[number] = self._do(one)
            if beat is not None:
                life.write(connection, beat)
            purged = self._purge(when.steady, max(PURGED_AT_ONCE, 2 * len(plan.changes)))
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.rollback()
        self._newest = plan.newest
        self._remembered.written(plan.presentities, plan.subscriptions, plan.gone)
        if plan.subscriptions:
            self._highest = max(self._highest, *plan.subscriptions)
        counts = self.counts
        counts["changes_written"] += len(plan.changes)
        counts["changes_purged"] += purged
        counts["subscriptions_written"] += len(plan.subscriptions)
        counts["subscriptions_removed"] += len(plan.gone)
        return results

    def _take(self, plan: Plan, one: Asked) -> Result:
        if isinstance(one, Wanted):
            return plan.take(one)
        return plan.take_rows(one) if isinstance(one, Rows) else STORED

    def _do(self, work: Work) -> Result:
        """Write what rides along: what is wrong with it must not cost anybody a set."""
        connection = self._connection
        connection.execute("SAVEPOINT work")
        try:
            work.run(connection)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            if not connection.in_transaction:  # The disk is full: all of it is gone.
                raise
            connection.execute("ROLLBACK TO work")
            return Verdict.UNAVAILABLE, StoreError("store_unavailable", str(error))
        finally:
            if connection.in_transaction:
                connection.execute("RELEASE work")
        return STORED

    def _purge(self, now: float, at_most: int) -> int:
        """Remove a portion of the changes that are too old; gives how many."""
        if self._keep_changes is None or now < self._purge_at:
            return 0
        count = journal.purge(self._connection, now - self._keep_changes, at_most)
        if count < at_most:
            self._purge_at = now + PURGE_EVERY
        return count

    def _held(self, asked: Sequence[Asked]) -> Held:
        snapshots: dict[Aor, Snapshot] = {}
        names: set[Aor] = set()
        visited: list[int] = []
        for one in asked:
            if isinstance(one, Wanted):
                changes, seen, visit = one
                for change in changes:
                    presentity = change.presentity
                    names.add(presentity)
                    if (written := self._written(presentity)) is not None:
                        snapshots[presentity] = written
                names.update([presentity for presentity, _ in seen])
                if visit is not None and visit.row <= self._highest:
                    visited.append(visit.row)
        remembered = self._remembered
        return Held(remembered.presentities(names), remembered.cseqs(visited), snapshots)

    def _put(self, plan: Plan) -> None:
        connection = self._connection
        if plan.presentities:
            rows = [(*presentity, *row) for presentity, row in plan.presentities.items()]
            connection.executemany(_REVISION, rows)
            if plan.has_ends:
                ends = [(*row, None, None)[:_WITH_END] for row in plan.states]
                connection.executemany(_STATE_WITH_END, ends)
            else:
                connection.executemany(_STATE, plan.states)
        if plan.changes:
            journal.insert(connection, plan.changes)
        if plan.subscriptions:
            dialogs.put(connection, plan.subscriptions.values())
        if plan.gone:
            dialogs.remove(connection, plan.gone)


def _not_storable() -> Result:
    # Each its own: whoever raises an error adds to its traceback.
    error = StoreError("store_unavailable", "a value cannot be stored in a database")
    return Verdict.UNAVAILABLE, error


def _is_storable(asked: Asked) -> bool:
    """Whether every text and number of it can be stored."""
    rows: Sequence[DialogRow | None] = ()
    try:
        if isinstance(asked, Wanted):
            rows = (asked.visit,)
            as_json([[*presentity] for presentity, _ in asked.seen])
            for presentity, before, after, outcomes, _ in asked.changes:
                states = [*before.states, *after.states]
                states += [state for one in outcomes for state in (one.before, one.after)]
                as_json([*presentity, *[state.by_name for state in states]])
        elif isinstance(asked, Rows):
            rows = asked.rows
        for row in rows:
            if row is not None:
                "".join(row.presentity).encode()
    except ValueError:
        return False
    return True
