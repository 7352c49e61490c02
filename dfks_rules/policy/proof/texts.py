"""Texts such that every outcome that some text can have, for tests of one fact, is had by one.

Constants are tried one by one. All other texts fail the tests for equality, so what is left is told
by an automaton of the other tests: its states give the outcomes, and the shortest texts that lead
to them are tried.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, islice

from dfks_rules.phrases.phrase import joined, phrase
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
from dfks_rules.policy.proof.beginnings import Beginnings
from dfks_rules.policy.proof.cells import Cells, outcome
from dfks_rules.policy.proof.determined import Determined
from dfks_rules.policy.proof.shapes import ANY_TEXT, Shape
from dfks_rules.policy.proof.undecided import Undecided, opaque

_MANY = 1_000
"""Texts of one test that are many by themselves."""
Pattern = Holding | Matching | Numbered
"""What passes a test that is not for equality."""


def distinct_texts(
    atoms: Iterable[Atom], *, shape: Shape = ANY_TEXT, copies: int = 1
) -> tuple[str, ...]:
    """Texts that stand for every text: each outcome is had by `copies` of them.

    Args:
        atoms: tests of one fact, or of several that are to share their values.
        shape: the texts that can occur; every representative is one. Where it has parts, each
            outcome is had by texts of each part; and by a longest text, if it asks for that.
        copies: how many texts an outcome gets; fewer only where fewer have it.

    Raises:
        Undecided: a test is opaque, or there are too many cells.
    """
    return _distinct_texts(frozenset(atoms), shape, copies)


@lru_cache(4096)
def _distinct_texts(atoms: frozenset[Atom], shape: Shape, copies: int) -> tuple[str, ...]:
    def kind(text: str) -> Hashable:
        return outcome(atoms, text), *(part.has(text) for part in shape.parts)

    constants = shape.among(constants_of(atoms))
    cells, longest = Cells[str](kind, copies), Cells[str](kind, 1)
    for text in constants:
        cells.add(text)
    patterns = patterns_of(atoms)
    try:
        whole, others = _others(patterns, constants, shape, copies)
    except TooLargeError as error:
        raise too_many_cells(patterns) from error
    for ends in whole.ends.values():
        for text in others.leading_to(ends, copies):
            cells.add(text)
        if shape.to_longest:
            longest.add(whole.longest_to(ends))
    return tuple(dict.fromkeys((*cells.values, *longest.values)))


def _others(
    patterns: Mapping[Atom, Pattern], constants: Sequence[str], shape: Shape, copies: int
) -> tuple[Determined, "Others"]:
    """The states of patterns, and the texts that are no constants.

    Raises:
        Undecided: a pattern is opaque.
        TooLargeError: there are too many nodes or states.
    """
    long = [texts for texts in map(_long_list, patterns.values()) if texts]
    alone = long[0] if len(long) == 1 and not shape.to_longest else None
    automaton = Automaton(shape.characters)
    together = [one for one in patterns.values() if alone is None or _long_list(one) != alone]
    starts = [start_of(automaton, one) for one in together]
    starts += [part.start_in(automaton) for part in shape.parts]
    whole = Determined(automaton, starts, shape.start_in(automaton), longest=shape.longest)
    if alone is None:
        return whole, Others(whole, constants)
    return whole, Others(whole, constants, Beginnings(whole, alone, copies + len(constants)))


def _long_list(language: Pattern) -> tuple[str, ...] | None:
    """The texts of a test for beginnings that are too many to be states."""
    match language:
        case Holding(texts, Place.START) if len(texts) > _MANY:
            return texts
    return None


def constants_of(atoms: Iterable[Atom]) -> set[FactValue]:
    """The values that tests for equality name."""
    languages = map(language_of, atoms)
    return {value for one in languages if isinstance(one, OneOf) for value in one.values}


def patterns_of(atoms: Iterable[Atom]) -> dict[Atom, Pattern]:
    """The tests that are not for equality.

    Raises:
        Undecided: it is not known what passes a test.
    """
    found: dict[Atom, Pattern] = {}
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
                return Undecided(
                    phrase(
                        "`{matcher}` of `{fact}` has a list of {count} texts, which has too many "
                        "cells beside the other tests",
                        matcher=atom.matcher,
                        fact=atom.fact,
                        count=len(texts),
                    )
                )
    names = sorted({atom.fact for atom in atoms})
    facts = joined(phrase(" and "), (f"`{fact}`" for fact in names))
    if len(atoms) == 1:
        tests = phrase("a test of {facts} has too many cells", facts=facts)
    else:
        tests = phrase(
            "{count} tests of {facts} have too many cells", count=len(atoms), facts=facts
        )
    return Undecided(phrase("{tests}; write `prefix`, or one `has` with a list", tests=tests))


def start_of(automaton: Automaton, language: Pattern) -> int:
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


class Others:
    """Texts that are no constants."""

    def __init__(
        self,
        whole: Determined,
        constants: Collection[str],
        beginnings: Beginnings | None = None,
    ) -> None:
        """Those of an automaton.

        Args:
            whole: its states.
            constants: what is left out.
            beginnings: those of a long list, if there is one besides.
        """
        self._whole = whole
        self._beginnings = beginnings
        self._constants = frozenset(constants)
        self._telling = frozenset("".join(constants))

    def leading_to(self, ends: Collection[int], copies: int) -> Iterator[str]:
        """`copies` texts that lead to any of these states, or all if there are fewer.

        As many with an entry of the long list, and as many without.
        """
        if self._beginnings is not None:
            return self._new(self._beginnings.texts(ends, self._telling))
        # An empty text is the last choice: people take it for a mistake.
        shortest = (self._whole.shortest[end] for end in ends if end)
        others = self._whole.texts_to(ends, self._telling, copies)
        texts = chain(islice(shortest, 1), filter(None, others), [""] if 0 in ends else [])
        return islice(self._new(texts), copies)

    def _new(self, texts: Iterable[str]) -> Iterator[str]:
        seen: set[str] = set()
        for text in texts:
            if text not in seen and text not in self._constants:
                seen.add(text)
                yield text
