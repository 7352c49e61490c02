"""Values sorted by the tests that they pass."""

from collections.abc import Iterable
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
    """A few values for each outcome."""

    def __init__(self, atoms: Iterable[Atom], copies: int) -> None:
        """No values.

        Args:
            atoms: tests, each of one fact.
            copies: how many values an outcome gets.
        """
        self._atoms = tuple(atoms)
        self._copies = copies
        self._cells: dict[Outcome, dict[Value, None]] = {}

    def add(self, value: Value) -> None:
        """Keeps a value, unless there are enough like it."""
        cell = self._cells.setdefault(outcome(self._atoms, value), {})
        if len(cell) < self._copies:
            cell[value] = None

    @property
    def values(self) -> tuple[Value, ...]:
        """What was kept, values that are alike together."""
        return tuple(value for cell in self._cells.values() for value in cell)
