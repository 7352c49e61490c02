"""What an operator sees of policies, and what he can do with them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from dfks_rules.operations.studies import Text


class PolicyRow(NamedTuple):
    """One policy in force."""

    file: str
    """Path of its file."""
    policy: str
    """Its name."""
    rules: int
    """Number of its rules."""


class HoursRow(NamedTuple):
    """Hours that a schedule has in a week."""

    day: int
    """On which they begin; Monday is 0."""
    start: int
    """First minute, counted from midnight: 0..1439."""
    end: int
    """First minute after the end; over 1440 when it is on the next day."""
    weeks: str
    """`every`, `even` or `odd`."""


class ScheduleRow(NamedTuple):
    """A schedule that a rule looks at."""

    name: str
    """As its file calls it."""
    zone: str | None
    """Time zone of the hours; None: the server's own."""
    hours: tuple[HoursRow, ...]
    """Those of a week, by day and start."""
    excepted: tuple[str, ...]
    """Days without them, as policies write them."""
    extra: tuple[str, ...]
    """Days with other hours, and these hours."""


class RuleRow(NamedTuple):
    """One rule in force."""

    rule: str
    """Its id, `policy/rule`."""
    title: str
    """The same for people: an Exception is called one."""
    file: str
    """Path of its file."""
    tenant: str | None
    """The only domain that it can affect; None: every domain."""
    shadow: bool
    """Whether it is matched, and decides nothing."""
    says: tuple[str, ...]
    """Fields that it decides, such as `deny` and `status`; `lifts` of an Exception."""
    schedules: tuple[ScheduleRow, ...]
    """Those that its conditions look at."""


class RevisionRow(NamedTuple):
    """One revision that has been in force and can be restored."""

    revision: str
    """Content hash."""
    since: str
    """When it took effect, ISO 8601."""
    origin: str
    """Where it came from: `files`, `rollback`, `rollout` or `last good`."""


class FailureRow(NamedTuple):
    """Policies that were rejected."""

    at: str
    """When, ISO 8601."""
    trigger: str
    """What triggered loading: `start`, `change`, `signal`, `operator` or `rollout`."""
    findings: tuple[str, ...]
    """Why, one line each."""


class ShadowRow(NamedTuple):
    """A candidate set of policies, and how it compares with the policies in force."""

    path: str
    """The path it was read from."""
    revision: str
    """Content hash."""
    since: str
    """When its comparison with the policies now in force began, ISO 8601."""
    same: Mapping[str, int]
    """Question, such as `set DoNotDisturb` → number of equal decisions."""
    different: Mapping[str, int]
    """Question → number of different decisions."""
    failures: int
    """Number of decisions in which it raised an error."""
    samples: tuple[Mapping[str, Any], ...]
    """The newest differences: `given`, `active`, `shadow`."""


class PolicyListing(NamedTuple):
    """The policies in force."""

    revision: str
    """Content hash of all of them."""
    policies: tuple[PolicyRow, ...]
    """In order of precedence."""
    since: str = ""
    """When they took effect, ISO 8601."""
    origin: str = ""
    """Where they came from: `files`, `rollback`, `rollout` or `last good`."""
    history: tuple[RevisionRow, ...] = ()
    """Revisions kept for rollback, including the one in force, oldest first."""
    failure: FailureRow | None = None
    """Why the last load was rejected; None after a successful one."""
    shadow: ShadowRow | None = None
    """The candidate compared with them; None when there is none."""


class FileRow(NamedTuple):
    """A file of a revision."""

    name: str
    """Path as it was read."""
    text: str
    """Its content."""
    tenant: str | None
    """The only domain that it can affect; None: every domain."""


class Activation(NamedTuple):
    """The result of a successful reload or rollback."""

    revision: str
    """The revision now in force."""
    changed: bool
    """False when it was already in force."""


class PolicyDesk(Protocol):
    """What an operator can do with the policies of a running server."""

    def listing(self) -> PolicyListing:
        """The policies in force, with their history, last failure and candidate."""
        ...

    async def reload(self, trigger: str) -> Activation:
        """Read the files again.

        Raises:
            PolicyError: they cannot be used; the old policies stay in force.
        """
        ...

    async def check(self) -> Activation:
        """What a reload would bring now; nothing changes.

        Raises:
            PolicyError: the files cannot be used.
        """
        ...

    async def rollback(self, revision: str | None) -> Activation:
        """Restore a kept revision; None restores the previous one.

        Raises:
            DfksError: no such revision is kept (`policy_no_revision`).
            PolicyError: it can no longer be used.
        """
        ...

    def files(self, revision: str) -> Sequence[FileRow]:
        """What a kept revision is made of, in order; cases come last.

        Raises:
            DfksError: no such revision is kept (`policy_no_revision`).
        """
        ...

    async def start_shadow(self, candidate: str | Sequence[Text]) -> ShadowRow:
        """Start comparing a candidate with the policies in force.

        Args:
            candidate: the path of a folder, or the texts of its files.

        Raises:
            PolicyError: they cannot be used.
        """
        ...

    async def stop_shadow(self) -> None:
        """Stop comparing."""
        ...
