"""Policies that all nodes follow, as operators see and replace them."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from dfks_rules.errors import DfksError
from dfks_rules.operations.studies import Text
from dfks_rules.phrases.phrase import phrase


class NoNodeError(DfksError):
    """No living node has this name."""

    def __init__(self, name: str, living: Sequence[str]) -> None:
        known = ", ".join(f"`{one}`" for one in living)
        super().__init__(
            "policy_no_node",
            phrase("no node `{name}` is alive; there are {known}", name=name[:40], known=known),
        )


class NoGoalError(DfksError):
    """There is nothing to move back, or to drop."""

    def __init__(self, message: str) -> None:
        super().__init__("policy_no_goal", message)


class CanaryError(DfksError):
    """Single nodes follow something else: what is to go back is not clear."""

    def __init__(self, nodes: Sequence[str]) -> None:
        named = ", ".join(f"`{one}`" for one in nodes)
        if len(nodes) == 1:
            told = phrase("{named} follows policies of its own: end that first", named=named)
        else:
            told = phrase("{named} follow policies of their own: end that first", named=named)
        super().__init__("policy_canary", told)


class GoalMovedError(DfksError):
    """What was to be rolled back is not what is followed: somebody else was faster."""

    def __init__(self, whom: str, seen: str, now: str) -> None:
        message = phrase(
            "{whom}: `{now}` is followed or on its way, not `{seen}`",
            whom=whom,
            now=now[:40],
            seen=seen[:40],
        )
        super().__init__("policy_goal_moved", message)


class RolloutState(Enum):
    """How far a rollout is; all but the first are final."""

    PREPARING = "preparing"
    """Nodes check it."""
    DONE = "done"
    """The goal has moved: it decides, or will in a moment."""
    REFUSED = "refused"
    """A node cannot use it."""
    EXPIRED = "expired"
    """A node has said nothing for ten minutes."""
    REPLACED = "replaced"
    """Another one was begun, a rollback came, or somebody dropped the goal."""


class GoalRow(NamedTuple):
    """What is to decide, on one node or on all."""

    node: str | None
    """None: all nodes that have no goal of their own."""
    revision: str | None
    """None: the files of each node."""
    previous: str | None
    """What a rollback brings back."""
    at: str
    """When it was moved, ISO 8601."""
    actor: str


class ReadyRow(NamedTuple):
    """Whether a node can use what is rolled out."""

    node: str
    verdict: str
    """`waiting`, `ready` or `refused`."""
    findings: tuple[str, ...]
    """Why it cannot, one line each."""


class RolloutRow(NamedTuple):
    """The last rollout to one node or to all."""

    node: str | None
    """None: all."""
    revision: str
    state: RolloutState
    at: str
    """When it began, ISO 8601."""
    actor: str
    nodes: tuple[ReadyRow, ...]
    """The living nodes that it is for."""


class FollowerRow(NamedTuple):
    """What decides on a node."""

    node: str
    revision: str
    goal: str | None
    """What is to decide there; None: its files."""
    follows: bool
    """Whether it says that it follows that."""
    findings: tuple[str, ...]
    """Why it cannot, one line each."""


class RolloutListing(NamedTuple):
    """What decides, and is to decide, on all nodes."""

    goals: tuple[GoalRow, ...]
    rollouts: tuple[RolloutRow, ...]
    nodes: tuple[FollowerRow, ...]
    """Those that live."""

    @property
    def is_skewed(self) -> bool:
        """Whether living nodes have different policies."""
        return len({one.revision for one in self.nodes}) > 1


class Rollouts(Protocol):
    """What an operator can do with the policies of all nodes.

    Every call raises StoreError where the engine is out of reach.
    """

    async def begin(self, texts: Sequence[Text], node: str | None, actor: str) -> RolloutRow:
        """Have nodes check policies, and follow them once all can use them.

        Args:
            texts: their files.
            node: the one that is to follow them; None: all.
            actor: who wants it.

        Raises:
            NoNodeError: there is no such node.
            PolicyError: there are no policies among the files.
        """
        ...

    async def listing(self) -> RolloutListing:
        """What decides, and is to decide."""
        ...

    async def roll_back(self, node: str | None, actor: str, seen: str | None) -> RolloutListing:
        """End a rollout that is on its way; else move a goal back to what it was before.

        Args:
            node: the one that is to go back; None: all.
            actor: who wants it.
            seen: the revision that is to end, or `files`; None: whatever it is.

        Raises:
            NoGoalError: there is neither.
            GoalMovedError: another revision is followed or on its way.
            CanaryError: it is that of all nodes, and single ones have their own.
        """
        ...

    async def drop(self, node: str | None, actor: str) -> RolloutListing:
        """Remove a goal, and with that of all nodes those of single ones: files decide.

        Raises:
            NoGoalError: there is none.
        """
        ...
