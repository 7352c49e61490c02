"""What a bridge asks of a switch."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from dfks_rules.bridges.states import CallState
from dfks_rules.errors import DfksError
from dfks_rules.model.features import Feature


class SwitchLostError(DfksError):
    """The switch cannot be asked now; later, it may."""

    def __init__(self, message: str) -> None:
        super().__init__("switch_lost", message)


class SwitchRefusedError(DfksError):
    """The switch does not do one thing; others it may."""

    def __init__(self, message: str) -> None:
        super().__init__("switch_refused", message)


class Kept(NamedTuple):
    """What a switch keeps for one extension."""

    states: Mapping[Feature, CallState]
    """One for each of `states.FEATURES`."""
    changed_at: float = 0.0
    """When that last changed, as Unix time; 0 where the switch does not say."""


class Switch(Protocol):
    """A switch. Whatever fails for a while raises `SwitchLostError`.

    It is made with two functions, which it calls when it hears that an extension has changed, and
    when it is lost.
    """

    async def connect(self) -> None:
        """Connect anew; an old connection is closed."""
        ...

    async def read(self, extension: str) -> Kept | None:
        """What it keeps for one extension; None: it does not have it."""
        ...

    async def read_all(self) -> Mapping[str, Kept]:
        """What it keeps for every extension."""
        ...

    async def write(self, extension: str, feature: Feature, state: CallState) -> None:
        """Keep another state; idempotent.

        Raises:
            SwitchRefusedError: it does not.
        """
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...
