"""Which revisions decided, in order, and which of them can be brought back."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.errors import DfksError
from dfks_rules.operations.policies import RevisionRow
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.policy_set import PolicySet


class Revision(NamedTuple):
    """Policies that decide or did."""

    id: str
    """Content hash, as decisions carry it."""
    files: PolicyFiles
    """What it was made of."""
    policies: PolicySet
    """What they say; closed, unless it decides."""
    since: datetime
    """When it began to decide."""
    origin: str
    """Where it came from: `files`, `rollback`, `rollout` or `last good`."""


class Revisions:
    """The active revision and those before it.

    They stand in the order in which they came from files. A rollback moves none: a second one goes
    further back, rather than to what the first one left.
    """

    def __init__(self, keep: int) -> None:
        """`keep`: how many are kept beside the active one."""
        self._keep = keep
        self._revisions: list[Revision] = []
        self._active = -1

    @property
    def active(self) -> Revision:
        """What decides."""
        return self._revisions[self._active]

    @property
    def kept(self) -> Sequence[Revision]:
        """All of them, the oldest first."""
        return self._revisions

    @property
    def rows(self) -> tuple[RevisionRow, ...]:
        """All of them, for operators."""
        return tuple(
            RevisionRow(one.id, one.since.isoformat(timespec="seconds"), one.origin)
            for one in self._revisions
        )

    def add(self, revision: Revision) -> None:
        """A revision came and is active. What was active stands just before it."""
        # False comes before True, and the sort is stable.
        ordered = sorted(self._revisions, key=lambda one: one is self._revisions[self._active])
        kept = [one for one in ordered if one.id != revision.id]
        self._revisions = [*kept[max(0, len(kept) - self._keep) :], revision]
        self._active = len(self._revisions) - 1

    def bring_back(self, revision: Revision) -> None:
        """A kept revision is active again."""
        self._active = next(n for n, one in enumerate(self._revisions) if one.id == revision.id)
        self._revisions[self._active] = revision

    def find(self, id_: str | None) -> Revision:
        """The revision of that id; the one before the active one when None.

        Raises:
            DfksError: there is none (`policy_no_revision`).
        """
        if id_ is None:
            if self._active < 1:
                raise DfksError("policy_no_revision", phrase("no earlier revision is in memory"))
            return self._revisions[self._active - 1]
        for one in self._revisions:
            if one.id == id_:
                return one
        kept = ", ".join(f"`{one.id}`" for one in self._revisions)
        raise DfksError(
            "policy_no_revision",
            phrase("`{id}` is not in memory; available: {kept}", id=id_[:40], kept=kept),
        )
