"""What a crash of the simulated server leaves: states, the journal, rows of subscriptions."""

from collections.abc import Callable
from typing import NamedTuple

from dfks_rules.model.features import (
    FEATURES,
    NOTHING_STORED,
    POSITION,
    Feature,
    FeatureState,
    Snapshot,
)
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import Value, Values
from dfks_rules.service.ports import DialogRow
from tests.helpers.history import Held, Stored


class Disease(NamedTuple):
    """What is wrong with the disk."""

    delay: float = 0.005
    """Most seconds that a transaction usually takes."""
    stalls: float = 0.0
    """Share of transactions that take up to 3 s."""
    fails: float = 0.0
    """Share of transactions that come to nothing."""
    unknown: float = 0.0
    """Share of transactions that are stored, though they seem to have failed."""
    forgets: float = 0.0
    """Share of looks at a presentity that find it not known."""


HEALTHY = Disease()


def text_of(state: FeatureState) -> str:
    """A state as the history has it."""
    target = state.value(Value.FORWARD_TO)
    if not state.status:
        return "off"
    return "on" if target is None else f"on {target}"


def state_of(text: str) -> FeatureState:
    """What `text_of` gave the text of."""
    status, _, target = text.partition(" ")
    values: Values = ((Value.FORWARD_TO, target),) if target else ()
    return FeatureState(status == "on", values)


class Beat(NamedTuple):
    """A moment at which a server lived."""

    at: float
    """Seconds since 1970."""
    is_clean: bool
    """Whether it was the end of a planned stop."""


class Disk:
    """What a crash leaves."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.term = 0
        self.snapshots: dict[Aor, Snapshot] = {}
        self.journal: list[Stored] = []
        self.rows: dict[int, DialogRow] = {}
        self.highest_row = 0
        self.beat_at = 0.0
        """Seconds since 1970 when the server was last known to live."""
        self.is_clean = True
        self.written: Callable[[], object] = bool
        """Called after each transaction."""

    def revision(self, presentity: Aor) -> int:
        """What is stored of a presentity has this one."""
        return self.snapshots.get(presentity, NOTHING_STORED).revision

    def change(self, presentity: Aor, before: Snapshot, after: Snapshot, now: float) -> None:
        """Store the features that differ, and a row of the journal for each."""
        states = list(self.snapshots.get(presentity, NOTHING_STORED).states)
        for feature in FEATURES:
            position = POSITION[feature]
            old, new = before.states[position], after.states[position]
            if old != new:
                states[position] = new
                self._note(presentity, after.revision, feature.value, old, new, now)
        self.snapshots[presentity] = Snapshot(after.revision, tuple(states))

    def set(self, presentity: Aor, feature: str, state: str, now: float) -> None:
        """Store what somebody else wants."""
        before = self.snapshots.get(presentity, NOTHING_STORED)
        position = POSITION[Feature(feature)]
        states = list(before.states)
        states[position] = state_of(state)
        if tuple(states) != before.states:
            after = Snapshot(before.revision + 1, tuple(states))
            self.change(presentity, before, after, now)

    def _note(
        self,
        presentity: Aor,
        revision: int,
        feature: str,
        old: FeatureState,
        new: FeatureState,
        now: float,
    ) -> None:
        seq = len(self.journal) + 1
        texts = text_of(new), text_of(old)
        self.journal.append(Stored(now, seq, presentity.uri, revision, feature, *texts))

    def keep(self, row: DialogRow) -> None:
        """Store a row; a message that it does not have stays as it was, or the row is not there."""
        old = self.rows.get(row.row)
        if old is None and row.first is None:
            return
        if old is not None:
            first = old.first if row.first is None else row.first
            last = old.last if row.last is None else row.last
            row = row._replace(first=first, last=last)
        self.rows[row.row] = row
        self.highest_row = max(self.highest_row, row.row)

    def held(self) -> list[Held]:
        """Everything, as the history has it."""
        names = [feature.value for feature in FEATURES]
        return [
            Held(aor.uri, one.revision, dict(zip(names, map(text_of, one.states), strict=True)))
            for aor, one in self.snapshots.items()
        ]
