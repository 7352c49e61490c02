"""Finds, among many ways to match, the few that one other can imply or overlap with."""

from collections import defaultdict
from collections.abc import Hashable, Iterator
from typing import Generic, NamedTuple, TypeVar

from dfks_rules.policy.fact import Kind
from dfks_rules.policy.facts import FACTS
from dfks_rules.policy.implication import is_opaque
from dfks_rules.policy.lint.ranked import Way
from dfks_rules.policy.matchers import Atom
from dfks_rules.policy.view import FactValue

T = TypeVar("T")


class Entry(NamedTuple, Generic[T]):
    """A way in an index."""

    way: Way
    """The way."""
    of: T
    """What it stands for."""


class Implied(Generic[T]):
    """Ways by one test that whatever implies them must pass too."""

    def __init__(self) -> None:
        self._keyed: dict[Hashable, list[Entry[T]]] = defaultdict(list)

    def add(self, way: Way, of: T) -> None:
        """Takes up a way."""
        for key in _keys(way):
            self._keyed[key].append(Entry(way, of))

    def candidates(self, way: Way) -> Iterator[Entry[T]]:
        """All ways that this one implies, and some others."""
        for key in _looked_up(way):
            yield from self._keyed.get(key, ())


def _keys(way: Way) -> Iterator[Hashable]:
    """Where a way is kept: all that implies it looks up one of these."""
    fact, values = _choice(way)
    tests = sorted((atom for atom, positive in way.literals if positive), key=repr)
    prefix = next((atom for atom in tests if _is_prefix(atom)), None)
    opaque = next((atom for atom in tests if is_opaque(atom)), None)
    if prefix and _is_coarse(fact):
        yield from (("prefix", prefix.fact, text) for text in _texts(prefix))
    elif opaque and _is_coarse(fact):
        yield from (opaque, ("opaque", opaque.fact))
    elif fact:
        yield from ((fact, value) for value in values)
    else:
        yield "others"


def _looked_up(way: Way) -> Iterator[Hashable]:
    """Where ways that this one implies can be kept."""
    yield "others"
    starts = []
    # What is implied allows every value that `way` allows: any one of them finds it.
    for fact, values in way.values.items():
        value = next(iter(values))
        yield from ((fact, value), ("opaque", fact))
        starts.append((fact, value))
    for atom in (atom for atom, positive in way.literals if positive):
        if _is_prefix(atom):
            starts.append((atom.fact, _texts(atom)[0]))
        elif atom.fact not in way.values:
            yield atom
    for fact, text in starts:
        if isinstance(text, str):
            yield from (("prefix", fact, text[:end]) for end in range(len(text) + 1))


class Overlapping(Generic[T]):
    """Ways by the constants of one fact, which whatever overlaps with them must allow."""

    def __init__(self) -> None:
        self._keyed: dict[str, dict[FactValue, list[Entry[T]]]] = {}
        self._others: list[Entry[T]] = []

    def add(self, way: Way, of: T) -> None:
        """Takes up a way."""
        fact, values = _choice(way)
        for value in values:
            self._keyed.setdefault(fact, {}).setdefault(value, []).append(Entry(way, of))
        if not fact:
            self._others.append(Entry(way, of))

    def candidates(self, way: Way) -> Iterator[Entry[T]]:
        """All ways that can hold together with this one, and some others."""
        yield from self._others
        for fact, keyed in self._keyed.items():
            for value in way.values.get(fact, keyed):
                yield from keyed.get(value, ())


def _choice(way: Way) -> tuple[str, frozenset[FactValue]]:
    """The fact whose constants tell the way best from others; an empty name when there is none."""
    fact = min(way.values, key=lambda name: (_is_coarse(name), len(way.values[name])), default="")
    return fact, way.values.get(fact, frozenset())


def _is_coarse(fact: str) -> bool:
    """Whether the few values of a fact tell few rules apart."""
    return not fact or FACTS[fact].kind in (Kind.WORD, Kind.STATUS)


def _is_prefix(atom: Atom) -> bool:
    return atom.matcher == "prefix" and isinstance(atom.operand, tuple)


def _texts(atom: Atom) -> tuple[str, ...]:
    return atom.operand if isinstance(atom.operand, tuple) else ()
