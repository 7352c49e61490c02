"""What the use cases need from the I/O rooms, as roles."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Decision
from dfks_rules.model.features import Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import FeatureRequest, Requester, Surroundings

Settle = Callable[[StoreError | None, float], None]
"""Told once whether a commit is durable (None) or failed, and when (`now`, monotonic seconds)."""


class Policies(Protocol):
    """What answers requests; `policy.deciding.policy_set.PolicySet` does."""

    @property
    def reads(self) -> frozenset[str]:
        """Names of all facts that some rule reads."""
        ...

    @property
    def reads_on_get(self) -> frozenset[str] | None:
        """Names of the facts that rules read to decide what a get shows; None where all of them
        show what is stored.
        """
        ...

    def decide(
        self, request: FeatureRequest, snapshot: Snapshot, at: datetime, around: Surroundings
    ) -> Decision:
        """The decision; the same for the same arguments."""
        ...

    def decide_gets(
        self,
        presentity: Aor,
        requester: Requester,
        snapshot: Snapshot,
        at: datetime,
        around: Surroundings,
    ) -> tuple[tuple[Feature, Decision], ...]:
        """What `decide` says to gets, each with its feature, in the order of `FEATURES`.

        An operator is told of all of them; a phone of those that it may know, at least one.
        """
        ...


class Store(Protocol):
    """Keeps one `Snapshot` per presentity.

    Commits are settled in the order in which they were asked for. A commit that was settled without
    an error is there after a kill -9. All calls, and the call of `settle`, are made on one thread.
    """

    def load(self, presentity: Aor) -> Snapshot:
        """What is stored (settled commits only); `NOTHING_STORED` when there is nothing.

        Raises:
            StoreError: the state cannot be read (`store_unavailable`).
        """
        ...

    def commit(self, presentity: Aor, before: Snapshot, after: Snapshot, settle: Settle) -> None:
        """Store `after` in place of `before`, whose revision is one lower.

        `settle` is called once: before this returns, or later. Its error has the code
        `store_unavailable`, or `store_conflict` when what is stored is not `before`; then
        nothing of `after` is stored.
        """
        ...

    def close(self) -> None:
        """Settle what is still under way, then let go of files and threads."""
        ...
