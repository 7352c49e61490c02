"""Tests of texts as one nondeterministic automaton.

A node reads one character and leads to one node, or reads nothing and forks into several. Two nodes
are the same in every automaton: at `END` a text passes if nothing of it is left; at `ALL` it passes
whatever is left. Nodes are made from the end: what follows a node is made before it.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from re import _constants  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.characters import (
    EVERY,
    Characters,
    characters_of,
    complement,
    intersection,
    one,
    union,
)
from dfks_rules.policy.language.patterns import Parsed
from dfks_rules.policy.proof.undecided import Undecided

END = 0
"""Passes the empty rest of a text."""
ALL = 1
"""Passes any rest of a text."""
MAX_NODES = 100_000
"""Most nodes of one automaton; repeats of repeats can have more."""

_SURROGATES: Characters = ((0xD800, 0xDFFF),)
TEXT: Characters = complement(_SURROGATES)
"""Every character that a text can have: half of a surrogate pair is none."""
_ANCHORS = {
    "AT_BEGINNING": "`^`",
    "AT_BEGINNING_STRING": r"`\A`",
    "AT_END": "`$`",
    "AT_END_STRING": r"`\Z`",
    "AT_BOUNDARY": phrase("a word boundary"),
    "AT_NON_BOUNDARY": phrase("a `\\B`"),
}


class TooLargeError(Exception):
    """An automaton has too many nodes or states."""


class _Around(NamedTuple):
    """What is known about the place of a part of a pattern."""

    starts: bool = True
    """Whether nothing can stand before it."""
    ends: bool = True
    """Whether nothing can stand after it."""
    dot_all: bool = False
    """Whether `.` matches a line feed."""


_INSIDE = _Around(starts=False, ends=False)


class Automaton:
    """Nodes; whoever makes a node keeps it, as the start of a test."""

    def __init__(self, alphabet: Characters = TEXT) -> None:
        """No nodes but `END` and `ALL`.

        Args:
            alphabet: the characters that texts can have.
        """
        self.alphabet = alphabet
        self.reads: list[Characters | None] = [None, alphabet]
        """For each node: the characters it reads; None: it reads nothing."""
        self.ways: list[tuple[int, ...]] = [(), (ALL,)]
        """For each node: where it leads."""
        self._made: dict[tuple[Characters | None, tuple[int, ...]], int] = {}
        self._closed: dict[int, frozenset[int]] = {}

    def __len__(self) -> int:
        return len(self.reads)

    def read(self, characters: Characters, then: int) -> int:
        """A node that reads one of these characters."""
        return self._node(intersection(characters, self.alphabet), (then,))

    def fork(self, ways: Iterable[int]) -> int:
        """A node that stands for all of these."""
        different = tuple(dict.fromkeys(ways))
        return different[0] if len(different) == 1 else self._node(None, different)

    def anything(self, then: int) -> int:
        """A node that reads any text."""
        return ALL if then == END else self._loop(self.alphabet, then)

    def texts(self, texts: Iterable[str], then: int) -> int:
        """A node that reads one of these texts; texts that begin alike share nodes."""
        return self._trie(sorted(set(texts)), 0, then)

    def numbers(self, lowest: int, highest: int, then: int) -> int:
        """A node that reads a whole number within these bounds, without a needless 0."""
        ways = []
        for length in range(len(str(lowest)), len(str(highest)) + 1):
            first = max(lowest, 10 ** (length - 1) if length > 1 else 0)
            last = min(highest, 10**length - 1)
            ways.append(self._digits(str(first), str(last), then))
        return self.fork(ways)

    def pattern(self, written: str, parsed: Parsed) -> int:
        """A node at which a text passes that a pattern matches as a whole.

        Raises:
            Undecided: it asks what is before or after one of its parts.
            TooLargeError: it has too many nodes.
        """
        return _Pattern(self, written, ignore_case=bool(parsed.flags & re.IGNORECASE)).sequence(
            parsed.tree, END, _Around()
        )

    def repeat(self, characters: Characters, then: int) -> int:
        """A node that reads any number of these characters."""
        characters = intersection(characters, self.alphabet)
        return self.anything(then) if characters == self.alphabet else self._loop(characters, then)

    def placeholder(self) -> int:
        """A node that leads nowhere before `lead`."""
        self.reads.append(None)
        self.ways.append(())
        return len(self.reads) - 1

    def lead(self, node: int, ways: tuple[int, ...]) -> None:
        """Lets a placeholder fork."""
        self.ways[node] = ways

    def closed(self, node: int) -> frozenset[int]:
        """The nodes without forks that a node stands for."""
        if node not in self._closed:
            found: dict[int, None] = {}
            left = [node]
            while left:
                one_node = left.pop()
                if one_node not in found:
                    found[one_node] = None
                    if self.reads[one_node] is None:
                        left.extend(self.ways[one_node])
            reading = frozenset(n for n in found if n == END or self.reads[n] is not None)
            self._closed[node] = frozenset({ALL}) if ALL in reading else reading
        return self._closed[node]

    def _loop(self, characters: Characters, then: int) -> int:
        key = (characters, (-1, then))
        if key not in self._made:
            self._made[key] = node = self.placeholder()
            self.lead(node, (self.read(characters, node), then))
        return self._made[key]

    def _node(self, characters: Characters | None, ways: tuple[int, ...]) -> int:
        """A node; equal ones are made once."""
        key = (characters, ways)
        if key not in self._made:
            if len(self.reads) >= MAX_NODES:
                raise TooLargeError
            self.reads.append(characters)
            self.ways.append(ways)
            self._made[key] = len(self.reads) - 1
        return self._made[key]

    def _trie(self, texts: Sequence[str], at: int, then: int) -> int:
        """A node that reads these texts, which are sorted and alike up to a place, from there."""
        ways = []
        for character, group in groupby(texts, lambda text: text[at : at + 1]):
            some = list(group)
            if character == "":
                ways.append(then)
            elif len(some) == 1:
                ways.append(self._line(some[0][at:], then))
            else:
                ways.append(self.read(one(character), self._trie(some, at + 1, then)))
        return self.fork(ways)

    def _digits(self, first: str, last: str, then: int) -> int:
        """A node that reads digits from these to those, of the same length."""
        if not first:
            return then
        low, high, rest = ord(first[0]), ord(last[0]), len(first) - 1
        zeros, nines = "0" * rest, "9" * rest
        if low == high or (first == f"0{zeros}" and last == f"9{nines}"):
            return self.read(((low, high),), self._digits(first[1:], last[1:], then))
        ways = [
            self.read(((low, low),), self._digits(first[1:], nines, then)),
            self.read(((high, high),), self._digits(zeros, last[1:], then)),
        ]
        if low + 1 < high:
            ways.append(self.read(((low + 1, high - 1),), self._digits(zeros, nines, then)))
        return self.fork(ways)

    def _line(self, text: str, then: int) -> int:
        for character in reversed(text):
            then = self.read(one(character), then)
        return then


class _Pattern:
    """Makes the nodes of one pattern."""

    def __init__(self, automaton: Automaton, written: str, *, ignore_case: bool) -> None:
        self._automaton = automaton
        self._written = written
        self._ignore_case = ignore_case

    def sequence(self, parts: Sequence[Any], then: int, around: _Around) -> int:
        """A node that reads consecutive parts."""
        widths = [str(code) != "AT" for code, _ in parts]
        for place in reversed(range(len(parts))):
            starts = around.starts and not any(widths[:place])
            ends = around.ends and not any(widths[place + 1 :])
            then = self._part(parts[place], then, around._replace(starts=starts, ends=ends))
        return then

    def _part(self, part: Any, then: int, around: _Around) -> int:
        code, argument = str(part[0]), part[1]
        match code:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return self._automaton.read(self._characters(code, argument, around), then)
            case "SUBPATTERN":
                dot_all = around.dot_all or bool(argument[1] & re.DOTALL)
                return self.sequence(argument[3], then, around._replace(dot_all=dot_all))
            case "ATOMIC_GROUP":
                return self.sequence(argument, then, around)
            case "BRANCH":
                ways = [self.sequence(parts, then, around) for parts in argument[1]]
                return self._automaton.fork(ways)
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self._repeat(argument, then, around)
            case "AT":
                return self._anchor(str(argument), then, around)
            case _:
                raise Undecided(
                    phrase(
                        '`regex: "{written}"` has an unsupported construct', written=self._written
                    )
                )

    def _characters(self, code: str, argument: Any, around: _Around) -> Characters:
        if code == "ANY" and around.dot_all:
            return EVERY
        return characters_of(code, argument, ignore_case=self._ignore_case)

    def _repeat(self, argument: Any, then: int, around: _Around) -> int:
        least, most, parts = argument
        inside = around if most == 1 else _INSIDE._replace(dot_all=around.dot_all)
        if most == _constants.MAXREPEAT:
            node = self._endless(parts, then, inside)
        else:
            node = then
            for _ in range(most - least):
                node = self._automaton.fork((self.sequence(parts, node, inside), then))
        for _ in range(least):
            node = self.sequence(parts, node, inside)
        return node

    def _endless(self, parts: Sequence[Any], then: int, inside: _Around) -> int:
        if len(parts) == 1 and (code := str(parts[0][0])) in (
            "LITERAL",
            "NOT_LITERAL",
            "ANY",
            "IN",
        ):
            return self._automaton.repeat(self._characters(code, parts[0][1], inside), then)
        node = self._automaton.placeholder()
        self._automaton.lead(node, (self.sequence(parts, node, inside), then))
        return node

    def _anchor(self, name: str, then: int, around: _Around) -> int:
        """At the ends of the pattern an anchor says what holds anyway: it matches as a whole."""
        at_start = name in ("AT_BEGINNING", "AT_BEGINNING_STRING") and around.starts
        if at_start or (name in ("AT_END", "AT_END_STRING") and around.ends):
            return then
        raise Undecided(
            phrase(
                '`regex: "{written}"` has {anchor} inside',
                written=self._written,
                anchor=_ANCHORS[name],
            )
        )


def characters_in(parsed: Parsed) -> Characters:
    """The characters of all texts that match a pattern."""
    automaton = Automaton()
    start = automaton.pattern("", parsed)
    if start == ALL or any(ALL in ways for ways in automaton.ways[ALL + 1 :]):
        return TEXT
    return union(span for reads in automaton.reads[ALL + 1 :] for span in reads or ())
