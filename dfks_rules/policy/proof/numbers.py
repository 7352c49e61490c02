"""Counts and network addresses such that every outcome that some value can have is had by one.

Between two constants all values behave alike.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise

from dfks_rules.model.values import VALUES, Integer
from dfks_rules.policy.language.languages import (
    Bounded,
    Numbered,
    OneOf,
    Present,
    Within,
    language_of,
)
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.cells import Cells, outcome
from dfks_rules.policy.proof.undecided import opaque

_BOUNDS = {value.value: value.kind for value in VALUES if isinstance(value.kind, Integer)}
_ENDLESS = 1_000_000
"""More than any constant; a count that has no bound is less often."""
_MAPPED = 0xFFFF << 32
"""`::ffff:0:0/96`, the addresses of IPv4 written as IPv6."""
_USUAL = ("192.0.2.1", "10.0.0.1", "2001:db8::1")
"""Addresses that people take for examples."""


def bounds_of(fact: str) -> range:
    """The counts that a fact can be, if it is present; without an end, a million of them."""
    kind = _BOUNDS.get(fact.rpartition(".")[2])
    return range(_ENDLESS) if kind is None else range(kind.least, kind.most + 1)


def distinct_counts(
    atoms: Iterable[Atom],
    also_cut_at: Iterable[int] = (),
    *,
    among: range = range(_ENDLESS),
    copies: int = 1,
) -> tuple[int, ...]:
    """Counts that stand for every count, in order.

    Args:
        atoms: tests of one fact, or of several that are to share their values.
        also_cut_at: counts that something else tells from those below and above, like a bound.
        among: the counts that can occur.
        copies: how many counts an outcome gets; fewer only where fewer have it.

    Raises:
        Undecided: a test is opaque.
    """
    return _distinct_counts(frozenset(atoms), frozenset(also_cut_at), among, copies)


@lru_cache(4096)
def _distinct_counts(
    atoms: frozenset[Atom], also_cut_at: frozenset[int], among: range, copies: int
) -> tuple[int, ...]:
    cuts = {number for atom in atoms for number in _cuts(atom)}
    found: list[int] = []
    for part in _parts(also_cut_at, among):
        cells = Cells[int](partial(outcome, atoms), copies)
        for piece in _parts(cuts, part):
            for number in piece[:copies]:
                cells.add(number)
        found += cells.values
    return tuple(sorted(found))


def _cuts(atom: Atom) -> Iterable[int]:
    match language_of(atom):
        case OneOf(constants) | Bounded(constants):
            return (number for number in constants if isinstance(number, int))
        case Numbered(lowest, highest):
            return lowest, highest
        case Present():
            return ()
        case _:
            raise opaque(atom)


def _parts(cuts: Iterable[int], among: range) -> Iterator[range]:
    """The numbers cut at some, each of which is a part of its own."""
    edges = sorted({among.start, among.stop, *(edge for cut in cuts for edge in (cut, cut + 1))})
    return (range(*ends) for ends in pairwise(edges) if ends[0] in among)


def distinct_ips(atoms: Iterable[Atom], *, copies: int = 1) -> tuple[str, ...]:
    """Addresses of IPv4 and of IPv6 that stand for every address.

    Args:
        atoms: tests of one fact.
        copies: how many addresses an outcome gets; fewer only where fewer have it.

    Raises:
        Undecided: a test is opaque.
    """
    return _distinct_ips(frozenset(atoms), copies)


@lru_cache(4096)
def _distinct_ips(atoms: frozenset[Atom], copies: int) -> tuple[str, ...]:
    constants: set[str] = set()
    edges = {4: {0, 2**32}, 6: {0, _MAPPED, _MAPPED + 2**32, 2**128}}
    for atom in atoms:
        match language_of(atom):
            case OneOf(values):
                constants.update(map(str, values))
            case Within(networks):
                for one in networks:
                    first = int(one.network_address)
                    edges[one.version] |= {first, first + one.num_addresses}
            case Present():
                pass
            case _:
                raise opaque(atom)
    cells = Cells[str](partial(outcome, atoms), copies)
    for address in sorted(constants):
        cells.add(address)
    enough = copies + len(constants)
    old = [str(IPv4Address(number)) for number in _some(edges[4], enough)]
    new = [str(IPv6Address(n)) for n in _some(edges[6], enough) if n >> 32 != _MAPPED >> 32]
    for address in (*_USUAL, *old, *new, *(f"::ffff:{one}" for one in old)):
        if address not in constants:
            cells.add(address)
    return cells.values


def _some(edges: set[int], enough: int) -> Iterator[int]:
    """Some numbers of each part; the first is the last choice, as it often is no host's."""
    for first, end in pairwise(sorted(edges)):
        yield from (*range(first + 1, min(first + enough + 1, end)), first)
