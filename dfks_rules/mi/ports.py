"""What the methods need from the rest of the server, as a role."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from dfks_rules.model.decisions import Outcome
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked


class SubscriptionRow(NamedTuple):
    """One subscription, as operators see it."""

    presentity: str
    """URI of the user whose features are watched."""
    watcher: str
    """URI of the watcher."""
    call_id: str
    """Call-ID of its dialog."""
    expires: int
    """Seconds left."""
    contact: str
    """Where NOTIFYs go."""
    event: str
    """The event package."""
    transport: str
    """`udp`, `tcp` or `tls`."""


class PolicyRow(NamedTuple):
    """One policy in force."""

    file: str
    """Path of its file."""
    policy: str
    """Its name."""
    rules: int
    """How many rules it has."""


class RevisionRow(NamedTuple):
    """One revision that decided, and can again."""

    revision: str
    """Content hash."""
    since: str
    """When it began to decide, ISO 8601."""
    origin: str
    """Where it came from: `files`, `rollback` or `last good`."""


class FailureRow(NamedTuple):
    """Policies that were not taken."""

    at: str
    """When, ISO 8601."""
    trigger: str
    """What asked for it: `start`, `change`, `signal` or `operator`."""
    findings: tuple[str, ...]
    """Why, one line each."""


class ShadowRow(NamedTuple):
    """A candidate beside the policies in force, and how it compares."""

    path: str
    """Where it was read."""
    revision: str
    """Content hash."""
    since: str
    """Since when it is compared with the policies in force now, ISO 8601."""
    same: Mapping[str, int]
    """`set DoNotDisturb` and the like → decisions that come to the same."""
    different: Mapping[str, int]
    """Likewise → decisions that do not."""
    failures: int
    """How often it raised an error."""
    samples: tuple[Mapping[str, Any], ...]
    """The newest differences: `given`, `active`, `shadow`."""


class PolicyListing(NamedTuple):
    """The policies in force."""

    revision: str
    """Content hash of them all."""
    policies: tuple[PolicyRow, ...]
    """In order of precedence."""
    since: str = ""
    """When they began to decide, ISO 8601."""
    origin: str = ""
    """Where they came from: `files`, `rollback` or `last good`."""
    history: tuple[RevisionRow, ...] = ()
    """What can be rolled back to, and they themselves, oldest first."""
    failure: FailureRow | None = None
    """Why what was asked for last was not taken; None once something was."""
    shadow: ShadowRow | None = None
    """The candidate that is compared with them."""


class Activation(NamedTuple):
    """What came of a reload or rollback that went well."""

    revision: str
    """What decides now."""
    changed: bool
    """False when it decided before."""


class PolicyDesk(Protocol):
    """What an operator can do with the policies of a running server."""

    def listing(self) -> PolicyListing:
        """The policies in force, and what else is known of them."""
        ...

    async def reload(self, trigger: str) -> Activation:
        """Read the files again.

        Raises:
            PolicyError: they cannot be used; the old policies decide.
        """
        ...

    async def rollback(self, revision: str | None) -> Activation:
        """Bring a kept revision back; the one before when None.

        Raises:
            DfksError: none such is kept (`policy_no_revision`).
            PolicyError: it cannot be used any more.
        """
        ...

    async def start_shadow(self, path: str) -> ShadowRow:
        """Compare the policies in a folder with those in force from now on.

        Raises:
            PolicyError: they cannot be used.
        """
        ...

    async def stop_shadow(self) -> None:
        """Compare no more."""
        ...


class Operations(Protocol):
    """What an operator can ask of the server. All calls are made on the event loop's thread."""

    async def set_feature(self, presentity: Aor, asked: Asked, param: str | None) -> Outcome:
        """Set one feature as an operator; done when it is committed.

        Args:
            presentity: whose feature.
            asked: the feature and the state asked for.
            param: the route parameter, told to the policies.

        Raises:
            StoreError: nothing was changed.
        """
        ...

    async def get_features(self, presentity: Aor) -> tuple[Outcome, ...]:
        """What an operator is told of each of `FEATURES`, in that order.

        Raises:
            StoreError: the states cannot be read.
        """
        ...

    def subscriptions(self) -> Iterable[SubscriptionRow]:
        """Every live subscription."""
        ...

    def refresh_watchers(self, presentity: Aor) -> int:
        """Send the full state to each watcher; how many there are."""
        ...

    @property
    def policies(self) -> PolicyDesk:
        """The policies of the server."""
        ...

    def latest_decisions(self, presentity: Aor | None) -> Iterable[Mapping[str, Any]]:
        """Records of the last decisions (about one presentity, or all), the newest first."""
        ...

    def explain_decisions(self, which: Aor | str) -> Sequence[Mapping[str, Any]]:
        """Why decisions came out as they did.

        Args:
            which: the id of one, or the presentity whose last ones are meant.

        Returns:
            For each `record`, `explanation` and `text`; empty when there is none.
        """
        ...

    def statistics(self) -> Mapping[str, int]:
        """`group:name` → value, since the start."""
        ...

    def uptime(self) -> float:
        """Seconds since the start."""
        ...

    def log_level(self) -> str:
        """The least level that is logged: `debug`, `info`, `warning` or `error`."""
        ...

    def set_log_level(self, level: str) -> None:
        """Log from this level on: `debug`, `info`, `warning` or `error`."""
        ...
