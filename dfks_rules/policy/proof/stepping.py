"""How several tests of texts go on together, character by character.

A state is the nodes that all tests are at. It is a number with a bit for each node of a test, as
states are made and compared by the thousand.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise

from dfks_rules.policy.language.characters import Characters, union
from dfks_rules.policy.proof.automata import ALL, END, Automaton

State = int
"""Nodes of tests, one bit for each."""
_Blocks = list[tuple[tuple[int, ...], Characters]]
"""Numbers of some sets of characters, and the characters that are in exactly these."""
_EVERY = 0
"""The number of the set of all characters."""


class Stepping:
    """Where characters lead from a state.

    INVARIANT: a test that passes whatever follows is only at `ALL`.
    """

    def __init__(self, automaton: Automaton, starts: Sequence[int], needed: int) -> None:
        """Before the first character.

        Args:
            automaton: the nodes.
            starts: where each test starts.
            needed: the test without which a state is of no interest.
        """
        self._automaton = automaton
        self._bits: dict[tuple[int, int], int] = {}
        self._places: list[tuple[int, int]] = []
        self._after: list[int | None] = []
        self._of_test = [0] * len(starts)
        self._numbers: dict[Characters, int] = {automaton.alphabet: _EVERY}
        self._reading: list[State] = [0]
        self._ahead: list[dict[State, State]] = [{}]
        self._apart: dict[tuple[int, ...], _Blocks] = {}
        self._alls = self._ends = 0
        self._needed = needed
        self.first: State = self._without_passed(
            sum(self._set(test, start) for test, start in enumerate(starts))
        )
        """The state of the empty text."""

    def next(self, state: State) -> dict[State, Characters]:
        """Where the characters lead; those that lead to no state of interest lead nowhere."""
        ahead = {
            number: self._from(number, here)
            for number, reading in enumerate(list(self._reading))
            if (here := state & reading)
        }
        always = self._without_passed(ahead.pop(_EVERY, 0))
        needed, alls = self._of_test[self._needed], self._alls
        found: dict[State, list[Characters]] = {}
        for numbers, block in self._blocks(tuple(ahead)):
            some = 0
            for number in numbers:
                some |= ahead[number]
            after = self._without_passed(always | some) if some & alls else always | some
            if after & needed:
                found.setdefault(after, []).append(block)
        return {
            after: blocks[0] if len(blocks) == 1 else union(chain.from_iterable(blocks))
            for after, blocks in found.items()
        }

    def passed(self, state: State) -> frozenset[int]:
        """The tests that pass if the text ends here."""
        return frozenset(test for test, _ in self._in(state & (self._ends | self._alls)))

    def nodes(self, state: State, test: int) -> frozenset[int]:
        """The nodes at which a test is."""
        return frozenset(node for _, node in self._in(state & self._of_test[test]))

    def _from(self, number: int, state: State) -> State:
        """Where nodes lead that all read the same characters."""
        known = self._ahead[number]
        if state not in known:
            after = 0
            for bit in _bits_of(state):
                after |= self._one_after(bit)
            known[state] = after
        return known[state]

    def _one_after(self, bit: int) -> State:
        after = self._after[bit]
        if after is None:
            test, node = self._places[bit]
            self._after[bit] = after = self._set(test, self._automaton.ways[node][0])
        return after

    def _set(self, test: int, node: int) -> State:
        """The nodes of a test that a node stands for."""
        return sum(1 << self._bit(test, one) for one in self._automaton.closed(node))

    def _bit(self, test: int, node: int) -> int:
        place = (test, node)
        if place not in self._bits:
            bit = self._bits[place] = len(self._bits)
            self._places.append(place)
            self._after.append(None)
            self._of_test[test] |= 1 << bit
            self._alls |= (node == ALL) << bit
            self._ends |= (node == END) << bit
            reads = self._automaton.reads[node]
            if reads:
                self._reading[self._number(reads)] |= 1 << bit
        return self._bits[place]

    def _number(self, characters: Characters) -> int:
        if characters not in self._numbers:
            self._numbers[characters] = len(self._numbers)
            self._reading.append(0)
            self._ahead.append({})
        return self._numbers[characters]

    def _without_passed(self, state: State) -> State:
        """Without the other nodes of tests that are at `ALL`."""
        for test, node in self._in(state & self._alls):
            state &= ~self._of_test[test] | 1 << self._bits[test, node]
        return state

    def _in(self, state: State) -> Iterator[tuple[int, int]]:
        return (self._places[bit] for bit in _bits_of(state))

    def _blocks(self, numbers: tuple[int, ...]) -> _Blocks:
        if numbers not in self._apart:
            sets = list(self._numbers)
            self._apart[numbers] = _told_apart({n: sets[n] for n in (_EVERY, *numbers)})
        return self._apart[numbers]


def _bits_of(state: State) -> Iterator[int]:
    while state:
        lowest = state & -state
        yield lowest.bit_length() - 1
        state ^= lowest


def _told_apart(sets: Mapping[int, Characters]) -> _Blocks:
    """All characters, sorted by the sets that they are in besides that of all."""
    begins: dict[int, list[int]] = defaultdict(list)
    ends: dict[int, list[int]] = defaultdict(list)
    for number, ranges in sets.items():
        for first, last in ranges:
            begins[first].append(number)
            ends[last + 1].append(number)
    inside: set[int] = set()
    found: dict[frozenset[int], list[tuple[int, int]]] = defaultdict(list)
    for at, then in pairwise(sorted({*begins, *ends})):
        inside.difference_update(ends[at])
        inside.update(begins[at])
        if inside:
            found[frozenset(inside)].append((at, then - 1))
    return [(tuple(numbers - {_EVERY}), union(ranges)) for numbers, ranges in found.items()]
