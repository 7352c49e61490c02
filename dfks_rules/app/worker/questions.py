"""What the worker is asked, and how that crosses the pipes.

A question is a frame with a pickled tuple, an answer a frame with a kind and JSON, which is handed
on as it is: to make objects of it would hold the event loop.
"""

import pickle
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import IO, Any, ClassVar

from dfks_rules.app.desk.leaving import files_from, pieces_of
from dfks_rules.app.desk.policies import PolicyFiles

PLAYGROUND = 2.0
"""Seconds for what somebody waits for while he types."""
WHOLE = 60.0
"""Seconds for what goes through a whole set of policies."""
LENGTH = struct.Struct("!I")
"""How long the rest of a frame is."""
MAX_ANSWER = 64 * 1024 * 1024
"""Longest answer, bytes."""
NO_FILES = PolicyFiles((), ())

Of = str | PolicyFiles
"""Policies: a revision that the worker was told, or the files themselves."""


class Kind(Enum):
    """What an answer is; the value is its first byte."""

    READY = b"r"
    """The process can be asked."""
    DONE = b"d"
    """JSON of what was asked for."""
    FINDINGS = b"f"
    """JSON list of findings: the policies cannot be used."""
    FACTS = b"g"
    """JSON list of findings: the facts are not those of a request."""
    UNKNOWN = b"u"
    """Text: this revision was not told, or is forgotten."""
    FAILED = b"x"
    """Text: what was raised."""


@dataclass(frozen=True, slots=True)
class Know:
    """Remember the files of a revision."""

    revision: str
    files: PolicyFiles
    limit: ClassVar[float] = WHOLE


@dataclass(frozen=True, slots=True)
class Explain:
    """Why a decision came out as it did."""

    of: Of
    given: Mapping[str, Any]
    """The facts of its record."""
    is_all: bool
    """Whether rules about other requests are told of, too."""
    limit: ClassVar[float] = PLAYGROUND


@dataclass(frozen=True, slots=True)
class Evaluate:
    """What policies decide about facts, and why."""

    of: Of
    facts: str
    """A mapping as text, as cases have it under `given`."""
    limit: ClassVar[float] = PLAYGROUND


@dataclass(frozen=True, slots=True)
class Check:
    """Every finding about files, cases included."""

    of: Of
    limit: ClassVar[float] = PLAYGROUND


@dataclass(frozen=True, slots=True)
class CheckAll:
    """Every finding about all that a server has read."""

    of: Of
    limit: ClassVar[float] = WHOLE


@dataclass(frozen=True, slots=True)
class RunCases:
    """Whether cases pass, and what they cover."""

    of: Of
    limit: ClassVar[float] = WHOLE


@dataclass(frozen=True, slots=True)
class Prove:
    """What becomes of proofs."""

    of: Of
    limit: ClassVar[float] = WHOLE


@dataclass(frozen=True, slots=True)
class Diff:
    """What two sets of policies decide differently."""

    old: Of
    new: Of
    limit: ClassVar[float] = WHOLE


@dataclass(frozen=True, slots=True)
class Weigh:
    """How many values there are in JSON, at any depth."""

    text: bytes
    limit: ClassVar[float] = PLAYGROUND


@dataclass(frozen=True, slots=True)
class Spoken:
    """A question whose answer somebody reads in another language than English."""

    question: "Question"
    language: str
    """One of `LANGUAGES`."""

    @property
    def limit(self) -> float:
        """Seconds that the answer may take."""
        return self.question.limit


Question = Know | Explain | Evaluate | Check | CheckAll | RunCases | Prove | Diff | Weigh | Spoken


def frame(data: bytes) -> bytes:
    """Data with its length before it."""
    return LENGTH.pack(len(data)) + data


def asked(question: Question) -> Iterator[bytes]:
    """A question in pieces: its frame; after that of `Know`, which has none, the files."""
    if isinstance(question, Know):
        yield frame(_pickled(Know(question.revision, NO_FILES)))
        yield from pieces_of(question.files)
    else:
        yield frame(_pickled(question))


def read_question(stream: IO[bytes]) -> Question | None:
    """The next question in a stream; None at its end."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    question: Question = pickle.loads(stream.read(*LENGTH.unpack(head)))  # noqa: S301 - the server's
    return Know(question.revision, files_from(stream)) if isinstance(question, Know) else question


def _pickled(question: Question) -> bytes:
    return pickle.dumps(question, pickle.HIGHEST_PROTOCOL)
