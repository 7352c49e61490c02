"""Imports: many features set from a file, each through the policies."""

from collections.abc import AsyncIterator, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol

from dfks_rules.operations.rows import Format
from dfks_rules.operations.times import time_told

PARAM = "import"
"""The fact `param` of every set of an import."""
MAX_SIZE = 64 * 1024 * 1024
"""Longest file, bytes."""
MAX_UNFINISHED = 8
"""Most imports that wait or run: their files are kept on disk."""
MAX_UNFINISHED_OF_TOKEN = 4
"""Most of these of one token: others find room."""
MAX_REFUSALS = 10_000
"""Most refusals of one import that are kept; all are counted."""


class Status(Enum):
    """How far an import is."""

    WAITING = "waiting"
    """Others are before it."""
    RUNNING = "running"
    DONE = "done"
    """Every row was decided."""
    CANCELLED = "cancelled"
    FAILED = "failed"
    """It cannot go on."""

    __hash__ = object.__hash__

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self not in (Status.WAITING, Status.RUNNING)


class TooManyError(Exception):
    """As many imports as may wait do, of all or of this token."""


class Wanted(NamedTuple):
    """What is to be imported, and for whom."""

    format: Format
    is_dry: bool
    """Whether it is only decided what would come of it."""
    actor: str
    domains: frozenset[str] | None
    """Whose presentities the caller sees; None: all."""
    has_share: bool = False
    """Whether others have other tokens, and need room."""


class Job(NamedTuple):
    """An import."""

    id: str
    format: Format
    is_dry: bool
    actor: str
    domains: frozenset[str] | None
    size: int
    """Of the file, bytes."""
    sha256: str
    """Of the file, hexadecimal."""
    begun_at: float
    """When it was asked for, seconds since 1970."""
    status: Status = Status.WAITING
    position: int = 0
    """Bytes of the file that are done."""
    rows: int = 0
    """Rows that are done."""
    changed: int = 0
    """Sets that changed something, or would."""
    unchanged: int = 0
    """Sets of what held already."""
    refused: int = 0
    """Sets that a policy refused, or would."""
    unusable: int = 0
    """Rows that say nothing that can be set."""
    ended_at: float | None = None
    why: str = ""
    """Why it failed."""


class Refusal(NamedTuple):
    """A set that came to nothing, or a row that says none."""

    row: int
    """Number of the row; the first after a header is 1."""
    part: int
    """Position among the sets of the row."""
    presentity: str
    """URI; empty where the row names none."""
    feature: str
    """Empty where the row cannot be used."""
    reason: str
    """Of the policy; `unusable` where the row cannot be used."""
    rule: str
    text: str
    decision: str


UNUSABLE = "unusable"


class Imports(Protocol):
    """The imports of a server."""

    async def jobs(self) -> Sequence[Job]:
        """Those of the last time, the newest first.

        Raises:
            StoreError: nodes share them, and they cannot be read.
        """
        ...

    async def receive(self, wanted: Wanted, pieces: AsyncIterator[bytes]) -> Job:
        """Take a file, and begin to import it.

        Raises:
            TooManyError: too many wait already.
            ValueError: it cannot be used, and why.
            StoreError: it cannot be kept (`store_no_journal`: nothing is).
        """
        ...

    async def refusals(self, job: str, after: tuple[int, int], at_most: int) -> Sequence[Refusal]:
        """Those of an import, by row and part, that follow one.

        Raises:
            StoreError: they cannot be read.
        """
        ...

    async def cancel(self, job: str) -> Job:
        """Do no more rows; what is done stays. One that is over stays as it is.

        Raises:
            StoreError: it cannot be noted.
        """
        ...


def may_see(job: Job, domains: frozenset[str] | None) -> bool:
    """Whether a job is there for somebody who sees these domains; None: all."""
    return domains is None or (job.domains is not None and job.domains <= domains)


def job_told(job: Job) -> dict[str, Any]:
    """An import as JSON."""
    return {
        "id": job.id,
        "status": job.status.value,
        "format": job.format.value,
        "dryRun": job.is_dry,
        "actor": job.actor,
        "begunAt": time_told(job.begun_at),
        "endedAt": None if job.ended_at is None else time_told(job.ended_at),
        "sha256": job.sha256,
        "size": job.size,
        "position": job.position,
        "rows": job.rows,
        "changed": job.changed,
        "unchanged": job.unchanged,
        "refused": job.refused,
        "unusable": job.unusable,
        "why": job.why or None,
    }


def refusal_told(refusal: Refusal) -> dict[str, Any]:
    """A refusal as JSON."""
    return {
        "row": refusal.row,
        "presentity": refusal.presentity or None,
        "feature": refusal.feature or None,
        "reason": refusal.reason,
        "rule": refusal.rule or None,
        "text": refusal.text or None,
        "decision": refusal.decision or None,
    }
