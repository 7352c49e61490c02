"""What the use cases need from the I/O rooms, as roles."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import Enum
from typing import NamedTuple, Protocol

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Decision, Outcome
from dfks_rules.model.features import Feature, FeatureState, Snapshot
from dfks_rules.model.gets import Gets
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import FeatureRequest, Origin, Requester, Surroundings
from dfks_rules.phrases.phrase import phrase


class Verdict(Enum):
    """What came of a commit: everything of it is stored, or nothing."""

    STORED = "stored"
    """It is durable."""
    REPEATED = "repeated"
    """The SUBSCRIBE that it comes from was stored before: answer it again, tell what is stored."""
    CONFLICT = "conflict"
    """Somebody else changed what it was decided on: `fetch`, and decide again."""
    MOVED = "moved"
    """Another node has the dialog of the SUBSCRIBE that it comes from: `Dialogs.adopt` it, and
    serve the SUBSCRIBE anew. Only where there are several nodes."""
    FENCED = "fenced"
    """Another server has taken the store over: this one stores nothing any more."""
    UNAVAILABLE = "unavailable"
    """The store failed. A commit whose outcome is unknown is reported like this, too."""

    __hash__ = object.__hash__


Settle = Callable[[Verdict, StoreError | None, float], None]
"""Told once what came of a commit, why if it is not stored, and when (monotonic seconds)."""
Fetched = Callable[[StoreError | None, float], None]
"""Told once that presentities are known, or why not, and when (monotonic seconds)."""


class Change(NamedTuple):
    """What a request changes for one presentity."""

    presentity: Aor
    before: Snapshot
    after: Snapshot
    """Its revision is one higher."""
    outcomes: tuple[Outcome, ...]
    """What came of each set, in order; the journal is written from those that changed something."""
    first: int
    """Number of the first of them; each of the others has the next one."""


class DialogRow(NamedTuple):
    """What is stored of one subscription, or of the answer to a SUBSCRIBE that made none.

    The messages are kept as they came, so that a restart reads them as the first time, and a newer
    release understands what an older one stored.
    """

    row: int
    """Its number: `Dialogs.number` gave it. Rises with each subscription."""
    tag: bytes
    """Our tag in its dialog; empty: the row is spoilt, and has nothing but its number."""
    presentity: Aor
    deadline: float
    """When it expires, seconds since 1970."""
    cseq: int
    """CSeq of the last SUBSCRIBE that was taken."""
    base: int
    """Its NOTIFYs have CSeq = (base + term of the server's life) · 2¹¹ + n."""
    flags: int
    """What `presence` wants to know, in bits."""
    first: bytes | None
    """The SUBSCRIBE that made the dialog, as `presence.rows` has it; None: as stored."""
    last: bytes | None
    """The last one that said something else; None: as stored."""


class Wanted(NamedTuple):
    """What a request comes to: all of it is stored, or nothing."""

    changes: tuple[Change, ...]
    """One for each presentity that it changes: several where a rule says `also`."""
    seen: tuple[tuple[Aor, int], ...] = ()
    """Revisions, besides, of what its decisions have read; they must still hold. The presentity
    that was asked for comes first where it does not change."""
    visit: DialogRow | None = None
    """The subscription of the SUBSCRIBE that asked, if it is to be stored with the changes."""


class Gone(Enum):
    """Why a dialog cannot be adopted."""

    UNKNOWN = "unknown"
    """No node has it."""
    UNAVAILABLE = "unavailable"
    """The store failed: it may be there."""
    ELSEWHERE = "elsewhere"
    """Another node has it, and has had a later SUBSCRIBE in it."""

    __hash__ = object.__hash__


Adopting = Callable[[DialogRow | Gone, float], None]
"""Told once what came of an adoption, and when (monotonic seconds)."""
Visiting = Callable[[tuple[Outcome, ...]], DialogRow | None]
"""Asked for the row of a SUBSCRIBE that is decided, which is stored with what it changes; asked
again when it is decided again. It is given the outcomes, or none where it has no sets. None:
nothing is stored of it."""


class NotKnownError(StoreError):
    """What is stored for some presentities is not known: `Store.fetch` them, then ask again."""

    def __init__(self, presentities: tuple[Aor, ...]) -> None:
        uris = ", ".join(presentity.uri for presentity in presentities)
        super().__init__(
            "store_not_known", phrase("what is stored for {uris} is not known", uris=uris)
        )
        self.presentities = presentities


class ChangedError(StoreError):
    """What is stored has another revision than the one that a set was meant for."""

    def __init__(self, presentity: Aor, revision: int) -> None:
        super().__init__(
            "store_changed",
            phrase("{uri} has revision {revision}", uri=presentity.uri, revision=revision),
        )
        self.revision = revision
        """What holds."""


class MovedError(StoreError):
    """Another node has the dialog that a SUBSCRIBE is about: nothing of it is stored."""

    def __init__(self, presentity: Aor) -> None:
        uri = presentity.uri
        super().__init__(
            "store_moved", phrase("another node has the dialog of a watcher of {uri}", uri=uri)
        )


class JournalEntry(NamedTuple):
    """One change of one feature, as the journal keeps it."""

    seq: int
    """Its number; rises with each change of whatever presentity."""
    at: float
    """What the wall clock said when it was stored, seconds since 1970."""
    presentity: Aor
    revision: int
    """Of everything stored for the presentity, once this was stored."""
    feature: Feature
    before: FeatureState
    after: FeatureState
    origin: Origin
    actor: str
    """Who asked: the URI of the watcher; for an operator `mi` or the address of the peer; for a set
    that followed from another, the URI of the presentity that was asked for first; `expired` where
    a deadline had passed."""
    rule: str
    """Id of the rule that decided on the state; for a set that followed from another, of the one
    that made it follow; for one that has expired, of the one that said when. Empty where none
    did."""
    decision: str
    """Id of the decision, as in the decision log."""


class Journal(Protocol):
    """Every change of the last time, in the order in which they were stored. Numbers may be missing
    where several nodes share it.

    All of it raises StoreError (`store_unavailable`) where it cannot be read. A file is read before
    the loop goes on; an engine that several nodes share is waited for.
    """

    async def newest(self) -> int:
        """Number of the newest entry; 0 when there was never one."""
        ...

    async def read(self, after: int, at_most: int) -> list[JournalEntry]:
        """The entries that follow the one with this number, in order."""
        ...

    async def of(
        self, presentity: Aor | None, at_most: int, before: int | None = None
    ) -> list[JournalEntry]:
        """The entries of one presentity, or of all, the newest first, from those with lower numbers
        than `before`.
        """
        ...


class Deadlines(Protocol):
    """When features that are on are to be switched off, ordered; stores know it of what they keep.

    All of it raises StoreError (`store_unavailable`) where it cannot be read.
    """

    async def due(self, until: int, at_most: int) -> list[Aor]:
        """Some presentities with a deadline by then (seconds since 1970), those with the earliest
        first; somebody may have set the feature since.
        """
        ...

    async def next(self) -> int | None:
        """The earliest deadline of all, seconds since 1970; None: there is none."""
        ...


class Timing(Protocol):
    """What gets show otherwise as time passes; `policy.deciding.timing.Timing` does."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """Of which features a get may; none where gets show the same at all times."""
        ...

    def next_edge(self, after: datetime) -> datetime | None:
        """When one of them may next, at the earliest; None: not within a month."""
        ...


class Policies(Protocol):
    """What answers requests; `policy.deciding.policy_set.PolicySet` does."""

    @property
    def pinned(self) -> "Policies":
        """What decides now; whatever is loaded meanwhile, it decides alike for ever."""
        ...

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

    @property
    def reads_counts(self) -> bool:
        """Whether a rule reads how many members of a group have a feature off or on."""
        ...

    def members_of(self, domain: str, group: str) -> tuple[str, ...]:
        """The users of a domain in a group, sorted; the same tuple until that may differ."""
        ...

    def target_of(self, presentity: Aor, text: str) -> str:
        """One name for a forward target, however a phone in the presentity's domain writes it."""
        ...

    @property
    def timing(self) -> Timing:
        """What gets show otherwise as time passes."""
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
    ) -> Gets:
        """What `decide` says to gets; the same object may be given again.

        An operator is told of all of them; a phone of those that it may know, at least one.
        """
        ...


