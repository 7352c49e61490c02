"""Users and domains such that each pair stands for all addresses.

A test of `sip:user@domain` as a whole ties the two together. So a user is also known by the nodes
of the automaton at which such a test is after it, and a domain by the nodes from which the test
passes with it. A constant ties a user to the domains with which it is one.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from dfks_rules.model.identity import Aor
from dfks_rules.policy.language.characters import has, one, union
from dfks_rules.policy.language.languages import Matching, language_of
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.automata import Automaton, TooLargeError
from dfks_rules.policy.proof.cells import outcome
from dfks_rules.policy.proof.determined import Determined
from dfks_rules.policy.proof.shapes import DOMAIN, USER, Shape
from dfks_rules.policy.proof.texts import (
    Others,
    constants_of,
    patterns_of,
    start_of,
    too_many_cells,
)

_SCHEME = "sip:"
T = TypeVar("T", bound=Hashable)


class Tests(NamedTuple):
    """Tests of addresses and their parts."""

    of_address: frozenset[Atom]
    """Of `sip:user@domain` as a whole."""
    of_user: frozenset[Atom]
    """Of its user."""
    of_domain: frozenset[Atom]
    """Of its domain."""


def distinct_addresses(
    of_address: Iterable[Atom],
    of_user: Iterable[Atom],
    of_domain: Iterable[Atom],
    *,
    shapes: tuple[Shape, Shape] = (USER, DOMAIN),
    copies: int = 1,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Users and domains such that each outcome that some address can have is had by a pair.

    Args:
        of_address: tests of `sip:user@domain` as a whole.
        of_user: tests of its user.
        of_domain: tests of its domain.
        shapes: the users and the domains that can occur; without a user an address is
            `sip:domain`. Their parts count as in `distinct_texts`.
        copies: how many users, and how many domains, an outcome gets, where there are as many.

    Raises:
        Undecided: a test is opaque, or there are too many cells.
    """
    tests = Tests(frozenset(of_address), frozenset(of_user), frozenset(of_domain))
    languages = map(language_of, tests.of_address)
    if any(isinstance(one, Matching) and one.longest is not None for one in languages):
        # Then an address can be too long for a test.
        shapes = (shapes[0]._replace(to_longest=True), shapes[1]._replace(to_longest=True))
    return _distinct_addresses(tests, shapes, copies)


