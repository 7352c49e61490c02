"""The table of operations: what can be asked of `/v1`, by whom, and what comes back.

Router, validation, the OpenAPI document and the reference page are made from it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

import orjson

from dfks_rules.operations.ports import Operations
from dfks_rules.phrases.german import ENGLISH, to_json
from dfks_rules.web.audience import Listening, Present
from dfks_rules.web.bodies import BodyStream
from dfks_rules.web.caller import Caller, Scope
from dfks_rules.web.tokens import Known

SMALL = 64 * 1024
"""Bytes of JSON that take well under a millisecond, whatever is in them."""
Schema = Mapping[str, Any]
"""A JSON Schema (2020-12), as OpenAPI 3.1 has it."""

JSON = "application/json"


class Where(Enum):
    """Where a parameter is."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"


class Parameter(NamedTuple):
    """One parameter of an operation."""

    name: str
    where: Where
    description: str
    schema: Schema
    take: Callable[[str], Any]
    """The value for the operation; raises ValueError with the reason. It takes what fits the
    schema."""
    kind: str = "bad-parameter"
    """Which problem it is if it cannot be taken."""


class Reply(NamedTuple):
    """One way in which an operation answers."""

    status: int
    description: str
    schema: Schema | None = None
    """Of the body; None: there is none, or it is no JSON."""
    types: tuple[str, ...] = (JSON,)
    """Content types of the body."""
    headers: tuple[str, ...] = ()
    """Names of headers that say something."""


class Body(NamedTuple):
    """What a request carries."""

    schema: Schema | None
    """What JSON must fit; None: the operation reads the body by itself."""
    types: tuple[str, ...] = (JSON,)
    is_needed: bool = True
    """Whether a request without one is wrong."""
    most: int = SMALL
    """Bytes that it may have."""


class Door(NamedTuple):
    """What an operation may know of the door that a request came through."""

    needs_token: bool
    is_secure: bool
    """Whether the browser came by HTTPS, also where a proxy ends it."""
    knows: Callable[[str], bool]
    """Whether somebody uses this token."""
    listeners: Callable[[], list[Present]]
    """Who listens to events, and who did until lately."""
    tokens: Callable[[], list[Known]]
    """All tokens; none where none is needed."""


class Call(NamedTuple):
    """One request, checked."""

    given: Mapping[str, Any]
    """Parameters by name; those that were not given are missing."""
    body: Any
    """The JSON of the body; None when there is none, or the operation reads it."""
    caller: Caller
    operations: Operations
    accept: str
    """The Accept header; empty when there is none."""
    stream: BodyStream
    """The body, where the operation reads it."""
    content_type: str
    """Of the body."""
    door: Door
    language: str = ENGLISH
    """In which the client reads what is meant for people; one of `LANGUAGES`."""


class Answer(NamedTuple):
    """What an operation answers."""

    body: Any = None
    """A JSON value, or bytes; None: nothing."""
    status: int = 200
    headers: Mapping[str, str] = {}


class Streamed(NamedTuple):
    """What an operation answers piece by piece, for as long as the client listens."""

    pieces: AsyncIterator[bytes]
    content_type: str
    headers: Mapping[str, str] = {}
    is_endless: bool = False
    """Whether only the client ends it; it ends at once when the server stops."""
    listening: Listening | None = None
    """Who is told of events by it; None: they are no events."""


class Operation(NamedTuple):
    """One operation."""

    name: str
    """Its `operationId`, camelCase."""
    method: str
    """`GET`, `PUT`, …"""
    path: str
    """As OpenAPI writes it: `/v1/presentities/{aor}`."""
    scope: Scope | None
    """What a token needs; None: no token is needed."""
    summary: str
    """One sentence."""
    run: Callable[[Call], Awaitable[Answer | Streamed]]
    """Does it; may raise Problem or DfksError."""
    replies: tuple[Reply, ...]
    """How it answers when it succeeds."""
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    problems: tuple[str, ...] = ()
    """Kinds of failure that it has beside those that all have."""
    description: str = ""
    """More than the summary says."""
    follows: Mapping[str, tuple[str, Mapping[str, str]]] = {}
    """Links: name → the operation that goes on from the answer, and its parameters as runtime
    expressions of OpenAPI."""

    @property
    def streams(self) -> bool:
        """Whether it answers for as long as the client listens."""
        return any("text/event-stream" in reply.types for reply in self.replies)

    @property
    def is_question(self) -> bool:
        """Whether the worker answers it: nobody else wants the answer, and nothing is changed."""
        return self.method == "POST" and self.scope is Scope.POLICIES_READ

    @property
    def tag(self) -> str:
        """The group that it is shown in."""
        return self.path.split("/")[2] if self.path.startswith("/v1/") else "server"


def made(told: bytes, call: Call) -> Answer:
    """What the worker has made for this call."""
    return Answer(told, headers={"Content-Type": JSON, "Content-Language": call.language})


def json_line(value: Any, language: str = ENGLISH) -> bytes:
    """JSON as a line of its own: people read it in terminals, too."""
    return to_json(value, language, option=orjson.OPT_APPEND_NEWLINE)
