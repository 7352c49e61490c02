"""What the engine does: each method is one call of one function in PostgreSQL, and one round trip.

A statement is never left open while a server waits for another one, so that a server that is paused
holds no locks. After any error the connection that met it is closed, never used again: what came of
the call is unknown.

Every method raises StoreError (`store_unavailable`) where the engine is out of reach or too slow;
a NotSentError where the call was never made.

Reference: docs/topics/several-nodes.md
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.operations.ports import Stored
from dfks_rules.service.ports import Change, Deadlines, DialogRow, Gone, JournalEntry, Verdict
from dfks_rules.store.postgres.policies import (
    PolicyBack,
    PolicyFollower,
    PolicyGoal,
    PolicyRollout,
    PolicyTask,
    PolicyVerdict,
)

COHORTS = 64
"""Cohorts of one life of a server: so its dialogs can be spread over all others when it ends."""


def cohort_of(row: int) -> int:
    """The cohort of the subscription with this number; whose its NOTIFYs are.

    The number is `epoch << 32 | n`; its cohort is one of the `COHORTS` of the epoch that made it. A
    subscription that moves to another server gets a number of that one.
    """
    return (row >> 32) * COHORTS + row % COHORTS


class NotSentError(StoreError):
    """The engine is out of reach: what was asked for is not done, and never will be."""

    def __init__(self, message: str) -> None:
        super().__init__("store_unavailable", message)


class Step(NamedTuple):
    """A part of a commit: all of it is stored, or nothing. `rows` and `gone` always are."""

    changes: tuple[Change, ...] = ()
    """Each is stored if the presentity still has the revision of `before`."""
    seen: tuple[tuple[Aor, int], ...] = ()
    """Revisions that must hold besides."""
    visit: DialogRow | None = None
    """The subscription of the SUBSCRIBE that asked. REPEATED if one with its number has its CSeq or
    a higher one; MOVED if another row has its tag, or one in its dialog is somebody else's now."""
    rows: tuple[DialogRow, ...] = ()
    """Written behind; those that are not ours any more are left alone."""
    gone: tuple[int, ...] = ()
    """Removed behind, likewise."""
    builds_on: tuple[int, ...] = ()
    """Positions in the commit of the steps on whose changes it was decided; CONFLICT unless they
    are STORED."""


class Outcome(NamedTuple):
    """What came of a step."""

    verdict: Verdict
    """STORED, REPEATED, CONFLICT, MOVED or FENCED; UNAVAILABLE: a value in it cannot be stored."""
    newest: int = 0
    """Number of its newest change, in the feed of all nodes; 0: it has none."""
    lost: tuple[int, ...] = ()
    """Numbers of `rows` that are not ours any more."""


class Changed(NamedTuple):
    """The feed: a feature was changed by some node."""

    epoch: int
    """The life of a server that changed it."""
    entry: JournalEntry
    """Its `seq` is the number in the feed."""
    tells: bool
    """Whether the rules of the set let watchers be told (`notify`)."""
    snapshot: Snapshot
    """All that is stored for the presentity when the feed is read: this change or a later one."""


class Moved(NamedTuple):
    """The feed: a dialog was adopted by another node."""

    epoch: int
    """Who has it now."""
    seq: int
    tag: bytes
    row: int
    """The number that it had before."""


class Page(NamedTuple):
    """A part of the feed."""

    told: list[Changed | Moved]
    """In the order of their numbers."""
    last: int
    """Where to go on."""
    is_gap: bool = False
    """Whether what was asked for has been purged: something is missing."""


class Joined(NamedTuple):
    """A life of a server has begun."""

    epoch: int
    """Its number: higher than that of any before."""
    secret: bytes
    """What our tags are made with; the same on all nodes."""
    clock: float
    """What the engine's clock says, seconds since 1970."""
    newest: int
    """Number of the newest change in the feed."""


class Renewed(NamedTuple):
    """A lease goes on, or is over."""

    is_alive: bool
    """Whether nobody has buried this life: its lease holds for its length from the call on."""
    clock: float
    """What the engine's clock says, seconds since 1970."""
    is_draining: bool = False
    """Whether an operator wants it to take no new dialogs, at whichever node he said so."""


class Claimed(NamedTuple):
    """A cohort of a life that has ended is ours."""

    cohort: int
    term: int
    """One higher than before. The CSeq of a NOTIFY is (row.base + term) · 2¹¹ + n."""
    renewed: float
    """When its owner was known to live last, seconds since 1970 by the engine's clock."""
    is_clean: bool
    """Whether its owner left as planned, with everything written."""
    heard: int = 0
    """Then: number of the change up to which it has told all."""


class Sought(NamedTuple):
    """A dialog that is to be ours."""

    tag: bytes
    """Ours in it."""
    row: int | None
    """The number that it gets where it is somebody else's; None: give it only if it is ours."""
    cseq: int = 0
    """CSeq of the last SUBSCRIBE in it that came to this node."""
    is_back: bool = False
    """Whether that was answered here: then it stays with a node that has had the same one."""


class Node(NamedTuple):
    """A life of a server, as all nodes see it."""

    epoch: int
    name: str
    release: str
    policies: str
    """Revision of its active policies."""
    state: str
    """`serving`, `draining`, `late` (its lease is over), `dead`."""
    until: float
    """When its lease ends, seconds since 1970 by the engine's clock."""
    cohorts: int
    subscriptions: int
    position: int
    """Number of the change up to which it has read the feed."""
    skew: float
    """How far its clock was ahead of the engine's, s."""