@lru_cache(1024)
def _distinct_addresses(
    tests: Tests, shapes: tuple[Shape, Shape], copies: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    of_users, of_domains = _partners(tests.of_address, shapes)
    try:
        users, domains = _parts(tests, shapes, (of_users, of_domains), copies)
    except TooLargeError as error:
        raise too_many_cells(frozenset[Atom]().union(*tests)) from error
    ats, froms = set(users.values()), set(domains.values())

    def of_user(user: str) -> Hashable:
        passing = frozenset((one, _passing(users[user], one)) for one in froms)
        return outcome(tests.of_user, user), frozenset(of_users.get(user, ())), passing

    def of_domain(domain: str) -> Hashable:
        passing = frozenset((one, _passing(one, domains[domain])) for one in ats)
        return outcome(tests.of_domain, domain), frozenset(of_domains.get(domain, ())), passing

    return (
        _few(users, of_user, shapes[0], copies),
        _few(domains, of_domain, shapes[1], copies),
    )


_At = frozenset[tuple[int, int]]
"""After a user: for each pattern of addresses, by number, the nodes at which it is."""
_From = frozenset[int]
"""Of a domain: the nodes from which it passes."""
_Partners = dict[str, set[tuple[int, str]]]
"""For a part of constants: the lists, by number, in which it is, and the other parts there."""


def _passing(at: _At, from_: _From) -> frozenset[int]:
    """The patterns that a user and a domain pass together."""
    return frozenset(pattern for pattern, node in at if node in from_)


def _few(
    texts: Iterable[str], kind: Callable[[str], Hashable], shape: Shape, copies: int
) -> tuple[str, ...]:
    """Of each kind the shortest and, if the shape asks for it, the longest."""
    kinds: dict[Hashable, list[str]] = defaultdict(list)
    # No user is the last choice: people take that for a mistake.
    for text in sorted(texts, key=lambda text: (not text, len(text))):
        kinds[kind(text), *(part.has(text) for part in shape.parts)].append(text)
    few: dict[str, None] = {}
    for some in kinds.values():
        few |= dict.fromkeys((*some[:copies], *(some[-1:] if shape.to_longest else ())))
    return tuple(few)


def _partners(atoms: Iterable[Atom], shapes: tuple[Shape, Shape]) -> tuple[_Partners, _Partners]:
    """The users that constants name, and the domains; of constants that can occur."""
    users, domains = _Partners(), _Partners()
    for number, atom in enumerate(atoms):
        for constant in constants_of([atom]):
            user, _, domain = str(constant).removeprefix(_SCHEME).rpartition("@")
            can_occur = shapes[0].has(user) and shapes[1].has(domain)
            if can_occur and Aor(user, domain).uri == constant:
                users.setdefault(user, set()).add((number, domain))
                domains.setdefault(domain, set()).add((number, user))
    return users, domains


def _parts(
    tests: Tests, shapes: tuple[Shape, Shape], named: tuple[_Partners, _Partners], copies: int
) -> tuple[dict[str, _At], dict[str, _From]]:
    """Users and domains of each kind, and what tests of whole addresses know of them.

    Raises:
        Undecided: a test is opaque.
        TooLargeError: there are too many nodes or states.
    """
    fixed = union(span for character in f"{_SCHEME}@" for span in one(character))
    automaton = Automaton(union([*fixed, *shapes[0].characters, *shapes[1].characters]))
    begun = [
        _after(automaton, automaton.closed(start_of(automaton, language)), _SCHEME)
        for language in patterns_of(tests.of_address).values()
    ]
    left = _Side(automaton, shapes[0], tests.of_user, [automaton.fork(nodes) for nodes in begun])

    def at(position: int) -> _At:
        return _numbered(
            _after(automaton, left.whole.nodes(position, number), "@")
            for number in range(len(begun))
        )

    users = dict(left.texts(named[0], at, copies))
    if shapes[0].has(""):
        users[""] = _numbered(begun)
    nodes = sorted({node for one in users.values() for _, node in one})
    right = _Side(automaton, shapes[1], tests.of_domain, nodes)

    def from_(position: int) -> _From:
        passed = right.whole.passed(position) or ()
        return frozenset(nodes[number] for number in passed if number < len(nodes))

    return users, dict(right.texts(named[1], from_, copies))


def _numbered(nodes: Iterable[frozenset[int]]) -> _At:
    return frozenset((number, node) for number, some in enumerate(nodes) for node in some)


def _after(automaton: Automaton, nodes: Iterable[int], text: str) -> frozenset[int]:
    """Where these nodes lead by a text."""
    after = frozenset(nodes)
    for character in text:
        reading = [node for node in after if has(automaton.reads[node] or (), character)]
        after = frozenset[int]().union(*(automaton.closed(automaton.ways[n][0]) for n in reading))
    return after


class _Side:
    """One part of addresses."""

    def __init__(
        self, automaton: Automaton, shape: Shape, atoms: frozenset[Atom], starts: Sequence[int]
    ) -> None:
        """Makes the states.

        Args:
            automaton: the nodes.
            shape: the texts that can occur.
            atoms: tests of this part alone.
            starts: where tests of whole addresses can be before it.

        Raises:
            Undecided: a test is opaque.
            TooLargeError: there are too many nodes or states.
        """
        own = [start_of(automaton, language) for language in patterns_of(atoms).values()]
        own += [part.start_in(automaton) for part in shape.parts]
        start = shape.start_in(automaton)
        self.whole = Determined(automaton, [*starts, *own], start, longest=shape.longest)
        self._shape = shape
        self._constants = constants_of(atoms)
        self._own = range(len(starts), len(starts) + len(own))

    def texts(
        self, named: Iterable[str], tell: Callable[[int], T], copies: int
    ) -> Iterator[tuple[str, T]]:
        """Constants and, of each kind of texts, the shortest and maybe a longest.

        Args:
            named: more constants.
            tell: what tests of whole addresses know in a state; it is yielded with the text.
            copies: how many short texts a kind gets.
        """
        constants = self._shape.among({*self._constants, *named})
        for text in constants:
            position = self.whole.position_of(text)
            if position is not None:
                yield text, tell(position)
        kinds: dict[tuple[T, frozenset[int]], list[int]] = defaultdict(list)
        for position in range(len(self.whole.states)):
            passed = self.whole.passed(position)
            if passed is not None:
                kinds[tell(position), passed.intersection(self._own)].append(position)
        others = Others(self.whole, ["", *constants])
        for (told, _), ends in kinds.items():
            few = others.leading_to(ends, copies)
            longest = [self.whole.longest_to(ends)] if self._shape.to_longest else []
            yield from ((text, told) for text in (*few, *longest))
