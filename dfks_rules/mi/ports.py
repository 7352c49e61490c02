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
    """`udp` or `tcp`."""


class PolicyRow(NamedTuple):
    """One policy in force."""

    file: str
    """Path of its file."""
    policy: str
    """Its name."""
    rules: int
    """How many rules it has."""


class PolicyListing(NamedTuple):
    """The policies in force."""

    revision: str
    """Content hash of them all."""
    policies: tuple[PolicyRow, ...]
    """In order of precedence."""


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

    def policies(self) -> PolicyListing:
        """The policies in force."""
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
