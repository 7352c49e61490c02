"""What tests of one fact say of values: for the theories of proofs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.matchers import MATCHERS, Atom


def atom(fact: str, matcher: str, operand: Any = None) -> Atom:
    """A test as policies make it."""
    return Atom(fact, matcher, MATCHERS[matcher].prepare(operand))


def outcome(atoms: Sequence[Atom], value: FactValue) -> tuple[bool, ...]:
    """Which tests a value passes."""
    return tuple(one.holds(lambda _: value) for one in atoms)


def outcomes(atoms: Sequence[Atom], values: Iterable[FactValue]) -> Counter[tuple[bool, ...]]:
    """How many values have each outcome."""
    return Counter(outcome(atoms, value) for value in values)


def every_text(alphabet: str, longest: int) -> list[str]:
    """All texts of some characters."""
    return ["".join(t) for n in range(longest + 1) for t in product(alphabet, repeat=n)]