class Report(NamedTuple):
    """What a node says of itself when it renews its lease."""

    policies: str
    position: int
    skew: float
    subscriptions: int


class Engine(Deadlines, Protocol):
    """The engine; each method is atomic."""

    # --- Life ---

    async def join(self, name: str, release: str, lease: float) -> Joined:
        """Begin a life: a node, its lease, and `COHORTS` cohorts with term 0."""
        ...

    async def renew(self, epoch: int, lease: float, report: Report) -> Renewed:
        """Have the lease end `lease` seconds from now, unless the node was buried."""
        ...

    async def bury(self, epoch: int) -> list[int]:
        """End all other lives whose lease is over; their epochs.

        Waits for writes of theirs that are under way; no later one passes. Only for a node whose
        own lease has held for a while.
        """
        ...

    async def claim(self, epoch: int, *, again: bool = False) -> list[Claimed]:
        """Take my share of the cohorts whose owners have ended: ⌈orphans / living⌉.

        `again`: give those that were taken before, too, as an answer may have been lost. How their
        owners ended is not known any more: not as planned.
        """
        ...

    async def drain(self, epoch: int) -> None:
        """Others know that it is about to leave; it gets no share of claims."""
        ...

    async def leave(self, epoch: int, *, is_clean: bool, heard: int = 0) -> None:
        """End my life, as `bury`; `is_clean`: everything is written, and all up to the change with
        the number `heard` is told.
        """
        ...

    async def nodes(self) -> list[Node]:
        """All that live, and those that have ended within the last hour."""
        ...

    # --- What is stored ---

    async def commit(self, epoch: int, steps: Sequence[Step], start: str) -> list[Outcome]:
        """Store steps, in order; `start` is what ids of this server's decisions begin with."""
        ...

    async def fetch(self, presentities: Sequence[Aor]) -> list[Stored]:
        """What is stored for each; revision 0 where nothing is."""
        ...

    async def adopt(self, epoch: int, sought: Sequence[Sought]) -> list[DialogRow | Gone]:
        """Make dialogs mine, and say what came of each.

        What was somebody else's has its new number, and a `base` one higher than before, relative
        to the term of its cohort. UNKNOWN: nobody has it, or it is not mine and is to get no
        number; UNAVAILABLE: somebody writes it, for longer than a moment; ELSEWHERE: its phone has
        spoken to another node since.
        """
        ...

    async def rows(self, cohorts: Sequence[int], before: int, at_most: int) -> list[DialogRow]:
        """Dialogs of cohorts with numbers below `before`, the highest first.

        `base` is relative to the term of the row's cohort.
        """
        ...

    # --- The feed ---

    async def feed(self, after: int, at_most: int) -> Page:
        """What was committed after the change with this number, in order."""
        ...

    async def changed_since(self, moment: float) -> frozenset[Aor]:
        """Whose features have changed since then (seconds since 1970, by the engine's clock)."""
        ...

    async def changed_after(self, seq: int) -> frozenset[Aor]:
        """Whose features have changed after the change with this number."""
        ...

    async def journal(
        self, after: int | None, before: int | None, presentity: Aor | None, at_most: int
    ) -> list[JournalEntry]:
        """Changes after one in order, or before one, the newest first; of one presentity or all."""
        ...

    async def purge(self, older_than: float, at_most: int) -> int:
        """Remove changes, and what else nobody needs (lives, cohorts, dialogs long expired)."""
        ...

    async def page(
        self, after: Aor | None, at_most: int, domains: frozenset[str] | None
    ) -> list[Stored]:
        """The next presentities by domain and user."""
        ...

    async def hint(self) -> None:
        """Hint at changes that are stored; it may be lost."""
        ...

    async def listen(self, heard: Callable[[], None]) -> None:
        """Have `heard` called for hints until the connection is lost, or again from then on."""
        ...

    # --- Policies ---

    async def policy_task(self, epoch: int) -> PolicyTask:
        """What a node has to do about policies; moves the goals for which everybody is ready."""
        ...

    async def policy_goal(self, name: str) -> bytes | None:
        """The bundle that a node with this name begins with; None: its own files."""
        ...

    async def policy_bundle(self, revision: str) -> bytes | None:
        """The bundle of a revision; None: it is gone."""
        ...

    async def policy_verdict(self, epoch: int, revision: str, verdict: str) -> None:
        """Say whether this node can use a revision: empty, or why not."""
        ...

    async def policy_followed(self, epoch: int, revision: str | None, verdict: str) -> None:
        """Say which goal this node follows (None: its files): empty, or why it cannot."""
        ...

    async def policy_propose(self, scope: str, revision: str, files: bytes, actor: str) -> None:
        """Begin a rollout, in place of one that is on its way in the scope."""
        ...

    async def policy_back(self, scope: str, actor: str, seen: str | None) -> PolicyBack:
        """End a rollout, else move a goal back to what it was before, if that is what was `seen`:
        a revision or `FILES`; None: whatever it is.
        """
        ...

    async def policy_drop(self, scope: str, actor: str) -> bool:
        """Remove a goal, and end rollouts; of all nodes with those of single ones. False: none."""
        ...

    async def policy_goals(self) -> list[PolicyGoal]:
        """All goals; that of all nodes is the first."""
        ...

    async def policy_rollouts(self) -> list[PolicyRollout]:
        """The last rollout of each scope."""
        ...

    async def policy_followers(self) -> list[PolicyFollower]:
        """What nodes have said of the goals that they follow."""
        ...

    async def policy_verdicts(self) -> list[PolicyVerdict]:
        """What nodes have said of the revisions of rollouts."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
