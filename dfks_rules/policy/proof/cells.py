"""Values sorted by the tests that they pass."""

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.matchers import Atom

Outcome = tuple[bool, ...]
"""For each test, whether a value passes it."""
Value = TypeVar("Value", str, int)


def outcome(atoms: Iterable[Atom], value: FactValue) -> Outcome:
    """Which tests a value passes, whatever fact each is about."""
    return tuple(atom.holds(lambda _: value) for atom in atoms)


class Cells(Generic[Value]):
    """A few values of each kind."""

    def __init__(self, kind: Callable[[Value], Hashable], copies: int) -> None:
        """No values.

        Args:
            kind: what is told of a value, such as its outcome.
            copies: how many values a kind gets.
        """
        self._kind: Callable[[Value], Hashable] = kind
        self._copies = copies
        self._cells: dict[Hashable, dict[Value, None]] = {}

    def add(self, value: Value) -> None:
        """Keeps a value, unless there are enough like it."""
        cell = self._cells.setdefault(self._kind(value), {})
        if len(cell) < self._copies:
            cell[value] = None

    @property
    def values(self) -> tuple[Value, ...]:
        """What was kept, values that are alike together."""
        return tuple(value for cell in self._cells.values() for value in cell)
