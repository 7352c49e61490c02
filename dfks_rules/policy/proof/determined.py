"""Several tests of texts as one deterministic automaton, made state by state.

A state is what all tests know of the text so far, so texts that lead to one state pass the same
tests, whatever follows. A node of one test is numbered with its test; tests may share nodes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import chain, count, islice, pairwise
from string import ascii_lowercase, ascii_uppercase, digits, punctuation

from dfks_rules.policy.language.characters import Characters, has, intersection, union
from dfks_rules.policy.proof.automata import ALL, END, Automaton, TooLargeError

MAX_STATES = 20_000
"""Most states of one automaton."""

State = frozenset[int]
"""Nodes, each as its number in the automaton and that of its test."""

_EVERY = 0
"""The number of the set of all characters."""
_EASY = f"{ascii_lowercase}{digits}{ascii_uppercase}{punctuation} "
"""Characters that are easy to read, the easiest first."""
_BEYOND_CONTROLS: Characters = ((0xA1, 0x10FFFF),)


class Determined:
    """The states that texts of limited length lead to, the shortest texts first."""

    def __init__(
        self, automaton: Automaton, tests: Sequence[int], shape: int, *, longest: int
    ) -> None:
        """Makes all states.

        Args:
            automaton: the nodes.
            tests: the start of each test.
            shape: where the texts start that can occur.
            longest: most characters of a text.

        Raises:
            TooLargeError: there are more than `MAX_STATES`.
        """
        self._automaton = automaton
        self._size = len(automaton)
        self._longest = longest
        self._first_of_shape = len(tests) * self._size
        starts = [*tests, shape]
        self._alls = frozenset(test * self._size + ALL for test in range(len(starts)))
        self._passing = self._alls | {test * self._size + END for test in range(len(starts))}
        self._numbers: dict[Characters, int] = {automaton.alphabet: _EVERY}
        self._read: dict[int, tuple[int, frozenset[int]]] = {}
        self._apart: dict[frozenset[int], _Blocks] = {}
        codes = (code for test, start in enumerate(starts) for code in self._codes(test, start))
        first = self._without_passed(frozenset(codes))
        self.states: list[State] = [first]
        """In the order of their shortest texts."""
        self.moves: list[list[tuple[Characters, int]]] = []
        """For each state: characters, and the position of the state to which they lead."""
        self.shortest: list[str] = [""]
        """For each state: a shortest text that leads to it."""
        self._explore()

    def passed(self, position: int) -> frozenset[int] | None:
        """The tests that a text passes which leads to a state; None if no such text can occur."""
        tests = {code // self._size for code in self.states[position] & self._passing}
        shape = self._first_of_shape // self._size
        return frozenset(tests - {shape}) if shape in tests else None

    def nodes(self, position: int, test: int) -> frozenset[int]:
        """The nodes of a test that a state has."""
        codes = self.states[position]
        return frozenset(c % self._size for c in codes if c // self._size == test)

    def position_of(self, text: str) -> int:
        """The state to which a text leads that can occur."""
        position = 0
        for character in text:
            moves = self.moves[position]
            position = next(after for block, after in moves if has(block, character))
        return position

    def texts_to(self, ends: Collection[int], telling: Iterable[str], copies: int) -> Iterator[str]:
        """Texts that lead to any of these states, the shortest first.

        Of characters that lead to the same state, those in `telling` are tried, and `copies` more:
        so at least `copies` texts that have only the latter, if there are any.
        """
        layers = _Layers(self, ends)
        told = "".join(sorted(set(telling)))
        for length in range(self._longest + 1):
            if not layers[length]:
                return
            if 0 in layers[length]:
                yield from self._walk(layers, length, told, copies)

    def longest_to(self, ends: Collection[int]) -> str:
        """A text that leads to one of these states, and none that does is longer."""
        layers = _Layers(self, ends)
        lengths = (n for n in range(self._longest, -1, -1) if 0 in layers[n])
        return next(self._walk(layers, next(lengths), "", 1))

    def _walk(self, layers: "_Layers", length: int, told: str, copies: int) -> Iterator[str]:
        left = [(0, "")]
        while left:
            position, text = left.pop()
            if len(text) == length:
                yield text
                continue
            ahead = layers[length - len(text) - 1]
            further = [
                (after, text + character)
                for characters, after in self.moves[position]
                if after in ahead
                for character in _tried(characters, told, copies)
            ]
            left.extend(reversed(further))

    @cached_property
    def before(self) -> dict[int, set[int]]:
        """For each state, those that lead to it."""
        found: dict[int, set[int]] = defaultdict(set)
        for position, moves in enumerate(self.moves):
            for _, after in moves:
                found[after].add(position)
        return found

    def _explore(self) -> None:
        positions = {self.states[0]: 0}
        for position in count():
            if position == len(self.states):
                return
            text = self.shortest[position]
            moves = []
            if len(text) < self._longest:
                for state, characters in self._next(self.states[position]).items():
                    if state not in positions:
                        if len(positions) >= MAX_STATES:
                            raise TooLargeError
                        positions[state] = len(positions)
                        self.states.append(state)
                        self.shortest.append(text + picked(characters, 1))
                    moves.append((characters, positions[state]))
            self.moves.append(moves)

    def _next(self, state: State) -> dict[State, Characters]:
        """Where the characters lead; those after which no text can occur lead nowhere."""
        ahead: dict[int, frozenset[int]] = {}
        for code in state:
            number, after = self._reading(code)
            ahead[number] = ahead[number] | after if number in ahead else after
        always = self._without_passed(ahead.pop(_EVERY, frozenset()))
        can_occur = self._can_occur(always)
        found: dict[State, list[Characters]] = {}
        for numbers, block in self._blocks(frozenset(ahead)):
            some = frozenset().union(*(ahead[number] for number in numbers))
            after = (
                always | some
                if some.isdisjoint(self._alls)
                else self._without_passed(always | some)
            )
            if can_occur or self._can_occur(some):
                found.setdefault(after, []).append(block)
        return {after: _joined(blocks) for after, blocks in found.items()}

    def _can_occur(self, codes: frozenset[int]) -> bool:
        return max(codes, default=0) >= self._first_of_shape

    def _reading(self, code: int) -> tuple[int, frozenset[int]]:
        """The number of the characters that a node reads, and the nodes that follow."""
        if code not in self._read:
            test, node = divmod(code, self._size)
            then = self._automaton.ways[node]
            number = self._numbers.setdefault(self._automaton.reads[node] or (), len(self._numbers))
            after = self._codes(test, then[0]) if then else ()
            self._read[code] = (number, frozenset(after))
        return self._read[code]

    def _codes(self, test: int, node: int) -> Iterator[int]:
        return (test * self._size + one for one in self._automaton.closed(node))

    def _without_passed(self, state: State) -> State:
        """Without the nodes of tests that pass in any case."""
        passed = state & self._alls
        tests = {code // self._size for code in passed}
        return passed | {code for code in state if code // self._size not in tests}

    def _blocks(self, numbers: frozenset[int]) -> "_Blocks":
        if numbers not in self._apart:
            sets = list(self._numbers)
            self._apart[numbers] = _told_apart({n: sets[n] for n in numbers}, sets[_EVERY])
        return self._apart[numbers]


_Blocks = list[tuple[frozenset[int], Characters]]
"""Numbers of some sets of characters, and the characters that are in exactly these."""


class _Layers:
    """The states from which some others are reached by texts of each length."""

    def __init__(self, determined: Determined, ends: Collection[int]) -> None:
        self._before = determined.before
        self._layers = [frozenset(ends)]

    def __getitem__(self, length: int) -> frozenset[int]:
        while len(self._layers) <= length:
            last = self._layers[-1]
            if len(self._layers) > 1 and last == self._layers[-2]:
                return last
            self._layers.append(frozenset().union(*(self._before[one] for one in last)))
        return self._layers[length]


def _told_apart(sets: Mapping[int, Characters], alphabet: Characters) -> _Blocks:
    """The characters of an alphabet, sorted by the sets that they are in."""
    begins: dict[int, list[int]] = defaultdict(list)
    ends: dict[int, list[int]] = defaultdict(list)
    for number, ranges in chain(sets.items(), [(-1, alphabet)]):
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
    return [(numbers - {-1}, union(ranges)) for numbers, ranges in found.items()]


def _joined(blocks: Sequence[Characters]) -> Characters:
    return blocks[0] if len(blocks) == 1 else union(chain.from_iterable(blocks))


@lru_cache(4096)
def _tried(characters: Characters, told: str, copies: int) -> list[str]:
    some = picked(characters, copies + len(told))
    others = [one for one in some if one not in told][:copies]
    return others + [one for one in told if has(characters, one)]


@lru_cache(4096)
def picked(characters: Characters, number: int) -> str:
    """As many characters, or all if there are fewer; the ones that are easy to read first."""
    easy = [one for one in _EASY if has(characters, one)]
    ranges = (*intersection(characters, _BEYOND_CONTROLS), *characters)
    rest = (chr(code) for first, last in ranges for code in range(first, last + 1))
    return "".join(islice(dict.fromkeys((*easy, *islice(rest, 2 * number))), number))
