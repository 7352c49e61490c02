"""What passes each test, in forms that proofs compute with.

The outcome of a test is always what `Matcher.holds` says. A form tells where to look for values on
both sides of it, and so has to be exact. A matcher without a row is opaque: nothing is proved of
policies that use it.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.patterns import MAX_SUBJECT, Parsed, parse, parse_glob
from dfks_rules.policy.language.schedules import Schedule


class OneOf(NamedTuple):
    """These values and no others."""

    values: frozenset[FactValue]
    """At least one."""


class Bounded(NamedTuple):
    """Values on one side of a bound: all those between two bounds behave alike."""

    bounds: tuple[FactValue, ...]
    """A bound itself may behave like neither of its neighbours."""


class Numbered(NamedTuple):
    """Whole numbers, and texts that are such a number, without a needless 0."""

    lowest: int
    """0 or more."""
    highest: int
    """Inclusive."""


class Place(Enum):
    """Where in a text something stands."""

    START = "start"
    ANYWHERE = "anywhere"
    END = "end"


class Holding(NamedTuple):
    """Texts that have one of these in a certain place."""

    texts: tuple[str, ...]
    """At least one."""
    place: Place
    """Where."""


class Matching(NamedTuple):
    """Texts that match one of these patterns as a whole."""

    patterns: tuple[tuple[str, Parsed], ...]
    """Each as it is written, and its parts."""
    longest: int | None = None
    """Texts with more characters match none; None: there is no such limit."""


class Within(NamedTuple):
    """Addresses in one of these networks; those of IPv4 may be written as IPv6."""

    networks: tuple[Any, ...]
    """Of `ipaddress`."""


class During(NamedTuple):
    """Moments within a schedule."""

    schedule: Schedule
    """The schedule."""


class Present(NamedTuple):
    """Every value."""


Language = OneOf | Bounded | Numbered | Holding | Matching | Within | During | Present


def language_of(atom: Atom) -> Language | None:
    """What passes a test; None when that is not known, or not decided by one fact."""
    row = _LANGUAGES.get(atom.matcher)
    return None if row is None or len(atom.facts) > 1 else row(atom.operand)


def _entries(operand: Any) -> Any:
    """The constants of an operand that may be a list with a name."""
    return operand.entries if isinstance(operand, NamedList) else operand


def _bounded(operand: Any) -> Language:
    return Bounded((operand,))


def _holding(place: Place) -> Callable[[Any], Language]:
    return lambda texts: Holding(tuple(_entries(texts)), place)


def _globs(operand: Any) -> Language:
    return Matching(tuple((name, parse_glob(pattern)) for name, pattern in operand))


def _regexes(operand: Any) -> Language:
    return Matching(tuple((name, parse(name)) for name, _ in operand), MAX_SUBJECT)


_LANGUAGES: dict[str, Callable[[Any], Language]] = {
    "eq": lambda constant: OneOf(frozenset({constant})),
    "in": lambda constants: OneOf(frozenset(_entries(constants))),
    "lt": _bounded,
    "le": _bounded,
    "gt": _bounded,
    "ge": _bounded,
    "between": lambda bounds: Numbered(*bounds),
    "exists": lambda _: Present(),
    "has": _holding(Place.ANYWHERE),
    "prefix": _holding(Place.START),
    "suffix": _holding(Place.END),
    "glob": _globs,
    "regex": _regexes,
    "cidr": lambda networks: Within(tuple(network for _, network in networks)),
    "during": lambda named: During(named.value),
}
"""Matcher → what passes it with one operand; negated matchers are no tests of their own."""
