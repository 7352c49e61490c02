"""What one transaction stores: which of the requests hold, and the rows they come to."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from dfks_rules.errors import StoreError
from dfks_rules.model.features import FEATURES, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Change, DialogRow, Verdict, Wanted
from dfks_rules.store import journal
from dfks_rules.store.tables import as_json

_NAMES = tuple(feature.value for feature in FEATURES)

Result = tuple[Verdict, StoreError | None]
"""What is told of a commit."""
STORED: Result = (Verdict.STORED, None)
REPEATED: Result = (
    Verdict.REPEATED,
    StoreError("store_repeated", "what this request asked for was stored before"),
)


class Rows(NamedTuple):
    """Subscriptions to store and to remove, whatever else happens."""

    rows: Sequence[DialogRow]
    gone: Sequence[int]


class Work(NamedTuple):
    """Something to write beside states, such as how far a webhook has been told; rides along."""

    run: Callable[[sqlite3.Connection], None]
    """Writes it; where this raises, nothing of it is kept, and nothing else is lost."""


class Held(NamedTuple):
    """What a transaction finds stored; follows what it stores itself."""

    presentities: dict[Aor, tuple[int, int]]
    """Revision, and number of the newest change; nothing for those never changed."""
    cseqs: dict[int, int]
    """Number of a subscription → CSeq of the last SUBSCRIBE; nothing for those not stored."""
    snapshots: dict[Aor, Snapshot]
    """All that is stored, for some of them."""


class Plan:
    """The rows of one transaction: requests are taken one after the other."""

    def __init__(self, held: Held, newest: int, start: str, when: journal.When) -> None:
        """Nothing is taken yet.

        Args:
            held: what is stored.
            newest: number of the newest change of all.
            start: which start of the server decides.
            when: now.
        """
        self._held = held
        self._start = start
        self._when = when
        self._changed_at = ""
        """The same for people, once something has changed."""
        self.newest = newest
        """Number of the newest change."""
        self.presentities: dict[Aor, tuple[int, int]] = {}
        """Those that change → revision, and number of the newest change."""
        self.states: list[tuple[object, ...]] = []
        """Rows of `feature_state`, without their ends where these are NULL; the last for a feature
        counts."""
        self.has_ends = False
        """Whether some of them have their ends."""
        self.changes: list[journal.Row] = []
        """Rows of `change`."""
        self.subscriptions: dict[int, DialogRow] = {}
        """Rows of `subscription`."""
        self.gone: list[int] = []
        """Numbers of subscriptions to remove, after the others are stored."""

    def take(self, wanted: Wanted) -> Result:
        """Store all of it, unless something does not hold."""
        changes, seen, visit = wanted
        if visit is not None and self._held.cseqs.get(visit.row, -1) >= visit.cseq:
            return REPEATED
        for change in changes:
            if not self._holds(change.presentity, change.before):
                return conflict(change.presentity)
        for presentity, revision in seen:
            if self._revision(presentity) != revision:
                return conflict(presentity)
        for change in changes:
            self._change(change, journal.asked_first(wanted))
        if visit is not None:
            self._held.cseqs[visit.row] = visit.cseq
            self._keep((visit,))
        return STORED

    def take_rows(self, rows: Rows) -> Result:
        """Store and remove subscriptions."""
        self._keep(rows.rows)
        self.gone += rows.gone
        return STORED

    def _revision(self, presentity: Aor) -> int:
        held = self._held.presentities.get(presentity)
        return 0 if held is None else held[0]

    def _holds(self, presentity: Aor, before: Snapshot) -> bool:
        """Whether this is stored.

        Equal revisions are not enough: a request may be decided on an earlier one that came to
        nothing, and another one have stored that revision since.
        """
        if self._revision(presentity) != before.revision:
            return False
        stored = self._held.snapshots.get(presentity)
        return stored is None or stored is before or stored == before

    def _change(self, change: Change, asked_first: Aor) -> None:
        presentity, before, after, _, _ = change
        held = self._held.presentities.get(presentity)
        newest = 0 if held is None else held[1]
        entries = journal.rows_of(change, asked_first, self._start, self._when, self.newest, newest)
        if entries:
            self.newest = newest = self.newest + len(entries)
            self.changes += entries
        self._held.presentities[presentity] = self.presentities[presentity] = (
            after.revision,
            newest,
        )
        self._held.snapshots[presentity] = after
        user, domain = presentity
        # SQLite's own `strftime` costs 0.5 µs for each row.
        at = self._changed_at = self._changed_at or when_changed(self._when.at)
        if before.deadlines or after.deadlines:
            self.states += _timed(presentity, before, after, at)
            self.has_ends = True
            return
        self.states += [
            (user, domain, name, int(state.status), as_json(state.by_name), at)
            for name, old, state in zip(_NAMES, before.states, after.states, strict=True)
            if state is not old and state != old
        ]

    def _keep(self, rows: Iterable[DialogRow]) -> None:
        for row in rows:
            earlier = self.subscriptions.get(row.row)
            self.subscriptions[row.row] = row if earlier is None else _over(row, earlier)


def when_changed(at: float) -> str:
    """A moment in seconds since 1970, as `changed_at` has it: `2026-11-27T02:30:00.125Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _timed(presentity: Aor, before: Snapshot, after: Snapshot, at: str) -> list[tuple[object, ...]]:
    """Rows for what differs, with deadlines."""
    user, domain = presentity
    old_ends = {one.feature: one for one in before.deadlines}
    ends = {one.feature: one for one in after.deadlines}
    rows: list[tuple[object, ...]] = []
    for feature, old, state in zip(FEATURES, before.states, after.states, strict=True):
        end = ends.get(feature)
        if state != old or end != old_ends.get(feature):
            row = (user, domain, feature.value, int(state.status), as_json(state.by_name), at)
            rows.append(row if end is None else (*row, end.at, end.rule))
    return rows


def conflict(presentity: Aor) -> Result:
    """What is told where something else is stored than a decision was made on."""
    why = f"{presentity.uri} was changed concurrently"
    return Verdict.CONFLICT, StoreError("store_conflict", why)


def _over(row: DialogRow, earlier: DialogRow) -> DialogRow:
    """The row, with the messages that it leaves as they are."""
    first = earlier.first if row.first is None else row.first
    last = earlier.last if row.last is None else row.last
    return row._replace(first=first, last=last)
