"""Several tests of texts as one deterministic automaton, made state by state.

A state is what all tests know of the text so far, so texts that lead to one state pass the same
tests, whatever follows.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import count, islice
from string import ascii_lowercase, ascii_uppercase, digits, punctuation
from typing import NamedTuple

from dfks_rules.policy.language.characters import Characters, has, intersection
from dfks_rules.policy.proof.automata import Automaton, TooLargeError
from dfks_rules.policy.proof.stepping import State, Stepping

MAX_STATES = 20_000
"""Most states of one automaton."""

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
        self._shape = len(tests)
        self._longest = longest
        self._stepping = Stepping(automaton, [*tests, shape], needed=self._shape)
        self.states: list[State] = [self._stepping.first]
        """In the order of their shortest texts."""
        self.moves: list[list[tuple[Characters, int]]] = []
        """For each state: characters, and the position of the state to which they lead."""
        self.shortest: list[str] = [""]
        """For each state: a shortest text that leads to it."""
        self._explore()

    def passed(self, position: int) -> frozenset[int] | None:
        """The tests that a text passes which leads to a state; None if no such text can occur."""
        passed = self._stepping.passed(self.states[position])
        return passed - {self._shape} if self._shape in passed else None

    def nodes(self, position: int, test: int) -> frozenset[int]:
        """The nodes of a test that a state has."""
        return self._stepping.nodes(self.states[position], test)

    def position_of(self, text: str) -> int | None:
        """The state to which a text leads; None if no text can occur that begins with it."""
        position: int | None = 0
        for character in text[: self._longest + 1]:
            if position is not None:
                position = self.after(position, character)
        return position

    def after(self, position: int, character: str) -> int | None:
        """The state to which a character leads; None if none can follow."""
        moves = self.moves[position]
        return next((after for block, after in moves if has(block, character)), None)

    def texts_to(
        self,
        ends: Collection[int],
        telling: Iterable[str],
        copies: int,
        begun: tuple[int, str] = (0, ""),
    ) -> Iterator[str]:
        """Texts that lead to any of these states, the shortest first.

        Of characters that lead to the same state, those in `telling` are tried, and `copies` more:
        so at least `copies` texts that have only the latter, if there are any.

        Args:
            ends: the states.
            telling: characters that are not like others.
            copies: how many others are tried.
            begun: a state from which the texts go on, and a text that leads to it.
        """
        layers = _Layers(self, ends)
        told = "".join(sorted(set(telling)))
        start, text = begun
        for length in range(self._longest + 1 - len(text)):
            if not layers[length]:
                return
            if start in layers[length]:
                for rest in self._walk(layers, start, length, _Tried(told, copies)):
                    yield text + rest

    def longest_to(self, ends: Collection[int]) -> str:
        """A text that leads to one of these states, and none that does is longer."""
        layers = _Layers(self, ends)
        lengths = (n for n in range(self._longest, -1, -1) if 0 in layers[n])
        return next(self._walk(layers, 0, next(lengths), _Tried("", 1)))

    def _walk(self, layers: "_Layers", start: int, length: int, tried: "_Tried") -> Iterator[str]:
        left = [(start, "")]
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
                for character in tried.among(characters)
            ]
            left.extend(reversed(further))

    @cached_property
    def ends(self) -> dict[frozenset[int], list[int]]:
        """The states by the tests that a text passes which leads to them."""
        found: dict[frozenset[int], list[int]] = defaultdict(list)
        for position in range(len(self.states)):
            passed = self.passed(position)
            if passed is not None:
                found[passed].append(position)
        return found

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
                for state, characters in self._stepping.next(self.states[position]).items():
                    if state not in positions:
                        if len(positions) >= MAX_STATES:
                            raise TooLargeError
                        positions[state] = len(positions)
                        self.states.append(state)
                        self.shortest.append(text + picked(characters, 1))
                    moves.append((characters, positions[state]))
            self.moves.append(moves)


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


class _Tried(NamedTuple):
    """Which characters are tried, of many that lead to the same state."""

    told: str
    """These."""
    copies: int
    """And as many others."""

    def among(self, characters: Characters) -> list[str]:
        """Those in a set; the others first."""
        return _tried(self, characters)


@lru_cache(4096)
def _tried(tried: _Tried, characters: Characters) -> list[str]:
    some = picked(characters, tried.copies + len(tried.told))
    others = [one for one in some if one not in tried.told][: tried.copies]
    return others + [one for one in tried.told if has(characters, one)]


@lru_cache(4096)
def picked(characters: Characters, number: int) -> str:
    """As many characters, or all if there are fewer; the ones that are easy to read first."""
    easy = [one for one in _EASY if has(characters, one)]
    ranges = (*intersection(characters, _BEYOND_CONTROLS), *characters)
    rest = (chr(code) for first, last in ranges for code in range(first, last + 1))
    return "".join(islice(dict.fromkeys((*easy, *islice(rest, 2 * number))), number))
