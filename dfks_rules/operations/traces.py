"""What an operator can see of the SIP of one user: traces."""

from collections.abc import AsyncIterator
from enum import Enum
from typing import NamedTuple, Protocol

from dfks_rules.model.identity import Aor

MAX_TRACES = 16
"""Most traces that are kept."""
MAX_TRACES_OF_TOKEN = 8
"""Most that run for one token: others find room."""


class TraceForm(Enum):
    """As what a trace is sent; the value is its content type."""

    EVENTS = "text/event-stream"
    """Server-sent events with JSON."""
    TEXT = "text/plain"
    """A ladder for the terminal."""
    PCAPNG = "application/x-pcapng"
    """A file for Wireshark."""

    __hash__ = object.__hash__


class TraceRequest(NamedTuple):
    """What somebody wants to see."""

    user: Aor
    """As presentity or as watcher."""
    seconds: float
    """For how long from now; 0 for what is kept."""
    form: TraceForm
    after: int = 0
    """Number of the last entry that is known; 0 for none."""
    domains: frozenset[str] | None = None
    """Only what is between users of these; None for all."""
    actor: str = ""
    """Name of the token; empty where there are none."""


class TraceOperations(Protocol):
    """Traces of a server."""

    def trace(self, request: TraceRequest) -> AsyncIterator[bytes] | None:
        """What is kept of a user, and what passes from now on, until the time is over.

        Returns:
            Pieces of it; None when too many users are traced.
        """
