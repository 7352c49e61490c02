"""What a fact is: its name, its type, and how its value is read."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.view import FactValue, View

NUMBERS_OF_TARGET = "target.numbers"
"""The fact with every number that a target can be read as."""
FactReader = Callable[[View], FactValue]
"""Reads the value of a fact."""
FactLookup = Callable[[str], FactValue]
"""Name of a fact → its value in the current request."""


class Kind(Enum):
    """The type of a fact: what its constants look like and which matchers it takes."""

    WORD = "word"
    """One of a closed set."""
    TEXT = "text"
    """Any text, at most 512 characters; case matters."""
    DOMAIN = "domain"
    """A host name or address, in lower case."""
    AOR = "address of record"
    """`sip:user@domain`, the domain in lower case."""
    STATUS = "status"
    """0 (off) or 1 (on)."""
    COUNT = "count"
    """A whole number."""
    IP = "ip address"
    """IPv4 or IPv6."""
    TIME = "time of day"
    """`HH:MM`, 00:00 to 23:59."""
    DATE = "date"
    """`YYYY-MM-DD`."""
    FLAG = "flag"
    """True or false."""
    NAMES = "names"
    """Any number of names."""
    NUMBERS = "numbers"
    """Any number of texts, of which one must pass a test."""
    CLASS = "class"
    """A class of numbers: one of a closed set, or one defined by an author."""
    COUNTRY = "country"
    """ISO 3166-1 alpha-2, in upper case."""
    MOMENT = "moment"
    """`YYYY-MM-DDTHH:MM±HH:MM`."""


def drop_sole_number(facts: dict[str, FactValue]) -> None:
    """Leave out the numbers of a target that is one number: `target.number` says it."""
    if facts.get(NUMBERS_OF_TARGET) == (facts.get("target.number"),):
        del facts[NUMBERS_OF_TARGET]


class Fact(NamedTuple):
    """One row of the table."""

    name: str
    """As policies write it."""
    kind: Kind
    """Its type."""
    operations: frozenset[Operation]
    """The operations that can have it; it is absent from the others."""
    description: str
    """One line for authors."""
    read: FactReader
    """Its value in one request."""
    words: tuple[str, ...] = ()
    """For a `WORD`: all its possible values."""
    derived: bool = False
    """Whether it is derived from other facts and files, so that `View.given` may override it."""


EVERY_OPERATION = frozenset(Operation)
ABOUT_A_FEATURE = frozenset({Operation.GET, Operation.SET})
ONLY_SETS = frozenset({Operation.SET})