class Store(Protocol):
    """Keeps one `Snapshot` per presentity.

    Commits are settled in the order in which they were asked for. What was settled as STORED is
    there after a kill -9. All calls, and the calls of `settle`, are made on one thread.
    """

    def known(self, presentity: Aor) -> Snapshot | None:
        """What is stored (settled commits only), `NOTHING_STORED` when there is nothing.

        None when that is not known: ask `fetch`, then again.
        """
        ...

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """Make presentities known, from the engine even if they were; `done` is called before this
        returns, or later. Its error is `store_unavailable`.
        """
        ...

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        """Store all that is wanted, or nothing.

        The changes are stored if what is stored for each of their presentities has the revision of
        `before`, what was `seen` still holds, and `visit` is newer than what is stored of its
        subscription. `settle` is called once: before this returns, or later.

        A commit may build on one that is not settled yet. Its `before` is then the `after` of that
        one; if that one is not stored, this is a CONFLICT, even if another server has stored the
        same revision.
        """
        ...

    def close(self) -> Awaitable[None] | None:
        """Settle what is still under way, then let go of files, threads and connections; awaited
        where the store is elsewhere.
        """
        ...


class Dialogs(Protocol):
    """Keeps subscriptions over restarts; the stores that last do.

    What is written behind is durable within a second; what was committed with a `Wanted`, when that
    is settled.
    """

    @property
    def term(self) -> int:
        """Which life of the server this is: higher than that of any before."""
        ...

    @property
    def are_shared(self) -> bool:
        """Whether other nodes have dialogs, too: one that is not known here may be theirs."""
        ...

    def number(self) -> int:
        """The number of a new row: higher than that of any before."""
        ...

    def write(
        self, rows: Sequence[DialogRow], gone: Sequence[int], done: Callable[[bool], None]
    ) -> None:
        """Store rows anew, and remove others by their numbers; later than now.

        Args:
            rows: what is stored of each replaces what was; None leaves a message as it was. One
                whose first message is None is stored only if it is there: what made it may have
                failed.
            gone: numbers of rows to remove.
            done: told whether it was stored.
        """
        ...

    def adopt(self, tag: bytes, cseq: int, done: Adopting, *, is_back: bool = False) -> None:
        """Make the dialog with this tag of ours this node's, unless its phone has spoken to another
        one since; later than now.

        The row that `done` is told has a new number. Only where dialogs are shared.

        Args:
            tag: ours in the dialog.
            cseq: CSeq of the last SUBSCRIBE in it that came here. Another node keeps the dialog
                where a later one is known.
            done: told what came of it.
            is_back: that SUBSCRIBE was answered here, so another node that has had it, too, keeps
                the dialog.
        """
        ...

    def read(self, before: int, at_most: int) -> list[DialogRow]:
        """Rows with numbers below `before`, the highest first; empty when there are no more.

        Raises:
            StoreError: they cannot be read (`store_unavailable`).
        """
        ...
