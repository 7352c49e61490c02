"""Finds, among many ways to match, the few that a given way can imply or overlap with."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from dfks_rules.policy.facts.fact import NUMBERS_OF_TARGET, Kind
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.alternatives import equal_to
from dfks_rules.policy.language.implication import is_opaque, start_of
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.lint.ranked import Way

T = TypeVar("T")


class Indexed(NamedTuple, Generic[T]):
    """A way in an index."""

    way: Way
    """The way."""
    of: T
    """The object it belongs to."""


class Implied(Generic[T]):
    """Ways, indexed by one test that any way which implies them must pass too."""

    def __init__(self) -> None:
        self._keyed: dict[Hashable, list[Indexed[T]]] = defaultdict(list)

    def add(self, way: Way, of: T) -> None:
        """Takes up a way."""
        for key in _keys(way):
            self._keyed[key].append(Indexed(way, of))

    def candidates(self, way: Way) -> Iterator[Indexed[T]]:
        """All the ways that this one implies, and some others."""
        for key in _looked_up(way):
            yield from self._keyed.get(key, ())


def _keys(way: Way) -> Iterator[Hashable]:
    """The keys of a way: every way that implies it looks up at least one of them."""
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
    """The possible keys of ways that this one implies."""
    yield "others"
    starts = []
    # An implied way allows every value that `way` allows: any one of them finds it.
    for fact, values in way.values.items():
        value = next(iter(values))
        yield from ((fact, value), ("opaque", fact))
        starts.append((fact, value))
    for atom in (atom for atom, positive in way.literals if positive):
        one = next(iter(_constants_of_numbers(atom)), None)
        if one is not None:
            starts.append((atom.fact, one))
        elif _is_prefix(atom):
            starts.append((atom.fact, _texts(atom)[0]))
        elif atom.fact not in way.values:
            yield atom
    for fact, text in starts:
        if isinstance(text, str):
            yield from (("prefix", fact, text[:end]) for end in range(len(text) + 1))


class Overlapping(Generic[T]):
    """Ways, indexed by the constants of one fact or by how its text starts or ends.

    A way that overlaps with them must allow one of the constants, or a matching start or end.
    """

    def __init__(self) -> None:
        self._keyed: dict[str, dict[FactValue, list[Indexed[T]]]] = {}
        self._affixed: dict[_Affix, _Affixed[T]] = {}
        self._others: list[Indexed[T]] = []

    def add(self, way: Way, of: T) -> None:
        """Takes up a way."""
        fact, values = _choice(way)
        entry = Indexed(way, of)
        affixes = min(_affixes(way), default=None) if _is_coarse(fact) else None
        if affixes:
            affix, texts = affixes
            self._affixed.setdefault(affix, _Affixed()).add(texts, entry)
        elif fact:
            for value in values:
                self._keyed.setdefault(fact, {}).setdefault(value, []).append(entry)
        else:
            self._others.append(entry)

    def candidates(self, way: Way) -> Iterator[Indexed[T]]:
        """All the ways that can hold together with this one, and some others."""
        yield from self._others
        for fact, keyed in self._keyed.items():
            for value in way.values.get(fact, keyed):
                yield from keyed.get(value, ())
        own = dict(_affixes(way))
        for affix, affixed in self._affixed.items():
            yield from affixed.candidates(own.get(affix, ("",)))


class _Affixed(Generic[T]):
    """Ways, indexed by texts, one of which the value of a fact must start with."""

    def __init__(self) -> None:
        self._keyed: dict[str, list[Indexed[T]]] = {}
        self._sorted: list[str] = []

    def add(self, texts: Iterable[str], entry: Indexed[T]) -> None:
        for text in texts:
            if text not in self._keyed:
                insort(self._sorted, text)
            self._keyed.setdefault(text, []).append(entry)

    def candidates(self, texts: Iterable[str]) -> Iterator[Indexed[T]]:
        """The ways with a text that begins with one of these, or with which one of these begins."""
        for text in texts:
            for end in range(len(text)):
                yield from self._keyed.get(text[:end], ())
            for place in range(bisect_left(self._sorted, text), len(self._sorted)):
                if not self._sorted[place].startswith(text):
                    break
                yield from self._keyed[self._sorted[place]]


_Affix = tuple[str, str]
"""(Fact, `prefix` or `suffix`)."""


def _affixes(way: Way) -> Iterator[tuple[_Affix, tuple[str, ...]]]:
    """What the texts of facts must start with and, reversed, what they must end with.

    If a fact must have a certain value, the whole value is both its start and its end.
    """
    for fact, values in way.values.items():
        texts = tuple(value for value in values if isinstance(value, str))
        if texts and not _is_coarse(fact):
            yield (fact, "prefix"), texts
            yield (fact, "suffix"), tuple(text[::-1] for text in texts)
    for (fact, name, operand), positive in way.literals:
        if fact == NUMBERS_OF_TARGET:
            continue  # two numbers may have two starts
        if positive and fact not in way.values and isinstance(operand, tuple):
            if name in ("prefix", "glob"):
                yield (fact, "prefix"), tuple(map(start_of, operand))
            elif name == "suffix":
                yield (fact, "suffix"), tuple(text[::-1] for text in operand)


def _choice(way: Way) -> tuple[str, frozenset[FactValue]]:
    """The fact whose constants best distinguish the way; an empty name when there is none."""
    fact = min(way.values, key=lambda name: (_is_coarse(name), len(way.values[name])), default="")
    return fact, way.values.get(fact, frozenset())


def _is_coarse(fact: str) -> bool:
    """Whether a fact has too few values to distinguish many rules."""
    return not fact or known_fact(fact).kind in (Kind.WORD, Kind.STATUS)


def _constants_of_numbers(atom: Atom) -> frozenset[FactValue]:
    """What one of several numbers must be."""
    return equal_to(atom) or frozenset() if atom.fact == NUMBERS_OF_TARGET else frozenset()


def _is_prefix(atom: Atom) -> bool:
    return atom.matcher == "prefix" and isinstance(atom.operand, tuple)


def _texts(atom: Atom) -> tuple[str, ...]:
    return atom.operand if isinstance(atom.operand, tuple) else ()
