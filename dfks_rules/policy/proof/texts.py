"""Texts such that every outcome that some text can have, for tests of one fact, is had by one.

Constants are tried one by one. All other texts fail the tests for equality, so what is left is told
by an automaton of the other tests: its states give the outcomes, and the shortest texts that lead
to them are tried.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain, islice

from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.languages import (
    Holding,
    Matching,
    Numbered,
    OneOf,
    Place,
    Present,
    language_of,
)
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.automata import ALL, END, Automaton, TooLargeError
from dfks_rules.policy.proof.cells import Cells
from dfks_rules.policy.proof.determined import Determined
from dfks_rules.policy.proof.shapes import ANY_TEXT, Shape
from dfks_rules.policy.proof.undecided import Undecided, opaque

_MANY = 1_000
"""Texts of one test that are many by themselves."""


def distinct_texts(
    atoms: Iterable[Atom], *, shape: Shape = ANY_TEXT, copies: int = 1
) -> tuple[str, ...]:
    """Texts that stand for every text: each outcome is had by `copies` of them.

    Args:
        atoms: tests of one fact, or of several that are to share their values.
        shape: the texts that can occur; every representative is one.
        copies: how many texts an outcome gets; fewer only where fewer have it.

    Raises:
        Undecided: a test is opaque, or there are too many cells.
    """
    return _distinct_texts(frozenset(atoms), shape, copies)


@lru_cache(4096)
def _distinct_texts(atoms: frozenset[Atom], shape: Shape, copies: int) -> tuple[str, ...]:
    constants = shape.among(constants_of(atoms))
    patterns = patterns_of(atoms)
    automaton = Automaton(shape.characters)
    try:
        starts = [start_of(automaton, language) for language in patterns.values()]
        start = shape.start_in(automaton)
        whole = Determined(automaton, starts, start, longest=shape.longest)
    except TooLargeError as error:
        raise too_many_cells(patterns) from error
    cells = Cells[str](atoms, copies)
    for text in constants:
        cells.add(text)
    for ends in ends_of(whole).values():
        for text in some_to(whole, ends, constants, copies):
            cells.add(text)
    return cells.values


def constants_of(atoms: Iterable[Atom]) -> set[FactValue]:
    """The values that tests for equality name."""
    languages = map(language_of, atoms)
    return {value for one in languages if isinstance(one, OneOf) for value in one.values}


def patterns_of(atoms: Iterable[Atom]) -> dict[Atom, Holding | Matching | Numbered]:
    """The tests that are not for equality.

    Raises:
        Undecided: it is not known what passes a test.
    """
    found: dict[Atom, Holding | Matching | Numbered] = {}
    for atom in atoms:
        match language_of(atom):
            case Holding() | Matching() | Numbered() as language:
                found[atom] = language
            case OneOf() | Present():
                pass
            case _:
                raise opaque(atom)
    return found


def too_many_cells(atoms: Collection[Atom]) -> Undecided:
    """The answer where tests tell too many texts apart."""
    for atom in atoms:
        match language_of(atom):
            case Holding(texts) if len(texts) > _MANY:
                what = f"`{atom.matcher}` of `{atom.fact}` has a list of {len(texts)} texts"
                return Undecided(f"{what}, which has too many cells; `in` takes longer ones")
    facts = " and ".join(f"`{fact}`" for fact in sorted({atom.fact for atom in atoms}))
    tests = f"{len(atoms)} tests of {facts} have" if len(atoms) > 1 else f"a test of {facts} has"
    return Undecided(f"{tests} too many cells; write `prefix`, or one `has` with a list")


def start_of(automaton: Automaton, language: Holding | Matching | Numbered) -> int:
    """The node of an automaton at which the texts of a language pass.

    Raises:
        Undecided: a pattern is opaque.
        TooLargeError: there are too many nodes.
    """
    match language:
        case Holding(texts, place):
            node = automaton.texts(texts, END if place is Place.END else ALL)
            return node if place is Place.START else automaton.anything(node)
        case Numbered(lowest, highest):
            return automaton.numbers(lowest, highest, END)
        case Matching(patterns):
            return automaton.fork(automaton.pattern(*pattern) for pattern in patterns)


def ends_of(whole: Determined) -> Mapping[frozenset[int], list[int]]:
    """The states of an automaton by the tests that they pass."""
    found: dict[frozenset[int], list[int]] = defaultdict(list)
    for position in range(len(whole.states)):
        passed = whole.passed(position)
        if passed is not None:
            found[passed].append(position)
    return found


def some_to(
    whole: Determined, ends: Collection[int], constants: Collection[str], copies: int
) -> Iterator[str]:
    """`copies` texts that lead to these states and are no constants, or all if there are fewer."""
    # An empty text is the last choice: people take it for a mistake.
    shortest = (whole.shortest[end] for end in ends if end)
    others = whole.texts_to(ends, frozenset("".join(constants)), copies)
    texts = chain(islice(shortest, 1), filter(None, others), [""] if 0 in ends else [])
    return islice(_new(texts, set(constants)), copies)


def _new(texts: Iterable[str], seen: set[str]) -> Iterator[str]:
    for text in texts:
        if text not in seen:
            seen.add(text)
            yield text
