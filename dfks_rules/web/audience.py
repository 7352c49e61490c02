"""Who listens to what happens, and who did until lately: where a bridge is silent, one looks here.

Programs that have gone are remembered until they are back; browsers come and go as people like. The
memory is bounded, and no token can have another's programs forgotten before its own.
"""

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from dfks_rules.web.caller import Caller

MOST_GONE = 100
"""Programs that are remembered after they have gone."""
MOST_GONE_OF_TOKEN = 10
"""The same, of one token."""
REMEMBERED = 7 * 86_400.0
"""Seconds for which one is."""
MOST_AGENT = 200
"""Characters of a User-Agent."""
_BROWSER = "Mozilla/"
_VERSION = re.compile(r"/\S*")
_Program = tuple[str, str, "Filter"]
"""Token, name and what was asked for: the same when it comes back, at another address, or in
another version, too."""


class Ending(Enum):
    """Why somebody listens no longer."""

    LEFT = "left"
    """He has closed the connection, or it broke."""
    STALLED = "stalled"
    """He read nothing of what he was sent."""
    TOKEN = "token"  # noqa: S105 - a word
    """His token is no longer valid, or may do something else."""
    FAILED = "failed"
    """The server had nothing more to tell, such as where its store fails."""


class Filter(NamedTuple):
    """Which events somebody has asked for; None: all."""

    types: frozenset[str] | None = None
    domain: str | None = None
    presentity: str | None = None
    """URI."""


class Listening:
    """What the operation knows of somebody who listens, and keeps up to date."""

    __slots__ = ("asked", "caller", "gaps", "place")

    def __init__(self, caller: Caller, asked: Filter) -> None:
        self.caller = caller
        self.asked = asked
        self.place = 0
        """Number of the newest change up to which he was sent all."""
        self.gaps = 0
        """How often he was told that events are lost."""


class Line(NamedTuple):
    """The connection of somebody who listens."""

    agent: str
    """His User-Agent."""
    address: str
    waiting: Callable[[], int]
    """Bytes that were sent and have not arrived."""


class Present(NamedTuple):
    """Somebody who listens, or who did."""

    listening: Listening
    agent: str
    address: str
    since: float
    """Seconds since 1970."""
    times: int
    """How often this program has come, as far as that is remembered."""
    waiting: Callable[[], int]
    program: _Program
    until: float | None = None
    """When he went, seconds since 1970; None: he is there."""
    ending: Ending | None = None


class Audience:
    """All of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Nobody listens.

        Args:
            now: seconds since 1970.
        """
        self._now = now
        self._there: dict[int, Present] = {}
        self._gone: dict[_Program, Present] = {}
        """In the order in which they went."""
        self._count = 0

    def come(self, listening: Listening, line: Line) -> int:
        """Somebody begins to listen; gives the number by which he goes."""
        agent = line.agent[:MOST_AGENT]
        program = listening.caller.name, _VERSION.sub("", agent), listening.asked
        before = self._gone.pop(program, None) or self._last(program)
        times = 1 if before is None else before.times + 1
        one = Present(listening, agent, line.address, self._now(), times, line.waiting, program)
        self._count += 1
        self._there[self._count] = one
        return self._count

    def go(self, number: int, ending: Ending) -> None:
        """Somebody listens no longer."""
        one = self._there.pop(number)
        # One whose connection broke unseen is often back before that is noticed.
        if one.agent.startswith(_BROWSER) or self._last(one.program) is not None:
            return
        # His connection is not held on to.
        left = one._replace(until=self._now(), ending=ending, waiting=_nothing)
        self._gone[one.program] = left
        name = one.listening.caller.name
        of_token = [key for key in self._gone if key[0] == name]
        if len(of_token) > MOST_GONE_OF_TOKEN:
            del self._gone[of_token[0]]
        elif len(self._gone) > MOST_GONE:
            del self._gone[next(iter(self._gone))]

    def _last(self, program: _Program) -> Present | None:
        """Who came last of those there that are the same program."""
        there = reversed(self._there.values())
        return next((one for one in there if one.program == program), None)

    def rows(self) -> list[Present]:
        """Who is there, the first to come first, and who is not, the last to go first."""
        oldest = self._now() - REMEMBERED
        gone = [one for one in self._gone.values() if one.until is not None and one.until > oldest]
        return [*self._there.values(), *reversed(gone)]


def _nothing() -> int:
    return 0
