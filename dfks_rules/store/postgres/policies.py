"""What nodes agree on about policies: what is to decide where, and how far a rollout is."""

from typing import NamedTuple

ALL_NODES = "*"
"""The scope of policies that decide on all nodes; `scope_of` gives that of one node."""


FILES = "files"
"""Stands for a revision: the files of each node."""


def scope_of(node: str | None) -> str:
    """The scope of the node with a name, which outranks that of all; None: all nodes."""
    return ALL_NODES if node is None else f"node:{node}"


class PolicyTask(NamedTuple):
    """What a node has to do about policies."""

    goal: str | None
    """The revision that is to decide here; None: what the node's own files say."""
    prepare: tuple[str, ...]
    """Revisions of which the node has not said yet whether it can use them."""
    active: tuple[tuple[str, str], ...]
    """(Name of a node that lives, the revision that decides there)."""


class PolicyGoal(NamedTuple):
    """What is to decide."""

    scope: str
    revision: str | None
    """None: the files of each node."""
    previous: str | None
    """What a rollback brings back; None: the files."""
    at: float
    """When it was moved, seconds since 1970 by the engine's clock."""
    actor: str


class PolicyRollout(NamedTuple):
    """The last rollout in a scope."""

    scope: str
    revision: str
    state: str
    """`preparing`, `done`, `refused`, `expired`, `replaced`."""
    at: float
    actor: str


class PolicyVerdict(NamedTuple):
    """What a node has said of a revision."""

    epoch: int
    revision: str
    verdict: str
    """Empty: it can use it; otherwise why not."""


class PolicyFollower(NamedTuple):
    """What a node has said of its goal."""

    epoch: int
    revision: str | None
    """None: its files."""
    verdict: str
    """Empty: it follows; otherwise why not."""


class PolicyBack(NamedTuple):
    """What came of a rollback."""

    is_done: bool
    now: str | None
    """What there was to end: a revision or `FILES`; None: nothing."""
