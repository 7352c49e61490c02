"""Webhooks: who is told of changes by HTTP, what is stored of it, what operators do with it."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.operations.events import GAP, Event

MOST_BY_HAND = 4
"""Events that may be sent by hand at the same time to the endpoints of one token."""
LANES = 8
"""Each endpoint is told in so many lanes; the changes of one presentity are all in one of them."""
MOST_ENDPOINTS = 64
MOST_ENDPOINTS_OF_TOKEN = 32
"""The same of one token: others find room."""
MOST_DEAD = 1_000
"""Dead letters that are kept for an endpoint; the oldest go."""


class Endpoint(NamedTuple):
    """Somebody who is told."""

    id: str
    url: str
    secret: str
    """What signs, as Standard Webhooks writes it: `whsec_…`."""
    types: frozenset[str]
    """Which events he is told of; of a gap he is told besides."""
    actor: str
    """Whose token has made him."""
    created: float
    """When, seconds since 1970."""
    domains: frozenset[str] | None = None
    """Whose presentities he is told of; None: all."""
    is_coalescing: bool = False
    """Whether he is told only the newest of each presentity, where he is behind."""
    off: str | None = None
    """Why he is told nothing; None: he is."""
    old_secret: str | None = None
    """What signs as well, while the secret is being replaced."""
    old_until: float = 0.0
    """How long it does, seconds since 1970."""

    def wants(self, type_: str, presentity: Aor | None) -> bool:
        """Whether he is told of an event of this type, about somebody or (None) about all."""
        if type_ == GAP:
            return True
        if type_ not in self.types:
            return False
        if self.domains is None:
            return True
        return presentity is not None and presentity.domain in self.domains

    def secrets(self, now: float) -> tuple[str, ...]:
        """What signs now, seconds since 1970."""
        if self.old_secret is None or now >= self.old_until:
            return (self.secret,)
        return self.secret, self.old_secret


class Cursor(NamedTuple):
    """How far a lane has come."""

    endpoint: str
    lane: int
    seq: int
    """Number of a change: of this lane, everything up to it is done."""
    tries: int = 0
    """How often the next event has failed."""
    waited: float = 0.0
    """How long it has waited in between, s."""


class DeadLetter(NamedTuple):
    """An event that was given up."""

    number: int
    """Rises with each."""
    endpoint: str
    event: str
    """Its id."""
    type: str
    presentity: Aor | None
    at: float
    """When it was given up, seconds since 1970."""
    tries: int
    reason: str
    """Why the last try failed."""
    body: bytes


class Writes(NamedTuple):
    """What is stored together."""

    endpoints: Sequence[Endpoint] = ()
    removed: Sequence[str] = ()
    """Ids of endpoints, with all that is theirs."""
    cursors: Sequence[Cursor] = ()
    dead: Sequence[DeadLetter] = ()
    buried: Sequence[int] = ()
    """Numbers of dead letters that are no more."""


class KeptEvent(NamedTuple):
    """An event that is in no journal, kept until webhooks were told of it."""

    event: Event
    """Its `seq` is in one order with the changes in the journal."""
    id: str
    """Its name, wherever and however often it is sent."""
    at: float
    """When it happened, seconds since 1970."""


class WebhookStore(Protocol):
    """Keeps what has to outlive the server. What reads may raise StoreError."""

    def endpoints(self) -> list[Endpoint]:
        """All of them, the oldest first."""
        ...

    def cursors(self) -> list[Cursor]:
        """How far they have come."""
        ...

    def dead_counts(self) -> dict[str, int]:
        """Endpoint → number of its dead letters."""
        ...

    def last_dead(self) -> int:
        """The highest number of a dead letter; 0: there is none."""
        ...

    async def dead(self, endpoint: str, before: int, at_most: int) -> list[DeadLetter]:
        """Dead letters with lower numbers than `before`, the newest first."""
        ...

    def write(self, writes: Writes, done: Callable[[StoreError | None], None]) -> None:
        """Store all of it, or nothing; `done` is told on the loop."""
        ...


class Result(Enum):
    """What came of a try."""

    DELIVERED = "delivered"
    GONE = "gone"
    """410: he wants nothing any more."""
    LIMITED = "limited"
    """429, or another failure with Retry-After."""
    REFUSED = "refused"
    """Another answer than 2xx; also a redirect, which is not followed."""
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    FORBIDDEN = "forbidden"
    """The address is none that may be asked."""
    MALFORMED = "malformed"
    """What came back is not HTTP."""

    __hash__ = object.__hash__


class Tried(NamedTuple):
    """One try, and what came of it."""

    result: Result
    detail: str
    """For people."""
    status: int = 0
    """Of the answer; 0: there was none."""
    retry_after: float | None = None
    """What the answer asked for, s."""
    took: float = 0.0
    """How long, s."""


class EndpointRow(NamedTuple):
    """An endpoint, and how it fares."""

    endpoint: Endpoint
    lag: float
    """Age of the oldest event that it has not been told, s; 0: there is none."""
    failing: int
    """Lanes whose next event has failed."""
    dead: int
    """Dead letters."""
    results: dict[Result, int]
    """What came of tries since the server started."""


class NewEndpoint(NamedTuple):
    """What an operator says of a new endpoint."""

    url: str
    types: frozenset[str]
    actor: str
    domains: frozenset[str] | None
    is_coalescing: bool


class Webhooks(Protocol):
    """What an operator can do with webhooks. An id that is not there raises KeyError."""

    def rows(self) -> list[EndpointRow]:
        """All endpoints, the oldest first."""
        ...

    def row(self, endpoint: str) -> EndpointRow:
        """One of them."""
        ...

    def check_url(self, url: str) -> None:
        """Raise unless events may be sent there.

        Raises:
            ValueError: why not.
        """
        ...

    async def add(self, new: NewEndpoint, most_of_actor: int = MOST_ENDPOINTS) -> EndpointRow:
        """Tell somebody of what happens from now on.

        Raises:
            OverflowError: there are as many as there may be, of all or of this actor.
            StoreError: it is not stored.
        """
        ...

    async def change(self, endpoint: str, edit: Callable[[Endpoint], Endpoint]) -> EndpointRow:
        """Replace what is known of an endpoint; what waits for him is tried at once."""
        ...

    async def rotate(self, endpoint: str) -> EndpointRow:
        """Give an endpoint a new secret; for a day the old one signs as well."""
        ...

    async def remove(self, endpoint: str) -> None:
        """Tell him nothing any more, and forget what he was not told."""
        ...

    async def test(self, endpoint: str) -> Tried:
        """Send a test event, once.

        Raises:
            OverflowError: much is sent by hand to endpoints of the same token.
        """
        ...

    async def dead(self, endpoint: str, before: int, at_most: int) -> list[DeadLetter]:
        """Dead letters with lower numbers than `before`, the newest first."""
        ...

    async def retry(self, endpoint: str, number: int) -> Tried:
        """Send a dead letter again, once; it is one no more if it arrives.

        Raises:
            OverflowError: as `test`.
        """
        ...
