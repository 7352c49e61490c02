"""The steps of a commit, as the arrays that the engine's function takes.

Each presentity and each subscription comes once, in the order in which they are locked; the rest
names them by their places, which begin with 1, as do those of steps.

Reference: sql/0002_commit.sql
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Change, DialogRow, Verdict, Wanted
from dfks_rules.store import journal
from dfks_rules.store.journal import When
from dfks_rules.store.postgres.ports import Outcome, Step
from dfks_rules.store.postgres.records import patch_json
from dfks_rules.store.tables import as_json

_Said = tuple[str, list[tuple[Any, ...]]]
"""Of a change, the states that differ, and its rows in the journal."""
VERDICTS = (Verdict.STORED, Verdict.REPEATED, Verdict.CONFLICT, Verdict.MOVED)
"""By the numbers that the function gives them."""
_LATER = When(0.0, 0.0)
"""The engine says when a change was stored, and numbers it."""
_FENCED = Outcome(Verdict.FENCED)
_NOT_STORABLE = Outcome(Verdict.UNAVAILABLE)


class Batch:
    """A commit, on its way to the engine and back."""

    def __init__(self, steps: Sequence[Step], start: str) -> None:
        """Says the steps in arrays.

        Args:
            steps: what to store, in order; one with a value that PostgreSQL cannot hold is left
                out, and those that build on it.
            start: what ids of this server's decisions begin with.
        """
        self._steps = steps
        said = [_said(step, start) for step in steps]
        self._sent = [one is not None for one in said]
        self._presentities = _places(
            (aor.domain, aor.user) for step in self._good() for aor in _named(step)
        )
        self._dialogs = _places(
            number for step in self._good() for number in (*map(_number, _rows(step)), *step.gone)
        )
        self._entries: list[tuple[Any, ...]] = []
        self._builds: list[tuple[int, int]] = []
        self._required: list[tuple[int, int, int]] = []
        self._changes: list[tuple[int, int, int, str]] = []
        self._journal: list[tuple[Any, ...]] = []
        for place, (step, changes) in enumerate(zip(steps, said, strict=True), 1):
            if changes is not None:
                self._add(place, step, changes)

    def arguments(self) -> list[Any]:
        """What the function takes, behind the epoch."""
        rows = {row.row: row for step in self._good() for row in _rows(step)}
        removed = {number for step in self._good() for number in step.gone}
        dialogs = [
            (number, None, None, None, number in removed)
            if (row := rows.get(number)) is None
            else (number, row.tag, row.presentity.domain, row.presentity.user, number in removed)
            for number in self._dialogs
        ]
        return [
            *_columns([*self._presentities], 2),
            *_columns(dialogs, 5),
            *_columns(self._entries, 9),
            len(self._steps),
            *_columns(self._builds, 2),
            *_columns(self._required, 3),
            *_columns(self._changes, 4),
            *_columns(self._journal, 12),
        ]

    def outcomes(self, answer: Mapping[str, Any]) -> list[Outcome]:
        """What came of each step."""
        verdicts, newest = answer["verdicts"], answer["newest"]
        if verdicts is None:
            return [_FENCED] * len(self._steps)
        lost = frozenset(answer["lost"])
        return [
            Outcome(
                VERDICTS[verdict],
                seq,
                tuple([row.row for row in step.rows if row.row in lost]) if lost else (),
            )
            if is_sent
            else _NOT_STORABLE
            for step, is_sent, verdict, seq in zip(
                self._steps, self._sent, verdicts, newest, strict=True
            )
        ]

    def _good(self) -> list[Step]:
        return [step for step, good in zip(self._steps, self._sent, strict=True) if good]

    def _add(self, place: int, step: Step, said: Sequence[_Said]) -> None:
        if step.visit is not None:
            self._entries.append(self._entry(place, step.visit, True))  # noqa: FBT003 - a column
        for row in step.rows:
            self._entries.append(self._entry(place, row, False))  # noqa: FBT003 - a column
        for position in step.builds_on:
            # What is not sent has no place, and never holds.
            self._builds.append((place, position + 1 if self._sent[position] else 0))
        for change in step.changes:
            self._required.append((place, self._place(change.presentity), change.before.revision))
        for presentity, revision in step.seen:
            self._required.append((place, self._place(presentity), revision))
        for change, (states, entries) in zip(step.changes, said, strict=True):
            presentity, revision = change.presentity, change.after.revision
            self._changes.append((place, self._place(presentity), revision, states))
            named = (place, presentity.domain, presentity.user, revision)
            self._journal += [(*named, *entry) for entry in entries]

    def _place(self, presentity: Aor) -> int:
        return self._presentities[presentity.domain, presentity.user]

    def _entry(self, place: int, row: DialogRow, visits: bool) -> tuple[Any, ...]:  # noqa: FBT001
        dialog = self._dialogs[row.row]
        return (place, dialog, visits, row.deadline, row.cseq, row.base, row.flags, *row[7:])


def _rows(step: Step) -> tuple[DialogRow, ...]:
    return step.rows if step.visit is None else (step.visit, *step.rows)


def _number(row: DialogRow) -> int:
    return row.row


def _named(step: Step) -> list[Aor]:
    return [*[one.presentity for one in step.changes], *[aor for aor, _ in step.seen]]


def _places(keys: Any) -> dict[Any, int]:
    return {key: place for place, key in enumerate(sorted(set(keys)), 1)}


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[column] for row in rows] for column in range(width)]


def _said(step: Step, start: str) -> list[_Said] | None:
    """The changes of a step; None where some text or number of it cannot be stored."""
    try:
        as_json([[*aor] for aor in (*_named(step), *[row.presentity for row in _rows(step)])])
        first = journal.asked_first(Wanted(step.changes, step.seen)) if step.changes else None
        return [_said_of(change, first, start) for change in step.changes if first is not None]
    except ValueError:
        return None


def _said_of(change: Change, asked_first: Aor, start: str) -> _Said:
    rows = journal.rows_of(change, asked_first, start, _LATER, 0, 0)
    as_json([row[9:12] for row in rows])
    tells = [
        outcome.decision.notify.others and outcome.told is not None
        for outcome in change.outcomes
        if outcome.request.feature is not None and outcome.changed
    ]
    entries = [(*row[5:12], are_told) for row, are_told in zip(rows, tells, strict=True)]
    return as_json(patch_json(change.before, change.after)), entries
