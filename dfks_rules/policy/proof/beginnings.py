"""Texts that begin with an entry of a long list, and texts that do not.

The letters of a long list would be as many states. But once a text has an entry, or has left all of
them behind, the list says no more. So the other tests alone make the automaton, and what matters of
the list is where its entries lead in that, and where texts lead that have just left the list.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from dfks_rules.policy.proof.automata import TooLargeError
from dfks_rules.policy.proof.determined import Determined, picked

MAX_VISITED = 100_000
"""Most beginnings of entries that are looked at."""

_Texts = dict[int, list[str]]
"""For a state of the automaton, some texts that lead to it."""


class _Inside(NamedTuple):
    """Entries that all have one beginning, which is no entry itself."""

    text: str
    """The beginning."""
    position: int
    """The state to which it leads."""
    first: int
    """Position of the first such entry among all, in order."""
    end: int
    """Position after the last."""


class Beginnings:
    """How texts begin, as far as a list can tell."""

    def __init__(self, whole: Determined, entries: Iterable[str], enough: int) -> None:
        """Looks for beginnings.

        Args:
            whole: the states of the other tests.
            entries: the list.
            enough: how many texts each outcome needs, if there are as many.

        Raises:
            TooLargeError: there may be texts without an entry that are hard to find.
        """
        self._whole = whole
        self._enough = enough
        self._entries = _shortest_of(entries)
        self._with: _Texts = defaultdict(list)
        self._left: _Texts = defaultdict(list)
        self._inside: _Texts = defaultdict(list)
        self._reaching: dict[frozenset[int], set[int]] = {}
        for entry in sorted(self._entries, key=len):
            position = whole.position_of(entry)
            if position is not None:
                self._keep(self._with, position, [entry])
        self._look()

    def texts(self, ends: Iterable[int], telling: Iterable[str]) -> Iterator[str]:
        """Texts that lead to one of some states: with an entry, and without; enough of both."""
        whole, told = frozenset(ends), frozenset(telling)
        inside = (text for end in sorted(whole) for text in self._inside.get(end, ()))
        yield from islice(self._going_on(self._with, whole, told), self._enough)
        yield from islice(chain(inside, self._going_on(self._left, whole, told)), self._enough)

    def _going_on(
        self, begun: _Texts, ends: frozenset[int], telling: frozenset[str]
    ) -> Iterator[str]:
        """The texts that lead to some states and begin with one of these."""
        reaching = self._reach(ends)
        some = [(len(t), t, p) for p, texts in begun.items() if p in reaching for t in texts]
        for _, text, position in sorted(some):
            yield from self._whole.texts_to(ends, telling, self._enough, (position, text))

    def _look(self) -> None:
        """Finds texts without an entry, the shortest first, until there are enough for all."""
        layer = [] if "" in self._entries else [_Inside("", 0, 0, len(self._entries))]
        visited = 0
        while layer and not self._is_enough():
            visited += len(layer)
            if visited > MAX_VISITED:
                raise TooLargeError
            layer = [further for one in layer for further in self._leave(one)]

    def _leave(self, inside: _Inside) -> Iterator[_Inside]:
        """Keeps the texts that leave the list here; those that stay in it."""
        text, position, _, _ = inside
        self._keep(self._inside, position, [text])
        children = dict(self._children(inside))
        for characters, after in self._whole.moves[position]:
            some = picked(characters, self._enough + len(children))
            self._keep(self._left, after, [text + one for one in some if one not in children])
        for character, (first, end) in children.items():
            further = self._whole.after(position, character)
            if further is not None and len(self._entries[first]) > len(text) + 1:
                yield _Inside(text + character, further, first, end)

    def _children(self, inside: _Inside) -> Iterator[tuple[str, tuple[int, int]]]:
        """The next characters of entries, and which entries have them."""
        depth, first = len(inside.text), inside.first
        while first < inside.end:
            character = self._entries[first][depth]
            end = bisect_right(
                self._entries, character, first, inside.end, key=lambda entry: entry[depth]
            )
            yield character, (first, end)
            first = end

    def _keep(self, texts: _Texts, position: int, some: list[str]) -> None:
        texts[position] += some[: self._enough - len(texts[position])]

    def _is_enough(self) -> bool:
        """Whether enough texts without an entry are known to lead to each outcome."""
        for ends in self._whole.ends.values():
            reaching = self._reach(frozenset(ends))
            if sum(len(texts) for p, texts in self._left.items() if p in reaching) < self._enough:
                return False
        return True

    def _reach(self, ends: frozenset[int]) -> set[int]:
        """The states from which one of some is reached."""
        if ends not in self._reaching:
            found, left = set(ends), list(ends)
            while left:
                new = self._whole.before.get(left.pop(), set()) - found
                found |= new
                left.extend(new)
            self._reaching[ends] = found
        return self._reaching[ends]


def _shortest_of(entries: Iterable[str]) -> list[str]:
    """The entries that begin with no other, in order."""
    found: list[str] = []
    for entry in sorted(entries):
        if not (found and entry.startswith(found[-1])):
            found.append(entry)
    return found
