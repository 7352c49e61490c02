"""Features that operators set."""

from typing import NamedTuple, Protocol

from dfks_rules.model.decisions import Outcome
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked


class Sets(NamedTuple):
    """Features to set for one presentity, in order; one NOTIFY tells of all of them."""

    presentity: Aor
    asked: tuple[Asked, ...]
    """At least one."""
    param: str | None = None
    """The route parameter, which policies can read."""
    actor: str | None = None
    """Who asks, for the journal; None: `mi`."""
    expected: int | None = None
    """The revision that the presentity must have; None: any."""
    are_one: bool = False
    """Whether nothing is set where one of them is refused."""


class SetResult(NamedTuple):
    """What came of `Sets`."""

    outcomes: tuple[Outcome, ...]
    """One for each of `asked`, then those of sets that followed for the same presentity; where
    `are_one`, and one was refused: the refused ones."""
    first: str
    """Id of the decision on the first of them; empty when it was not kept."""
    revision: int
    """What the presentity has now."""

    def decision(self, number: int) -> str:
        """Id of the decision on the outcome with this position."""
        start, _, first = self.first.partition("-")
        return f"{start}-{int(first) + number}" if first else ""


class Setting(Protocol):
    """Setting features through the policies."""

    async def set(self, sets: Sets) -> SetResult:
        """Set features as an operator; returns once it is committed.

        Raises:
            ChangedError: the presentity does not have the revision that was expected.
            StoreError: nothing was changed.
        """
        ...

    async def tried(self, sets: Sets) -> SetResult:
        """What would come of it; nothing is set, counted or kept.

        Raises:
            StoreError: what policies look at cannot be read.
        """
        ...

    async def remove(self, sets: Sets) -> SetResult:
        """Switch off all features of a presentity, and forget their values, or do nothing.

        Policies are asked whether each may be switched off. The presentity's revision goes on, so
        that no ETag is ever used twice; the journal keeps what was.

        Args:
            sets: of whom, and for whom; `asked` is not looked at.

        Returns:
            An outcome for each feature that was on or had values, and one where none was; or those
            of sets that were refused.

        Raises:
            ChangedError: the presentity does not have the revision that was expected.
            StoreError: nothing was changed.
        """
        ...
